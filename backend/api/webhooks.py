"""Outgoing webhooks for server programs: endpoints, their secrets, the delivery log."""

from typing import Annotated, TypeAlias

import msgspec
from litestar import Controller, Request, delete, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, Parameter, QueryParameter

from backend.api.guards import actor_of, requires
from backend.services.webhooks.endpoints import Webhooks
from backend.services.webhooks.ledger import Delivery, DeliveryDetail, Endpoint

_READ = requires("webhooks:read")
_WRITE = requires("webhooks:write")

Number: TypeAlias = Annotated[int, Parameter(ge=1, le=2**31 - 1)]
LongNumber: TypeAlias = Annotated[int, Parameter(ge=1, le=2**63 - 1)]


class EndpointBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to send which types of messages; see docs/how-to/webhooks.md."""

    url: str
    types: list[str]
    description: str = ""


class MadeEndpoint(msgspec.Struct, frozen=True):
    """A new endpoint with its secret, which is shown this once."""

    endpoint: Endpoint
    secret: str


class MadeSecret(msgspec.Struct, frozen=True):
    """A new secret, which is shown this once."""

    secret: str


class Ordered(msgspec.Struct, frozen=True):
    """A delivery that is on its way."""

    delivery_id: int


class WebhookController(Controller):
    """Endpoints of outgoing webhooks, and what was sent to them."""

    path = "/webhooks"
    tags = ("webhooks",)

    @get("/", guards=[_READ], summary="List endpoints")
    async def list_endpoints(self, webhooks: NamedDependency[Webhooks]) -> list[Endpoint]:
        """The oldest first, without their secrets."""
        return await webhooks.list()

    @post("/", guards=[_WRITE], summary="Register an endpoint")
    async def add_endpoint(
        self, request: Request[None, None, State], data: JSONBody[EndpointBody], webhooks: NamedDependency[Webhooks]
    ) -> MadeEndpoint:
        """Gives its secret, this once."""
        endpoint, secret = await webhooks.add(
            data.url, types=data.types, description=data.description, by=actor_of(request)
        )
        return MadeEndpoint(endpoint, secret)

    @put("/{endpoint_id:int}", guards=[_WRITE], summary="Change an endpoint")
    async def change_endpoint(
        self,
        request: Request[None, None, State],
        endpoint_id: FromPath[Number],
        data: JSONBody[EndpointBody],
        webhooks: NamedDependency[Webhooks],
    ) -> Endpoint:
        """Give it another address or other types."""
        return await webhooks.change(
            endpoint_id, url=data.url, types=data.types, description=data.description, by=actor_of(request)
        )

    @delete("/{endpoint_id:int}", guards=[_WRITE], summary="Remove an endpoint")
    async def remove_endpoint(
        self, request: Request[None, None, State], endpoint_id: FromPath[Number], webhooks: NamedDependency[Webhooks]
    ) -> None:
        """Forget it with everything that was sent to it."""
        await webhooks.remove(endpoint_id, by=actor_of(request))

    @post("/{endpoint_id:int}/secret", guards=[_WRITE], summary="Rotate an endpoint's secret")
    async def rotate_secret(
        self, request: Request[None, None, State], endpoint_id: FromPath[Number], webhooks: NamedDependency[Webhooks]
    ) -> MadeSecret:
        """A new one, this once; the one before signs beside it for two days."""
        return MadeSecret(await webhooks.rotate(endpoint_id, by=actor_of(request)))

    @post("/{endpoint_id:int}/disable", guards=[_WRITE], status_code=204, summary="Disable an endpoint")
    async def disable_endpoint(
        self, request: Request[None, None, State], endpoint_id: FromPath[Number], webhooks: NamedDependency[Webhooks]
    ) -> None:
        """Send nothing to it."""
        await webhooks.set_disabled(endpoint_id, disabled=True, by=actor_of(request))

    @post("/{endpoint_id:int}/enable", guards=[_WRITE], status_code=204, summary="Enable an endpoint")
    async def enable_endpoint(
        self, request: Request[None, None, State], endpoint_id: FromPath[Number], webhooks: NamedDependency[Webhooks]
    ) -> None:
        """Send to it again."""
        await webhooks.set_disabled(endpoint_id, disabled=False, by=actor_of(request))

    @post("/{endpoint_id:int}/ping", guards=[_WRITE], status_code=202, summary="Send a test message")
    async def ping_endpoint(
        self, request: Request[None, None, State], endpoint_id: FromPath[Number], webhooks: NamedDependency[Webhooks]
    ) -> Ordered:
        """A ``webhook.ping``, also to a disabled endpoint."""
        return Ordered(await webhooks.ping(endpoint_id, by=actor_of(request)))

    @get("/deliveries", guards=[_READ], summary="Read the delivery log")
    async def list_deliveries(
        self,
        *,
        webhooks: NamedDependency[Webhooks],
        endpoint_id: FromQuery[Number | None] = None,
        before: FromQuery[LongNumber | None] = None,
        in_state: Annotated[str | None, QueryParameter(name="state")] = None,
        limit: FromQuery[int] = 50,
    ) -> tuple[Delivery, ...]:
        """Newest first; ``before`` is the last number of the page before."""
        return await webhooks.deliveries(endpoint_id=endpoint_id, before=before, state=in_state, limit=limit)

    @get("/deliveries/{delivery_id:int}", guards=[_READ], summary="Read a delivery")
    async def get_delivery(
        self, delivery_id: FromPath[LongNumber], webhooks: NamedDependency[Webhooks]
    ) -> DeliveryDetail:
        """What was sent, and what each attempt met."""
        return await webhooks.delivery(delivery_id)

    @post("/deliveries/{delivery_id:int}/resend", guards=[_WRITE], status_code=202, summary="Send a message again")
    async def resend(
        self,
        request: Request[None, None, State],
        delivery_id: FromPath[LongNumber],
        webhooks: NamedDependency[Webhooks],
    ) -> Ordered:
        """With the same id, whatever became of it before."""
        await webhooks.resend(delivery_id, by=actor_of(request))
        return Ordered(delivery_id)
