"""Routes of the phone page: the page, its files, its configuration, and the shop server behind it."""

import mimetypes
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, JSONBody
from litestar.response import Redirect

from backend.clock import Clock, SystemClock
from backend.demo.phone import config as phone_config
from backend.demo.phone import shop_server
from backend.demo.phone.config import PhoneConfig
from backend.demo.phone.shop_server import Consent, CouponUse, Order, Person, Reported, report
from backend.errors import BadInput, JorenError, NotFound
from segments.events import BY_NAME

_ASSETS = Path(__file__).parent / "assets"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}

_OWN_LABELS = {
    "identify": {"ja": "会員の識別", "en": "Member identified"},
    "shop:identify": {"ja": "サインインの証明", "en": "Sign-in vouched for"},
    "Notification Permission Changed": {"ja": "通知許可の変更", "en": "Notification permission changed"},
}
"""What the panel calls messages that are not in the vocabulary."""


def phone_routes(config_file: Path, *, clock: Clock | None = None) -> list[Any]:
    """Routes for the emulator's plain listener.

    Args:
        config_file: see `backend.demo.phone.config`.
        clock: what the shop server stamps its events with.
    """
    handlers = [*_page_handlers(config_file), *_shop_handlers(config_file, clock or SystemClock())]
    return [Router("/", route_handlers=handlers, exception_handlers={JorenError: _problem})]


def _page_handlers(config_file: Path) -> list[Any]:
    @get(["/", "/phone"])
    async def front() -> Redirect:
        return Redirect("/phone/a")

    @get("/phone/{slot:str}")
    async def page(slot: FromPath[str]) -> Response[bytes]:  # noqa: ARG001 - the page reads it from its own address
        headers = {
            "Content-Security-Policy": _policy(config_file),
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }
        return Response((_ASSETS / "phone.html").read_bytes(), media_type="text/html", headers=headers)

    @get("/phone/{slot:str}/config.json")
    async def config(slot: FromPath[str]) -> Response[bytes]:
        body = msgspec.json.encode(_public(phone_config.read(config_file), slot))
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})

    @get("/phone-assets/{name:str}")
    async def asset(name: FromPath[str]) -> Response[bytes]:
        file = _ASSETS / name
        if file.parent != _ASSETS or not file.is_file():
            raise NotFoundException(f"There is no {name}.")
        kind = _TYPES.get(file.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        return Response(file.read_bytes(), media_type=kind, headers=headers)

    return [front, page, config, asset]


def _shop_handlers(config_file: Path, clock: Clock) -> list[Any]:
    @post("/shop/sign-in", status_code=200)
    async def sign_in(data: JSONBody[Person]) -> Reported:
        config = phone_config.read(config_file)
        return await report(shop_server.sign_in(data, config), config, now=clock.now())

    @post("/shop/orders", status_code=200)
    async def order(data: JSONBody[Order]) -> Reported:
        config = phone_config.read(config_file)
        return await report(shop_server.order(data, config), config, now=clock.now())

    @post("/shop/coupon-uses", status_code=200)
    async def coupon_use(data: JSONBody[CouponUse]) -> Reported:
        config = phone_config.read(config_file)
        return await report(shop_server.coupon_use(data, config), config, now=clock.now())

    @post("/shop/consent", status_code=200)
    async def consent(data: JSONBody[Consent]) -> Reported:
        return await report(shop_server.consent(data), phone_config.read(config_file), now=clock.now())

    return [sign_in, order, coupon_use, consent]


def _public(config: PhoneConfig, slot: str) -> dict[str, Any]:
    """What the browser may know: everything but the server key."""
    known = msgspec.to_builtins(config)
    del known["server_write_key"], known["phones"]
    labels = {name: {"ja": event.ja, "en": event.en} for name, event in BY_NAME.items()}
    phone = config.phones.get(slot, phone_config.Phone())
    return {**known, "phone": phone, "events": {**labels, **_OWN_LABELS}}


def _policy(config_file: Path) -> str:
    """Content security policy: our own files, and the intake API's origin to send events to."""
    try:
        api = urlsplit(phone_config.read(config_file).api_url)
        origin = f" {api.scheme}://{api.netloc}"
    except JorenError:
        origin = ""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"connect-src 'self'{origin}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _problem(_: Request[None, None, State], error: JorenError) -> Response[dict[str, str]]:
    status = 404 if isinstance(error, NotFound) else 400 if isinstance(error, BadInput) else 503
    return Response({"code": error.code, "message": error.message}, status_code=status)
