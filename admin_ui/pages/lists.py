"""固定リスト: lists of people from a file or from a moment of a segment, exclusion lists among them."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath

from admin_ui.filters import exact
from admin_ui.forms import Errors, Form
from admin_ui.order import Order, ordered, read_order
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import BadInput, Conflict
from segments.id_lists import GivenIds, read_ids
from segments.static_list import StaticList, Taken

_ORDERS: Mapping[str, Callable[[StaticList], Any]] = {
    "name": lambda each: each.name.casefold(),
    "people": lambda each: each.size,
    "changed": lambda each: each.changed_at,
}
_SHOWN = 20


@get("/segments/lists", opt={"allow": Allow.VIEWER})
async def show_lists(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """All lists with their sizes."""
    archived = page.query("archived") == "1"
    order = read_order(page.query("sort"), _ORDERS, Order("changed", descending=True))
    listed = await services.static_lists.list(archived=archived)
    return page.show(
        "lists/list.html",
        listed=ordered(listed, order, _ORDERS),
        order=order,
        archived=archived,
        origins=await _origins(page, services, listed),
    )


@get("/segments/lists/new", opt={"allow": Allow.MARKETER})
async def new_list(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """A form: a file, or a segment and a moment."""
    return await _form(page, services, segment=page.query("segment"))


@post("/segments/lists", opt={"allow": Allow.MARKETER})
async def create_list(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Keep a new list."""
    name, exclusion, actor = form.text("name"), form.flag("exclusion"), page.administrator.email
    errors: Errors = {}
    try:
        if form.text("from") == "segment":
            at = _moment(form.text("at"), page.shop.zone)
            segment_id = form.whole("segment") or 0
            kept = await services.static_lists.create_from_segment(
                name, segment_id, at=at, exclusion=exclusion, actor=actor
            )
            return page.go(f"/segments/lists/{kept.list_id}", "created")
        given, origin = await _file(page)
        if given is None:
            errors = {"file": origin}
        else:
            taken = await services.static_lists.create(name, given, exclusion=exclusion, origin=origin, actor=actor)
            return await _taken(page, services, taken)
    except (BadInput, Conflict) as error:
        errors = {error.field or "form": _problem(page, error)}
    return await _form(page, services, segment=form.text("segment"), typed=form, errors=errors, status=422)


@get("/segments/lists/{list_id:int}", opt={"allow": Allow.VIEWER})
async def show_list(
    page: NamedDependency[Page], services: NamedDependency[PageServices], list_id: FromPath[int]
) -> Response[Any]:
    """One list: who is on it, where it is used."""
    return await _detail(page, services, list_id)


@post("/segments/lists/{list_id:int}/people", opt={"allow": Allow.MARKETER})
async def change_people(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    list_id: FromPath[int],
) -> Response[Any]:
    """Put people of a file on the list, or take them off."""
    given, said = await _file(page)
    if given is None:
        return await _detail(page, services, list_id, errors={"file": said}, status=422)
    change = services.static_lists.remove if form.text("do") == "remove" else services.static_lists.add
    return await _taken(page, services, await change(list_id, given, actor=page.administrator.email))


@post("/segments/lists/{list_id:int}", opt={"allow": Allow.MARKETER})
async def save_list(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    list_id: FromPath[int],
) -> Response[Any]:
    """Another name, or an exclusion list or not."""
    try:
        await services.static_lists.save(
            list_id,
            name=form.text("name"),
            exclusion=form.flag("exclusion"),
            actor=page.administrator.email,
            confirm=form.flag("confirm"),
        )
    except (BadInput, Conflict) as error:
        return await _detail(
            page, services, list_id, errors={error.code: _problem(page, error)}, typed=form, status=422
        )
    return page.go(f"/segments/lists/{list_id}", "saved")


@post("/segments/lists/{list_id:int}/archive", opt={"allow": Allow.MARKETER})
async def archive_list(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    list_id: FromPath[int],
) -> Response[Any]:
    """Put a list away."""
    try:
        await services.static_lists.archive(list_id, actor=page.administrator.email, confirm=form.flag("confirm"))
    except Conflict as error:
        return await _detail(page, services, list_id, errors={error.code: _problem(page, error)}, status=422)
    return page.go("/segments/lists", "archived")


@post("/segments/lists/{list_id:int}/restore", opt={"allow": Allow.MARKETER})
async def restore_list(
    page: NamedDependency[Page], services: NamedDependency[PageServices], list_id: FromPath[int]
) -> Response[Any]:
    """Take a list back."""
    await services.static_lists.restore(list_id, actor=page.administrator.email)
    return page.go(f"/segments/lists/{list_id}", "saved")


async def _origins(page: Page, services: PageServices, kept: Iterable[StaticList]) -> dict[int, str]:
    """Where lists came from, in words."""
    names = {each.value: page.say.pick(each) for each in await services.segment_values.of_property("segment")}
    return {each.list_id: _origin(page, each.origin, names) for each in kept}


def _origin(page: Page, origin: str, names: Mapping[str, str]) -> str:
    if found := re.fullmatch(r"segment (\d+) at (\S+)", origin):
        when = exact(datetime.fromisoformat(found[2]), zone=page.shop.zone, say=page.say)
        return page.say("segment “%(name)s”, %(when)s", name=names.get(found[1], found[1]), when=when)
    if origin.startswith("file "):
        return page.say("file %(name)s", name=origin.removeprefix("file "))
    return origin


async def _form(
    page: Page,
    services: PageServices,
    *,
    segment: str,
    typed: Form | None = None,
    errors: Errors | None = None,
    status: int = 200,
) -> Response[Any]:
    segments = await services.segment_values.of_property("segment")
    source = typed.text("from") if typed else "segment" if segment else "file"
    return page.show(
        "lists/form.html",
        status=status,
        segments=segments,
        segment=segment,
        source=source,
        typed=typed or Form(),
        errors=errors or {},
    )


async def _detail(
    page: Page,
    services: PageServices,
    list_id: int,
    *,
    taken: Taken | None = None,
    typed: Form | None = None,
    errors: Errors | None = None,
    status: int = 200,
) -> Response[Any]:
    kept = await services.static_lists.get(list_id)
    return page.show(
        "lists/detail.html",
        status=status,
        kept=kept,
        origin=(await _origins(page, services, [kept]))[list_id],
        members=await services.static_lists.members(list_id, limit=_SHOWN),
        uses=await services.static_lists.uses(list_id),
        taken=taken,
        typed=typed,
        errors=errors or {},
    )


async def _taken(page: Page, services: PageServices, taken: Taken) -> Response[Any]:
    return await _detail(page, services, taken.kept.list_id, taken=taken)


async def _file(page: Page) -> tuple[GivenIds | None, str]:
    """What the uploaded file says and its name; or None and what is wrong with it."""
    file = (await page.request.form()).get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        return None, page.say("Choose a file of member numbers.")
    try:
        return read_ids(await file.read()), f"file {file.filename[:200]}"
    except ValueError:
        return None, page.say("This file is neither text nor a CSV. Save it as CSV and choose it again.")


def _moment(text: str, zone: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except ValueError:
        return None


def _problem(page: Page, error: BadInput | Conflict) -> str:
    known = {
        "bad_name": page.say("A name is one line of 1 to 100 characters."),
        "name_taken": page.say("There is already a list of this name, perhaps an archived one."),
        "not_known_then": page.say(
            "Who was in the segment then is not known: the members are kept since a later moment."
        ),
        "not_counted": page.say("This segment was not counted yet. That takes up to a minute."),
        "list_in_use": page.say("Segments ask for this list. Change or archive them first."),
        "campaigns_waiting": page.say("Campaigns wait that would reach other people then. Confirm, and it is done."),
        "segment_not_found": page.say("Choose a segment."),
    }
    return known.get(error.code, error.message)


ROUTES = (show_lists, new_list, create_list, show_list, change_people, save_list, archive_list, restore_list)
