"""Customers for server programs: found, listed, shown whole, with their timeline."""

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from backend.api.guards import requires
from backend.services.people import People
from campaigns.person import PeoplePage, PersonDetail
from campaigns.timeline import Timeline


class CustomerController(Controller):
    """People: the list, one person, what happened. Amounts are in the currency's smallest unit."""

    path = "/customers"
    guards = (requires("customers:read"),)
    tags = ("customers",)

    @get("/", summary="List or search customers")
    async def list_customers(
        self,
        *,
        people: NamedDependency[People],
        search: FromQuery[str] = "",
        rank: FromQuery[str | None] = None,
        segment_id: FromQuery[int | None] = None,
        page: FromQuery[int] = 1,
        size: FromQuery[int] = 50,
    ) -> PeoplePage:
        """The latest seen first. ``search`` is the beginning of a member number, a name or a mail address."""
        return await people.list(query=search, rank=rank, segment_id=segment_id, page=page, size=size)

    @get("/by-user-id", summary="Read a customer by your own number")
    async def get_by_user_id(self, people: NamedDependency[People], user_id: FromQuery[str]) -> PersonDetail:
        """Everything known of the person whom your shop knows by this number."""
        return await people.detail(await people.find(user_id))

    @get("/{customer_id:int}", summary="Read a customer")
    async def get_customer(self, people: NamedDependency[People], customer_id: FromPath[int]) -> PersonDetail:
        """Profile, consents, devices, coupons, segments and the attributes that rules read."""
        return await people.detail(customer_id)

    @get("/{customer_id:int}/timeline", summary="Read a customer's timeline")
    async def get_timeline(
        self,
        people: NamedDependency[People],
        customer_id: FromPath[int],
        before: FromQuery[str | None] = None,
        size: FromQuery[int] = 50,
    ) -> Timeline:
        """Events and messages, newest first; ``before`` takes ``next`` of the page before."""
        return await people.timeline(customer_id, before=before, size=size)
