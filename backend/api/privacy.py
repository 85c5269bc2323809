"""A person's rights for server programs: disclosure, erasure, and how far an erasure is."""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import JSONBody

from backend.api.guards import actor_of, requires
from backend.api.parameters import CustomerNumber, Number
from backend.services.privacy.rights import Erasure, Rights

Reason = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*$")]


class ErasureWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whose data are to be removed; the reason is kept, so it should not name the person."""

    customer_id: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
    reason: Reason = ""


class PrivacyController(Controller):
    """Disclosure and erasure. Erasing cannot be taken back."""

    tags = ("privacy",)

    @get(
        "/customers/{customer_id:int}/disclosure",
        guards=[requires("privacy:read")],
        summary="Read everything that is kept of a person",
    )
    async def disclose(
        self, request: Request[None, None, State], rights: NamedDependency[Rights], customer_id: CustomerNumber
    ) -> Response[Any]:
        """One JSON document: ids, traits, devices, consents, messages, events, history."""
        document = await rights.disclose(customer_id, by=actor_of(request))
        return Response(document, media_type="application/json", headers={"Cache-Control": "no-store"})

    @post("/erasures", guards=[requires("privacy:write")], status_code=202, summary="Erase a person")
    async def erase(
        self, request: Request[None, None, State], rights: NamedDependency[Rights], data: JSONBody[ErasureWish]
    ) -> Erasure:
        """Nothing is sent to the person from now on; a worker removes the rest within minutes."""
        number = await rights.erase(data.customer_id, by=actor_of(request), reason=data.reason)
        return await rights.get(number)

    @get("/erasures/{erasure_id:int}", guards=[requires("privacy:read")], summary="Read how far an erasure is")
    async def read(self, rights: NamedDependency[Rights], erasure_id: Number) -> Erasure:
        """Finished once ``finished_at`` is there; ``removed`` counts by kind."""
        return await rights.get(erasure_id)
