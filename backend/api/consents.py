"""Consents for server programs: what stands, all that was ever said, and new words."""

from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.openapi.spec import Example
from litestar.params import BodyKwarg, FromQuery

from backend.api.guards import requires
from backend.api.parameters import CustomerNumber, Size, Text, Word
from backend.api.statements import Accepted, Telling, Whom, tells
from backend.services.people import People
from campaigns.person import Consent, ConsentHistory
from segments import statements


class NewConsent(Whom, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A customer's word on being written to.

    Attributes:
        source: where it was given: a form, a till, a call.
    """

    granted: bool
    purpose: Word = "marketing"
    channel: Word = "push"
    source: Text | None = None


_WORD = Example(
    value={"user_id": "M-1001", "purpose": "marketing", "channel": "push", "granted": True, "source": "店頭申込書"}
)


class ConsentController(Controller):
    """Consent per purpose and channel. The phone's own permission is the device's, and something else."""

    tags = ("consents",)

    @get(
        "/customers/{customer_id:int}/consents",
        guards=[requires("consents:read")],
        summary="Read what a customer agreed to",
    )
    async def get_consents(self, people: NamedDependency[People], customer_id: CustomerNumber) -> list[Consent]:
        """For each purpose and channel the word that stands: the latest by when it was said."""
        return list(await people.consents(customer_id))

    @get(
        "/customers/{customer_id:int}/consents/history",
        guards=[requires("consents:read")],
        summary="Read all that a customer ever said of consent",
    )
    async def get_history(
        self,
        people: NamedDependency[People],
        customer_id: CustomerNumber,
        before: FromQuery[str | None] = None,
        size: Size = 50,
    ) -> ConsentHistory:
        """Every word with its source and time, the latest first; ``before`` takes ``next`` of the page before."""
        return await people.consent_history(customer_id, before=before, size=size)

    @tells("/consents", scope="consents:write", summary="Tell a consent")
    async def put_consent(
        self,
        *,
        data: Annotated[NewConsent, BodyKwarg(media_type=RequestEncodingType.JSON, examples=[_WORD])],
        tell: NamedDependency[Telling],
    ) -> Accepted:
        """The customer agreed, or refused. A word that was said earlier than another one does not overturn it."""
        return await tell(
            data,
            lambda about: statements.consent(
                about, purpose=data.purpose, channel=data.channel, granted=data.granted, source=data.source
            ),
        )
