"""The door over HTTP: sign-in, cookies, CSRF, headers, and who may use which route."""

from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from admin_ui.plugin import AdminPages
from admin_ui.session import CONTENT_SECURITY_POLICY, Allow, cookie_name, may
from backend.services.access.accounts import Role
from backend.services.access.sessions import FAILURES_PER_ACCOUNT
from tests.admin_ui.conftest import ADDRESS, Browser, add

OK, SEE_OTHER, FORBIDDEN = 200, 303, 403


async def test_a_page_leads_to_the_sign_in_form_and_back(browser: Browser, services: SimpleNamespace) -> None:
    await add(services, "viewer")
    refused = await browser.get("/members?q=x")
    assert (refused.status_code, refused.headers["location"]) == (SEE_OTHER, "/sign-in?next=/members%3Fq%3Dx")
    shown = await browser.get(refused.headers["location"])
    assert 'value="/members?q=x"' in shown.text
    entered = await browser.post(
        "/sign-in", {"email": "viewer@joren.example", "password": "an honest long password", "next": "/members?q=x"}
    )
    assert (entered.status_code, entered.headers["location"]) == (SEE_OTHER, "/members?q=x")


@pytest.mark.parametrize(
    "path", ["//evil.example/", "/\\evil.example", "https://evil.example", "javascript:x", "/sign-in"]
)
async def test_sign_in_leads_nowhere_else(browser: Browser, services: SimpleNamespace, path: str) -> None:
    await add(services, "viewer")
    fields = {"email": "viewer@joren.example", "password": "an honest long password", "next": path}
    assert (await browser.post("/sign-in", fields)).headers["location"] == "/"


async def test_a_fragment_tells_the_page_to_leave(browser: Browser) -> None:
    answer = await browser.get("/members", **{"HX-Request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"], answer.text) == (401, "/sign-in", "")


async def test_wrong_passwords_are_refused_and_then_throttled(browser: Browser, services: SimpleNamespace) -> None:
    email = await add(services, "viewer")
    for _ in range(FAILURES_PER_ACCOUNT):
        answer = await browser.sign_in(email, "a wrong long password")
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
        assert email in answer.text
    assert (await browser.sign_in(email)).status_code == 429


async def test_the_cookie_is_for_our_pages_only(browser: Browser, services: SimpleNamespace) -> None:
    answer = await browser.sign_in(await add(services, "viewer"))
    flags = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "path=/", "samesite=lax"} <= flags
    assert answer.headers["set-cookie"].startswith("joren_session=")


async def test_by_https_the_cookie_has_the_host_prefix(services: SimpleNamespace) -> None:
    app = Litestar(
        plugins=[AdminPages(services, public_url="https://shop.example")], logging_config=None, openapi_config=None
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="https://shop.example") as client:
        fields = {"email": await add(services, "viewer"), "password": "an honest long password"}
        answer = await client.post("/sign-in", data=fields, headers={"Origin": "https://shop.example"})
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-joren=")
        assert "secure" in cookie.lower()
        assert "domain" not in cookie.lower()
        assert answer.headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"
        assert (await client.get("/settings/account")).status_code == OK


def test_cookie_names() -> None:
    assert cookie_name("https://x") == "__Host-joren"
    assert cookie_name("http://127.0.0.1:8000") == "joren_session"


async def test_a_token_from_before_sign_in_is_not_taken_over(browser: Browser, services: SimpleNamespace) -> None:
    browser.client.cookies.set("joren_session", "chosen-by-somebody-else")
    answer = await browser.sign_in(await add(services, "viewer"))
    assert "chosen-by-somebody-else" not in answer.headers["set-cookie"]


async def test_sign_out_ends_the_session_on_the_server(administrator: Browser) -> None:
    kept = administrator.client.cookies["joren_session"]
    answer = await administrator.post("/sign-out")
    assert answer.headers["location"] == "/sign-in?notice=signed_out"
    assert "joren_session" not in administrator.client.cookies
    administrator.client.cookies.set("joren_session", kept)
    assert (await administrator.get("/settings")).status_code == SEE_OTHER


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": ADDRESS}, SEE_OTHER),
        ({"Sec-Fetch-Site": "same-origin"}, SEE_OTHER),
        ({"Sec-Fetch-Site": "cross-site", "Origin": ADDRESS}, FORBIDDEN),
        ({"Sec-Fetch-Site": "same-site", "Origin": ADDRESS}, FORBIDDEN),
        ({"Origin": "http://evil.example"}, FORBIDDEN),
        ({"Origin": "null"}, FORBIDDEN),
        ({}, FORBIDDEN),
    ],
)
async def test_a_change_comes_from_our_own_pages(administrator: Browser, headers: dict[str, str], status: int) -> None:
    fields = {"csrf": administrator.csrf, "language": "en"}
    answer = await administrator.client.post("/preferences/language", data=fields, headers=headers)
    assert answer.status_code == status


async def test_a_change_carries_the_token_of_its_session(
    administrator: Browser, app: Litestar, services: SimpleNamespace
) -> None:
    path, own = "/preferences/language", administrator.csrf
    for wrong in ("", "0" * 64, own[:-1], own + "0", "ü"):
        administrator.csrf = wrong
        assert (await administrator.post(path, {"language": "en"})).status_code == FORBIDDEN
    sent = {"Origin": ADDRESS, "X-CSRF-Token": own}
    assert (await administrator.client.post(path, data={"language": "en"}, headers=sent)).status_code == SEE_OTHER
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=ADDRESS) as client:
        other = Browser(client)
        await other.sign_in(await add(services, "viewer"))
        assert other.csrf != own
        other.csrf = own
        assert (await other.post(path, {"language": "en"})).status_code == FORBIDDEN


async def test_every_answer_has_the_headers(administrator: Browser) -> None:
    for path in ("/", "/no-such-page", "/members/999999", "/sign-in", "/settings"):
        answer = await administrator.get(path)
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY, path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'; ")


async def test_built_files_are_kept_and_their_folder_is_not_left(browser: Browser) -> None:
    page = await browser.get("/sign-in")
    script = page.text.split('<script type="module" src="')[1].split('"')[0]
    answer = await browser.get(script)
    assert answer.status_code == OK
    assert "immutable" in answer.headers["cache-control"]
    assert "javascript" in answer.headers["content-type"]
    for path in ("/assets/../plugin.py", "/assets/%2e%2e/plugin.py", "/assets/..%2fplugin.py"):
        answer = await browser.get(path)
        assert "AdminPages" not in answer.text


def page_routes(app: Litestar) -> list[tuple[str, str, Any]]:
    """Method, path and rule of every page, from the route table itself."""
    found = []
    for route in app.routes:
        if isinstance(route, HTTPRoute) and not route.path.startswith("/assets"):
            for handler in route.route_handlers:
                methods = handler.http_methods - {"OPTIONS", "HEAD"}
                found += [(method, route.path, handler.opt.get("allow")) for method in sorted(methods)]
    return found


def filled(path: str) -> str:
    """A path with a number, or a word, in each of its places."""
    for kind, value in (("int", "999999"), ("str", "launch_rate"), ("path", "nowhere")):
        while f":{kind}}}" in path:
            before, _, after = path.partition(f":{kind}}}")
            path = before[: before.rindex("{")] + value + after
    return path


async def test_every_route_has_a_rule(app: Litestar) -> None:
    routes = page_routes(app)
    assert len(routes) > 40
    assert [path for _, path, allow in routes if not isinstance(allow, Allow)] == []
    changes_for_all = {path for method, path, allow in routes if allow is Allow.ANYONE and method != "GET"}
    assert changes_for_all == {"/sign-in", "/preferences/theme"}


@pytest.mark.parametrize("role", [None, *Role])
async def test_roles_and_routes(app: Litestar, browser: Browser, services: SimpleNamespace, role: Role | None) -> None:
    """Every route × every role: who may not is turned away before anything happens, who may is let in."""
    await add(services, "administrator")
    if role is not None:
        email = "administrator@joren.example" if role is Role.ADMINISTRATOR else await add(services, role)
        await browser.sign_in(email)
    for method, path, allow in page_routes(app):
        if path in ("/sign-out", "/sign-in"):
            continue
        where = filled(path)
        answer = await (browser.client.get(where) if method == "GET" else browser.post(where, {"theme": "dark"}))
        turned_away = answer.status_code == FORBIDDEN or "/sign-in" in answer.headers.get("location", "")
        allowed = allow is Allow.ANYONE or (role is not None and may(role, allow))
        assert turned_away != allowed, f"{role} {method} {path}: {answer.status_code}"
        assert answer.status_code < 500, f"{role} {method} {path}: {answer.status_code}"


async def test_a_route_without_a_rule_is_refused(services: SimpleNamespace) -> None:
    from litestar import Router, get

    from admin_ui.faults import handlers
    from admin_ui.session import admit

    @get("/open")
    async def forgotten() -> str:
        return "secret"

    pages = AdminPages(services, public_url=ADDRESS)
    router = Router("/x", route_handlers=[forgotten], guards=[admit], exception_handlers=handlers(services.clock))
    app = Litestar(route_handlers=[router], plugins=[pages], logging_config=None, openapi_config=None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=ADDRESS) as client:
        answer = await client.get("/x/open")
    assert answer.status_code == FORBIDDEN
    assert "secret" not in answer.text
