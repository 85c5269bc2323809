"""ホーム: how the shop is doing, and what needs doing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from admin_ui import campaign_views, charts, viewmodels
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from campaigns.campaign import State
from campaigns.overview import CampaignSummary
from segments.metrics.result import Dashboard

PERIODS = (7, 28, 90)
FELL = -0.01
"""A fall of one point is worth a look."""


@dataclass(frozen=True, slots=True)
class Todo:
    """One thing that needs doing; the line leads there."""

    text: str
    href: str
    icon: str
    count: int | None = None


@get("/", opt={"allow": Allow.VIEWER})
async def show_home(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """The dashboard."""
    days = page.number("days", 28)
    days = days if days in PERIODS else 28
    segment_id = page.number("segment", 0, least=0) or None
    versus_everyone = segment_id is not None and page.query("compare") == "everyone"
    board = await services.insights.dashboard(days=days, segment_id=segment_id)
    everyone = await services.insights.dashboard(days=days) if versus_everyone else None
    campaigns = await services.campaign_desk.list()
    return page.show(
        "home/detail.html",
        board=board,
        tiles=_tiles(page, board, everyone),
        retention=viewmodels.figure(board.retention, page.say),
        heat=_heat(page, board),
        curve=_curve(page, board, everyone),
        todos=[*await _held(page, services), *_todos(page, board, campaigns)],
        today=_today(page, campaigns),
        states=campaign_views.STATES,
        segment_options=[(each.segment.id, each.segment.name) for each in await services.segment_runs.stored()],
        days=days,
        periods=PERIODS,
        segment_id=segment_id,
        compare="everyone" if versus_everyone else "before",
        started=board.members > 0,
    )


def _tiles(page: Page, board: Dashboard, everyone: Dashboard | None) -> list[viewmodels.TileView]:
    others = everyone.tiles if everyone else (None,) * len(board.tiles)
    return [
        viewmodels.tile(shown, page.say, days=board.days, everyone=other)
        for shown, other in zip(board.tiles, others, strict=True)
    ]


def _heat(page: Page, board: Dashboard) -> viewmodels.Heat | None:
    triangle = board.retention.measured.table
    return viewmodels.heat(triangle, page.say) if triangle and triangle.cohorts else None


def _curve(page: Page, board: Dashboard, everyone: Dashboard | None) -> str | None:
    name = board.segment.name if board.segment else page.say("Everyone")
    shown = [(name, board)] + ([(page.say("Everyone"), everyone)] if everyone else [])
    lines = [(name, each.retention.measured.table.pooled) for name, each in shown if each.retention.measured.table]
    unit = board.retention.measured.table.unit if board.retention.measured.table else "week"
    return charts.retention(lines, unit, page.say)


async def _held(page: Page, services: PageServices) -> list[Todo]:
    """The word that a restored installation sends nothing."""
    if "sending_held" not in (await services.health.ready()).concerns:
        return []
    text = page.say("Nothing is sent: the database was restored from a backup. Run joren arm on the server.")
    return [Todo(text, "/campaigns", "warning")]


def _todos(page: Page, board: Dashboard, campaigns: Sequence[CampaignSummary]) -> list[Todo]:
    say = page.say
    paused = [each for each in campaigns if each.state is State.PAUSED]
    drafts = [each for each in campaigns if each.state is State.DRAFT]
    waiting = sum(each.state is State.AWAITING_APPROVAL for each in campaigns)
    found = [Todo(say("“%(name)s” is on hold", name=c.name), f"/campaigns/{c.campaign_id}", "warning") for c in paused]
    for each in campaigns:
        if each.waiting:
            text = say("A launch of “%(name)s” waits for approval", name=each.name)
            found.append(Todo(text, f"/campaigns/{each.campaign_id}", "check", each.waiting))
    if waiting:
        found.append(Todo(say("Campaigns awaiting approval"), "/campaigns?state=awaiting_approval", "check", waiting))
    if board.failed_events:
        found.append(Todo(say("Events that could not be taken in"), "/data/failed", "data", board.failed_events))
    for shown in board.tiles:
        if shown.change is not None and shown.change < FELL:
            title = say.pick(shown.result.metric.title)
            found.append(Todo(say("%(kpi)s fell", kpi=title), f"/analysis/{shown.result.metric.slug}", "down"))
    if drafts:
        found.append(Todo(say("Campaigns waiting as drafts"), "/campaigns?state=draft", "campaigns", len(drafts)))
    return found


def _today(page: Page, campaigns: Sequence[CampaignSummary]) -> list[CampaignSummary]:
    """Campaigns of the last and the next day, in order of time."""
    timed = [(c.planned_at or c.scheduled_at, c) for c in campaigns if c.state is not State.DRAFT]
    near = [(at, c) for at, c in timed if at is not None and abs((at - page.now).total_seconds()) < 86_400]  # noqa: PLR2004 - a day
    return [c for _, c in sorted(near, key=lambda pair: pair[0])]


ROUTES = (show_home,)
