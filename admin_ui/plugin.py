"""Mounts the pages at ``/`` of a Litestar application."""

from collections.abc import Callable
from typing import Any

from litestar import Request, Router
from litestar.config.app import AppConfig
from litestar.datastructures import CacheControlHeader
from litestar.di import Provide
from litestar.plugins import InitPlugin
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.static_files import create_static_files_router
from litestar.template.config import TemplateConfig
from litestar.types import ASGIApp

from admin_ui import assets, faults
from admin_ui.environment import make_environment
from admin_ui.forms import read_form
from admin_ui.i18n import Say
from admin_ui.page import Page, language_of, shop_line
from admin_ui.pages import ROUTES
from admin_ui.services import PageServices
from admin_ui.session import Allow, HeadersMiddleware, SessionMiddleware, admit
from backend.mounted import Mounted


class AdminPages(InitPlugin):
    """The admin pages as a plugin: routes, templates, assets, door."""

    def __init__(self, services: PageServices, *, public_url: str = "http://127.0.0.1:8000") -> None:
        assets.built()  # a missing build is said at start, not on the first page
        self._services = services
        self._public_url = public_url

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add templates and routes."""
        engine = JinjaTemplateEngine.from_environment(make_environment())
        app_config.template_config = TemplateConfig(instance=engine)
        app_config.route_handlers.extend([_assets(self._public_url), _pages(self._services, self._public_url)])
        return app_config


def _assets(public_url: str) -> Router:
    return create_static_files_router(
        path="/assets",
        directories=[assets.DIST],
        name="admin_assets",
        cache_control=CacheControlHeader(public=True, max_age=31_536_000, immutable=True),
        middleware=[_headers(public_url)],
        opt={"allow": Allow.ANYONE},
    )


def _pages(services: PageServices, public_url: str) -> Router:
    """The router of all pages."""

    def give_services() -> PageServices:
        return services

    async def give_page(request: Request[Any, Any, Any]) -> Page:
        language = language_of(request)
        settings = await services.shop.get()
        return Page(request=request, say=Say(language), now=services.clock.now(), shop=shop_line(settings, language))

    def with_session(app: ASGIApp) -> ASGIApp:
        return SessionMiddleware(app, sessions=services.access, public_url=public_url)

    return Mounted(
        path="/",
        route_handlers=[*ROUTES],
        dependencies={
            "page": Provide(give_page),
            "services": Provide(give_services, sync_to_thread=False),
            "form": Provide(read_form),
        },
        guards=[admit],
        middleware=[_headers(public_url), with_session],
        exception_handlers=faults.handlers(services.clock),
        opt={"public_url": public_url},
        include_in_schema=False,
    )


def _headers(public_url: str) -> Callable[[ASGIApp], ASGIApp]:
    def with_headers(app: ASGIApp) -> ASGIApp:
        return HeadersMiddleware(app, public_url=public_url)

    return with_headers
