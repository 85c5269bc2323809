"""The server's application: `create_app` for open services, `from_environment` for Granian's own processes."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import fields
from typing import Any, cast

import structlog
from litestar import Controller, Litestar, Router
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.plugins import PluginProtocol
from litestar.types import ASGIApp, LifeSpanReceive, LifeSpanSend, Receive, Scope, Send

from backend import log, wiring
from backend.api.description import Description, LocalTimes
from backend.api.draining import Drain
from backend.api.events import Door, EventController
from backend.api.front_door import FrontDoor
from backend.api.gate import Gate
from backend.api.health import HealthController
from backend.api.idempotency import Idempotent
from backend.api.inbox import InboxController
from backend.api.meters import Meters, RequestMeter
from backend.api.problems import HANDLERS
from backend.api.sdk_settings import SettingsController, SourceConfigController
from backend.errors import JorenError, NotConfigured
from backend.mounted import Mounted
from backend.services.device_clocks import DeviceClocks
from backend.services.ingest import Ingest
from backend.services.refusals import Refusals
from backend.wiring import IntakeServices, Services
from backend.wiring.memory import rest_the_collector

_log = structlog.get_logger(__name__)

ROLES = ("intake", "admin", "all")
"""intake takes events only and loads neither Polars nor the frame; admin serves pages and API; all does both."""


_OPENAPI = OpenAPIConfig(
    title="Joren",
    version="1",
    path="/api/v1/schema",
    render_plugins=[Description(path="/openapi.json")],
    use_handler_docstrings=True,
)
"""The description only: pages that render it would fetch scripts from elsewhere."""


class _Given(Provide):
    """A service. Litestar holds each against each, for every handler; by identity that is quick."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__


def create_app(services: IntakeServices, role: str = "all") -> Litestar:
    """The application of one role on services that are open. It starts and stops the intake's writers.

    Raises:
        NotConfigured: there is no such role, or the services of an intake process were given another.
    """
    if role not in ROLES:
        raise NotConfigured(f"There is no role {role!r}: use one of {', '.join(ROLES)}.")
    settings, meters = services.settings, Meters()
    door = Door(
        ingest=services.ingest,
        sources=services.sources,
        tokens=services.customer_tokens,
        device_clocks=services.device_clocks,
        plans=services.plans,
        gate=_gate(services),
        refusals=services.refusals,
        clock=services.clock,
        meters=meters,
        largest_body=settings.largest_body,
    )
    app = Litestar(
        route_handlers=[_answering(role, services, meters)],
        plugins=_plugins(services, role),
        middleware=[RequestMeter(meters)],
        exception_handlers=HANDLERS,
        cors_config=_cors(settings.allowed_origins),
        state=State({"services": services, "door": door}),
        on_startup=[part.start for part in _living(services, role)],
        on_shutdown=[part.stop for part in _living(services, role)],
        request_max_body_size=settings.largest_body,
        openapi_config=None if role == "intake" else _OPENAPI,
        logging_config=None,
    )
    if role != "admin":
        app.asgi_handler = FrontDoor(app.asgi_handler, door)
    return app


def _living(services: IntakeServices, role: str) -> tuple[Ingest | DeviceClocks | Refusals, ...]:
    """What is started and stopped; whatever notes something is stopped after whatever is answered.

    The server API takes events too, through the same `Ingest`.
    """
    return (services.ingest,) if role == "admin" else (services.ingest, services.device_clocks, services.refusals)


def _gate(services: IntakeServices) -> Gate:
    settings = services.settings
    return Gate(
        services.rates,
        proxies=settings.trusted_proxies,
        per_key=settings.key_limit,
        per_address=settings.address_limit,
    )


def _answering(role: str, services: IntakeServices, meters: Meters) -> Router:
    """All but the pages, which have a door of their own: each dependency costs a start something for each handler."""
    return Mounted(
        path="/",
        route_handlers=_routes(role),
        dependencies=_dependencies(services) | {"meters": _given(meters)},
    )


def _routes(role: str) -> list[Any]:
    routes: list[Any] = [HealthController]
    if role != "admin":
        phones = [EventController, SettingsController, InboxController]
        routes += [Mounted(path="/v1", route_handlers=phones), SourceConfigController]
    if role != "intake":
        routes.append(_steering())
    return routes


def _steering() -> Router:
    """The API by which server programs read and steer."""
    from backend.api.campaign_acts import CampaignActsController  # noqa: PLC0415 - not for intake processes
    from backend.api.campaign_figures import CampaignFiguresController  # noqa: PLC0415 - not for intake processes
    from backend.api.campaigns import CampaignController  # noqa: PLC0415 - not for intake processes
    from backend.api.consents import ConsentController  # noqa: PLC0415 - not for intake processes
    from backend.api.coupons import CouponController  # noqa: PLC0415 - not for intake processes
    from backend.api.customers import CustomerController  # noqa: PLC0415 - not for intake processes
    from backend.api.devices import DeviceController  # noqa: PLC0415 - not for intake processes
    from backend.api.exports import ExportController  # noqa: PLC0415 - not for intake processes
    from backend.api.journeys import JourneyController  # noqa: PLC0415 - not for intake processes
    from backend.api.kpis import KpiController  # noqa: PLC0415 - not for intake processes
    from backend.api.life_cycle import ThresholdController  # noqa: PLC0415 - not for intake processes
    from backend.api.lists import ListController  # noqa: PLC0415 - not for intake processes
    from backend.api.margins import MarginController  # noqa: PLC0415 - not for intake processes
    from backend.api.memberships import MembershipController  # noqa: PLC0415 - not for intake processes
    from backend.api.playbooks import PlaybookController  # noqa: PLC0415 - not for intake processes
    from backend.api.privacy import PrivacyController  # noqa: PLC0415 - not for intake processes
    from backend.api.ranks import RankController  # noqa: PLC0415 - not for intake processes
    from backend.api.segment_drafts import DraftController  # noqa: PLC0415 - not for intake processes
    from backend.api.segments import SegmentController  # noqa: PLC0415 - not for intake processes
    from backend.api.server_events import ServerEventController  # noqa: PLC0415 - not for intake processes
    from backend.api.shop import ShopController  # noqa: PLC0415 - not for intake processes
    from backend.api.webhooks import WebhookController  # noqa: PLC0415 - not for intake processes

    steering: list[type[Controller]] = [
        CampaignController,
        CampaignActsController,
        CampaignFiguresController,
        ConsentController,
        CouponController,
        CustomerController,
        DeviceController,
        ExportController,
        JourneyController,
        KpiController,
        ListController,
        MarginController,
        PlaybookController,
        PrivacyController,
        RankController,
        SegmentController,
        DraftController,
        MembershipController,
        ServerEventController,
        ShopController,
        ThresholdController,
        WebhookController,
    ]
    return Mounted(path="/api/v1", route_handlers=steering, middleware=[Idempotent()])


def _plugins(services: IntakeServices, role: str) -> list[PluginProtocol]:
    if role == "intake":
        return []
    if not isinstance(services, Services):
        raise NotConfigured("The services of an intake process cannot serve pages.")
    from admin_ui.plugin import AdminPages  # noqa: PLC0415 - not for intake processes

    return [AdminPages(services, public_url=services.settings.public_url), LocalTimes()]


def _dependencies(services: IntakeServices) -> dict[str, Provide]:
    """Each service by the name it has in wiring, for handlers that ask for it."""
    return {field.name: _given(getattr(services, field.name)) for field in fields(services)}


def _given(value: Any) -> Provide:
    def give() -> Any:
        return value

    return _Given(give, sync_to_thread=False)


def _cors(origins: tuple[str, ...]) -> CORSConfig | None:
    """Web pages of these origins may send events; cookies stay out of it."""
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "Content-Encoding", "X-Retry-Count", "X-User-Token"],
        max_age=3600,
    )


class Served:
    """An application whose services live as long as the server's process: opened when it starts, closed when it stops."""

    def __init__(self, open_services: Callable[[], AbstractAsyncContextManager[IntakeServices]], role: str) -> None:
        self._open_services = open_services
        self._role = role
        self._app: ASGIApp | None = None
        self._drain = Drain()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, or live through the process's lifespan."""
        if cast("str", scope["type"]) == "lifespan":
            await self._live(cast("LifeSpanReceive", receive), cast("LifeSpanSend", send))
        else:
            assert self._app is not None  # noqa: S101 - the server starts us before it lets anyone in
            await self._drain.answer(self._app, scope, receive, send)

    async def _live(self, receive: LifeSpanReceive, send: LifeSpanSend) -> None:
        await receive()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._drain.begin)
        try:
            async with self._open_services() as services:
                app = create_app(services, self._role)
                async with app.lifespan():
                    self._app = app
                    rest_the_collector()
                    await send({"type": "lifespan.startup.complete"})
                    await receive()
        except Exception as error:
            if self._app is None:
                _log.exception("start_failed")
                message = error.message if isinstance(error, JorenError) else repr(error)
                await send({"type": "lifespan.startup.failed", "message": message})
                return
            raise
        await send({"type": "lifespan.shutdown.complete"})


def from_environment() -> Served:
    """The application as the environment configures it, for Granian: ``backend.asgi:from_environment``."""
    settings = wiring.from_environment()
    log.configure(level=settings.log_level)
    opener = wiring.open_intake if settings.role == "intake" else wiring.open_services
    return Served(lambda: opener(settings), settings.role)
