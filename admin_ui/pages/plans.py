"""計測計画: which events are expected of a source, with which properties; and what becomes of a violation."""

import re
from datetime import timedelta
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from admin_ui.forms import Errors, Form
from admin_ui.i18n import mark
from admin_ui.page import Page
from admin_ui.plan_form import PROBLEMS, TYPES, EventForm, form_of, planned, read_form
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import BadInput, Conflict, NotFound
from backend.services.tracking_plans import OnViolation, SourcePlan
from segments.observed import propose
from segments.plan import BadPlan, Plan, PlannedEvent, built_in, read_plan, write_plan

DAYS = 30

ON_VIOLATION = {OnViolation.KEEP: mark("Stored and flagged"), OnViolation.QUARANTINE: mark("Kept apart as failed")}
_CHANGED = mark("Somebody else saved this plan meanwhile. Look at it again before you save.")


@get("/data/plans", opt={"allow": Allow.VIEWER})
async def list_plans(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """Sources and their plans."""
    sources = [each for each in await services.plans.list() if not each.revoked_at and each.kind != "system"]
    return page.show("data/plans.html", sources=sources, on_violation=ON_VIOLATION)


@get("/data/plans/{source_id:int}", opt={"allow": Allow.VIEWER})
async def show_plan(
    page: NamedDependency[Page], services: NamedDependency[PageServices], source_id: FromPath[int]
) -> Response[Any]:
    """One source's plan."""
    return await _plan(page, services, source_id)


@get("/data/plans/{source_id:int}/export", opt={"allow": Allow.VIEWER})
async def export_plan(services: NamedDependency[PageServices], source_id: FromPath[int]) -> Response[bytes]:
    """The plan as a file."""
    source = await services.plans.get(source_id)
    name = f'attachment; filename="tracking-plan-{source_id}-v{source.version or 0}.json"'
    body = write_plan(source.plan or Plan())
    return Response(body, media_type="application/json", headers={"Content-Disposition": name})


@post("/data/plans/{source_id:int}/begin", opt={"allow": Allow.ADMINISTRATOR}, status_code=200)
async def begin_plan(
    page: NamedDependency[Page], services: NamedDependency[PageServices], source_id: FromPath[int]
) -> Response[Any]:
    """Begin with the events that Joren understands."""
    return await _save(page, services, source_id, built_in(), based_on=None)


@post("/data/plans/{source_id:int}/import", opt={"allow": Allow.ADMINISTRATOR}, status_code=200)
async def import_plan(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    source_id: FromPath[int],
) -> Response[Any]:
    """A plan that was pasted as JSON."""
    document = form.raw("document")
    try:
        plan = read_plan(document.encode("utf-8", "replace"))
    except BadPlan as error:
        errors = {"document": f"{page.say(PROBLEMS[error.code])} {_place(page, error)}"}
        return await _plan(page, services, source_id, errors=errors, document=document)
    return await _save(page, services, source_id, plan, based_on=_based_on(form))


@post("/data/plans/{source_id:int}/decide", opt={"allow": Allow.ADMINISTRATOR}, status_code=200)
async def decide_plan(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    source_id: FromPath[int],
) -> Response[Any]:
    """What becomes of a violation, whether further events are one, and whose names the source speaks."""
    source = await services.plans.get(source_id)
    closed = form.flag("closed")
    try:
        await services.plans.decide(
            source_id,
            on_violation=form.text("on_violation"),
            ga4_names=form.flag("ga4_names"),
            actor=page.administrator.email,
        )
    except BadInput:
        return await _plan(page, services, source_id)
    if source.plan is not None and source.plan.closed != closed:
        plan = msgspec.structs.replace(source.plan, closed=closed)
        return await _save(page, services, source_id, plan, based_on=_based_on(form))
    return page.go(f"/data/plans/{source_id}", "saved")


@post("/data/plans/{source_id:int}/drop", opt={"allow": Allow.ADMINISTRATOR})
async def drop_plan(
    page: NamedDependency[Page], services: NamedDependency[PageServices], source_id: FromPath[int]
) -> Response[Any]:
    """Check the source's events no longer."""
    await services.plans.drop(source_id, actor=page.administrator.email)
    return page.go(f"/data/plans/{source_id}", "saved")


@post("/data/plans/{source_id:int}/restore", opt={"allow": Allow.ADMINISTRATOR}, status_code=200)
async def restore_plan(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    source_id: FromPath[int],
) -> Response[Any]:
    """Make an earlier version the newest one."""
    plan = await services.plans.version(source_id, form.whole("version") or 0)
    return await _save(page, services, source_id, plan, based_on=_based_on(form))


@get("/data/plans/{source_id:int}/event", opt={"allow": Allow.ADMINISTRATOR})
async def edit_event(
    page: NamedDependency[Page], services: NamedDependency[PageServices], source_id: FromPath[int]
) -> Response[Any]:
    """The form of one planned event; of one that is not planned yet, filled from what came."""
    source, name = await services.plans.get(source_id), page.query("name").replace("\x00", "")
    known = source.plan.event(name) if source.plan else None
    event = known or await _proposed(page, services, source_id, name)
    return _form(page, source, form_of(event), original=name if known else "")


@post("/data/plans/{source_id:int}/event", opt={"allow": Allow.ADMINISTRATOR}, status_code=200)
async def save_event(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    source_id: FromPath[int],
) -> Response[Any]:
    """Keep or remove one planned event, or show more rows."""
    source, typed, original = await services.plans.get(source_id), read_form(form), form.raw("original")
    if form.text("do") == "more":
        return _form(page, source, typed, original=original)
    others = tuple(event for event in (source.plan or Plan()).events if event.name != original)
    if form.text("do") == "remove":
        plan = msgspec.structs.replace(source.plan or Plan(), events=others)
        return await _save(page, services, source_id, plan, based_on=_based_on(form))
    event, errors = planned(typed)
    if event is None or any(other.name == event.name for other in others):
        return _form(page, source, typed, original=original, errors=errors or {"name": PROBLEMS["twice"]})
    plan = msgspec.structs.replace(source.plan or Plan(), events=_put(source.plan, event, original))
    try:
        await services.plans.save(source_id, plan, actor=page.administrator.email, based_on=_based_on(form))
    except Conflict:
        return _form(page, source, typed, original=original, errors={"form": _CHANGED})
    return page.go(f"/data/plans/{source_id}", "saved")


def _place(page: Page, error: BadPlan) -> str:
    """Where a document is wrong: its sentence in English, else the event, the property, or the path of the JSON."""
    if page.say.language == "en":
        return error.message
    return " / ".join(error.place or re.findall(r"`([^`]+)`$", error.message.rstrip(".")))


def _put(plan: Plan | None, event: PlannedEvent, original: str) -> tuple[PlannedEvent, ...]:
    """The plan's events with this one in the place of the one that it was, else at the end."""
    events = (plan or Plan()).events
    if any(each.name == original for each in events):
        return tuple(event if each.name == original else each for each in events)
    return (*events, event)


async def _proposed(page: Page, services: PageServices, source_id: int, name: str) -> PlannedEvent:
    if not name:
        return PlannedEvent(name="")
    first = page.now.date() - timedelta(days=DAYS)
    sheet = await services.event_volumes.sheet(name, first=first, last=page.now.date(), source_id=source_id)
    return propose(name, sheet.properties)


async def _save(
    page: Page, services: PageServices, source_id: int, plan: Plan, *, based_on: int | None
) -> Response[Any]:
    try:
        await services.plans.save(source_id, plan, actor=page.administrator.email, based_on=based_on)
    except Conflict:
        return await _plan(page, services, source_id, errors={"form": page.say(_CHANGED)})
    return page.go(f"/data/plans/{source_id}", "saved")


def _based_on(form: Form) -> int | None:
    return form.whole("based_on")


async def _plan(
    page: Page, services: PageServices, source_id: int, *, errors: Errors | None = None, document: str = ""
) -> Response[Any]:
    source = await services.plans.get(source_id)
    if source.kind == "system":
        raise NotFound("Joren's own events need no plan.")
    first, last = page.now.date() - timedelta(days=DAYS - 1), page.now.date()
    volumes = await services.event_volumes.volumes(first=first, last=last, source_id=source_id)
    names = {event.name for event in source.plan.events} if source.plan else set()
    return page.show(
        "data/plan.html",
        status=422 if errors else 200,
        source=source,
        volumes={each.name: each for each in volumes},
        unplanned=[each for each in volumes if each.name and each.name not in names and each.name not in _CALLS],
        versions=await services.plans.versions(source_id),
        on_violation=ON_VIOLATION,
        errors=errors or {},
        document=document,
        days=DAYS,
    )


_CALLS = {"track", "identify", "screen", "page", "group", "alias"}
"""Names under which calls are counted that are no events."""


def _form(
    page: Page, source: SourcePlan, typed: EventForm, *, original: str, errors: Errors | None = None
) -> Response[Any]:
    return page.show(
        "data/plan_event.html",
        status=422 if errors else 200,
        source=source,
        typed=typed.with_spare(),
        original=original,
        types=TYPES,
        errors={field: page.say(text) for field, text in (errors or {}).items()},
    )


ROUTES = (
    list_plans,
    show_plan,
    export_plan,
    begin_plan,
    import_plan,
    decide_plan,
    drop_plan,
    restore_plan,
    edit_event,
    save_event,
)
