"""設定 → ライフサイクル: after how many days without a purchase a customer is at risk, dormant, churned, version by version."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from admin_ui.forms import Errors, Form
from admin_ui.i18n import mark
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import BadInput
from backend.services.life_cycle import LONGEST
from segments.metrics.thresholds import Thresholds

FIELDS = {
    "t1": mark("T1: at risk after"),
    "t2": mark("T2: dormant after"),
    "t3": mark("T3: churned after"),
}
"""The fields of the form, and how they are called."""


@get("/settings/life-cycle", opt={"allow": Allow.VIEWER})
async def show_thresholds(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """The thresholds in force, what history would give today, and every version."""
    return await _show(page, services)


@post("/settings/life-cycle", opt={"allow": Allow.ADMINISTRATOR}, status_code=200)
async def change_thresholds(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Set thresholds from today on, or let history decide again, as the button says."""
    actor = page.administrator.email
    if form.text("do") == "follow":
        await services.life_cycle.follow_history(actor=actor)
        return page.go("/settings/life-cycle", "saved")
    t1, t2, t3 = (form.whole(name) or 0 for name in FIELDS)
    try:
        await services.life_cycle.set(t1, t2, t3, actor=actor)
    except BadInput:
        sentence = page.say("Write whole days that rise, from 1 to %(most)s: T1 below T2 below T3.", most=LONGEST)
        return await _show(page, services, typed=form, errors={"t1": sentence})
    return page.go("/settings/life-cycle", "saved")


async def _show(
    page: Page, services: PageServices, *, typed: Form | None = None, errors: Errors | None = None
) -> Response[Any]:
    versions = await services.life_cycle.versions()
    history = await services.life_cycle.by_history()
    held = versions[-1].thresholds if versions else history
    return page.show(
        "settings/life_cycle.html",
        status=422 if errors else 200,
        versions=versions[::-1],
        held=held,
        history=history,
        states=_states(page, held),
        fields=FIELDS,
        typed={name: typed.text(name) if typed else str(getattr(held, name)) for name in FIELDS},
        longest=LONGEST,
        errors=errors or {},
    )


def _states(page: Page, held: Thresholds) -> list[tuple[str, str]]:
    """The states, and the days since the last purchase that make each."""
    say = page.say
    return [
        (say("New, returned, active"), say("up to %(n)s days", n=held.t1)),
        (say("At risk"), say("%(first)s–%(last)s days", first=held.t1 + 1, last=held.t2)),
        (say("Dormant"), say("%(first)s–%(last)s days", first=held.t2 + 1, last=held.t3)),
        (say("Churned"), say("over %(n)s days", n=held.t3)),
    ]


ROUTES = (show_thresholds, change_thresholds)
