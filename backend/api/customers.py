"""Customers for server programs: found, listed, shown whole, with their timeline; told what is true of them."""

from typing import Annotated, Any

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.openapi.spec import Example
from litestar.params import BodyKwarg, FromQuery

from backend.api.guards import requires
from backend.api.parameters import CustomerNumber, Id, SegmentFilter, Size
from backend.api.statements import Accepted, Telling, Whom, tells
from backend.services.people import People
from backend.services.ranks import PersonalRank, RankDesk
from campaigns.person import PeopleSlice, PersonDetail
from campaigns.timeline import Timeline
from segments import statements
from segments.coupons import PersonalCoupon


class Profile(Whom, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is true of a customer: each trait by its name, null for one that is to be forgotten.

    Traits that are not named stay as they are.
    """

    traits: dict[str, Any]


_PROFILE = Example(
    value={"user_id": "M-1001", "traits": {"family_name": "佐藤", "given_name": "花子", "prefecture": "東京都"}}
)


class CustomerController(Controller):
    """People: the list, one person, what happened. Amounts are in the currency's smallest unit."""

    path = "/customers"
    tags = ("customers",)

    @get("/", guards=[requires("customers:read")], summary="List or search customers")
    async def list_customers(
        self,
        *,
        people: NamedDependency[People],
        search: FromQuery[str] = "",
        rank: FromQuery[str | None] = None,
        segment_id: SegmentFilter = None,
        cursor: FromQuery[str | None] = None,
        size: Size = 50,
    ) -> PeopleSlice:
        """The latest seen first; ``cursor`` takes ``next`` of the page before.

        ``search`` is the beginning of a member number, a name or a mail address.
        """
        return await people.walk(query=search, rank=rank, segment_id=segment_id, cursor=cursor, size=size)

    @tells("/", scope="customers:write", summary="Tell a customer's traits")
    async def put_traits(
        self,
        *,
        data: Annotated[Profile, BodyKwarg(media_type=RequestEncodingType.JSON, examples=[_PROFILE])],
        tell: NamedDependency[Telling],
    ) -> Accepted:
        """Add a customer, or change what is true of one. Trait by trait the later word stands."""
        return await tell(data, lambda about: statements.traits(about, data.traits))

    @get("/by-user-id", guards=[requires("customers:read")], summary="Read a customer by your own number")
    async def get_by_user_id(self, people: NamedDependency[People], user_id: FromQuery[Id]) -> PersonDetail:
        """Everything known of the person whom your shop knows by this number."""
        return await people.detail(await people.find(user_id))

    @get("/by-anonymous-id", guards=[requires("customers:read")], summary="Read a customer by an app's anonymous id")
    async def get_by_anonymous_id(self, people: NamedDependency[People], anonymous_id: FromQuery[Id]) -> PersonDetail:
        """Everything known of the person to whom the app's anonymous id belongs by now."""
        return await people.detail(await people.find_anonymous(anonymous_id))

    @get("/{customer_id:int}", guards=[requires("customers:read")], summary="Read a customer")
    async def get_customer(self, people: NamedDependency[People], customer_id: CustomerNumber) -> PersonDetail:
        """Profile, consents, devices, coupons, segments and the attributes that rules read."""
        return await people.detail(customer_id)

    @get("/{customer_id:int}/coupons", guards=[requires("customers:read")], summary="Read a customer's coupons")
    async def list_coupons(
        self, people: NamedDependency[People], customer_id: CustomerNumber
    ) -> tuple[PersonalCoupon, ...]:
        """Coupons issued to the person or used: those held first, then the latest."""
        return await people.coupons(customer_id)

    @get("/{customer_id:int}/ranks", guards=[requires("customers:read")], summary="Read a customer's ranks")
    async def get_ranks(self, rank_desk: NamedDependency[RankDesk], customer_id: CustomerNumber) -> PersonalRank:
        """The computed rank with its history and what is missing to the next, and the rank that your system reported."""
        return await rank_desk.person(customer_id)

    @get("/{customer_id:int}/timeline", guards=[requires("customers:read")], summary="Read a customer's timeline")
    async def get_timeline(
        self,
        people: NamedDependency[People],
        customer_id: CustomerNumber,
        before: FromQuery[str | None] = None,
        size: Size = 50,
    ) -> Timeline:
        """Events and messages, newest first; ``before`` takes ``next`` of the page before."""
        return await people.timeline(customer_id, before=before, size=size)
