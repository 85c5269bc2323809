"""取り込めなかったイベント: why, what to do, and the way back once the cause is mended."""

from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from admin_ui.failure_words import broken_rules, readable, what_to_do, why
from admin_ui.forms import Form
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import BadInput
from backend.services.failed_events import FailedGroup, Wanted

PAGE = 50
AT_ONCE = 2
"""Steps of a replay that are done before the answer; a worker does the others."""
REPLAYS = 5
_LARGEST = 2**31 - 1


@get("/data/failed", opt={"allow": Allow.VIEWER})
async def list_failed(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """Events that could not be taken in, newest first."""
    wanted, recovered = _asked(page), page.query("state") == "recovered"
    before = page.number("before", 0, least=0, most=_LARGEST) or None
    failed = await services.failed_events.list(wanted, recovered=recovered, before=before, limit=PAGE + 1)
    groups = await services.failed_events.groups()
    fitting = [group for group in groups if _fits(group, wanted)]
    return page.show(
        "data/failed.html",
        failed=failed[:PAGE],
        following=failed[PAGE - 1].failed_id if len(failed) > PAGE else None,
        groups=groups,
        sources=sorted({(group.source_id, group.source) for group in groups}),
        fitting=fitting,
        waiting=sum(group.failed for group in fitting),
        tried=await services.replays.try_out(wanted) if page.query("try") and fitting else None,
        wanted=wanted,
        recovered=recovered,
        recovered_total=await services.failed_events.recovered(),
        replays=await services.replays.replays(limit=REPLAYS),
        broken=lambda violations: broken_rules(violations, page.say),
        address=lambda **changes: _address(wanted, recovered=recovered, **changes),
        **_words(page),
    )


@get("/data/failed/{failed_id:int}", opt={"allow": Allow.VIEWER})
async def show_failed(
    page: NamedDependency[Page], services: NamedDependency[PageServices], failed_id: FromPath[int]
) -> Response[Any]:
    """One of them with its bytes as they came, and what would become of it today."""
    failed = await services.failed_events.get(failed_id)
    return page.show(
        "data/failed_event.html",
        failed=failed,
        raw=readable(failed.raw),
        size=len(failed.raw),
        rules=broken_rules(failed.violations, page.say),
        today=None if failed.recovered_at else await services.replays.try_out(Wanted(failed_id=failed_id)),
        **_words(page),
    )


@post("/data/failed/replay", opt={"allow": Allow.ADMINISTRATOR})
async def replay_failed(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Replay one failed event or all of a filter; a few at once, many by a worker."""
    wanted = Wanted(
        source_id=form.whole("source"),
        code=form.text("code") or None,
        name=form.raw("event") if "event" in form else None,
        failed_id=form.whole("failed_id"),
    )
    try:
        asked = await services.replays.ask(wanted, actor=page.administrator.email)
    except BadInput:
        return page.go("/data/failed", "nothing_waits")
    for _ in range(AT_ONCE):
        await services.replays.work(asked.replay_id)
    return page.go(f"/data/replays/{asked.replay_id}")


@get("/data/replays/{replay_id:int}", opt={"allow": Allow.VIEWER})
async def show_replay(
    page: NamedDependency[Page], services: NamedDependency[PageServices], replay_id: FromPath[int]
) -> Response[Any]:
    """How far a replay has come."""
    replay = await services.replays.replay(replay_id)
    template = "data/_replay.html" if page.fragment else "data/replay.html"
    return page.show(template, replay=replay, **_words(page))


def _asked(page: Page) -> Wanted:
    params = page.request.query_params
    return Wanted(
        source_id=page.number("source", 0, least=0, most=_LARGEST) or None,
        code=_plain(page.query("code")),
        name=_plain(page.query("event")) if params.get("event") else None,
    )


def _plain(text: str) -> str | None:
    return text.replace("\x00", "") or None


def _address(wanted: Wanted, *, recovered: bool, **changes: Any) -> str:
    fields = {"code": wanted.code, "source": wanted.source_id, "event": wanted.name}
    fields |= {"state": "recovered" if recovered else None} | changes
    return f"/data/failed?{urlencode({key: value for key, value in fields.items() if value is not None})}"


def _fits(group: FailedGroup, wanted: Wanted) -> bool:
    asked = {"source_id": wanted.source_id, "code": wanted.code, "name": wanted.name}
    return all(value is None or getattr(group, field) == value for field, value in asked.items())


def _words(page: Page) -> dict[str, Any]:
    return {"why": lambda code: why(code, page.say), "what_to_do": lambda code: what_to_do(code, page.say)}


ROUTES = (list_failed, show_failed, replay_failed, show_replay)
