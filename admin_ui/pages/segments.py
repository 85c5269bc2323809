"""セグメント: the list, one segment, and the builder that shows the size as the rule is edited."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from admin_ui import rule_form
from admin_ui.forms import Errors, Form
from admin_ui.order import Order, ordered, read_order
from admin_ui.page import Page
from admin_ui.rule_form import Node
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import BadInput, Conflict
from segments.overview import ListedSegment, Preview
from segments.rules.conditions import CONDITIONS
from segments.rules.parse import dump

_ORDERS: Mapping[str, Callable[[ListedSegment], Any]] = {
    "name": lambda each: each.stored.segment.name.casefold(),
    "people": lambda each: each.count.size,
    "reached": lambda each: each.count.reachable,
    "changed": lambda each: each.stored.changed_at,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """What the builder shows: the form as it was typed, its errors, and what the rule holds if it is one."""

    segment_id: int | None
    version: int | None
    name: str
    tree: Node
    preview: Preview | None
    errors: Errors


@get("/segments", opt={"allow": Allow.VIEWER})
async def list_segments(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """All segments with their sizes now."""
    archived = page.query("archived") == "1"
    listed = await services.segment_runs.list(archived=archived)
    wanted = page.query("q").casefold()
    shown = [
        each for each in listed if wanted in f"{each.stored.segment.name}{_sentence(page, each.stored)}".casefold()
    ]
    order = read_order(page.query("sort"), _ORDERS, Order("changed", descending=True))
    return page.show(
        "segments/list.html",
        listed=ordered(shown, order, _ORDERS),
        order=order,
        total=len(listed),
        archived=archived,
        wanted=page.query("q"),
        sentence=_says(page),
    )


@get("/segments/new", opt={"allow": Allow.MARKETER})
async def new_segment(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """An empty builder."""
    return await _build(page, services, tree=rule_form.blank(), name="")


@post("/segments/build", opt={"allow": Allow.MARKETER}, status_code=200)
async def build_segment(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """The builder after one edit; nothing is stored."""
    tree = rule_form.edit(rule_form.read(form), form.text("do"))
    return await _build(
        page,
        services,
        tree=tree,
        name=form.text("name"),
        segment_id=form.whole("segment_id"),
        version=form.whole("version"),
    )


@post("/segments/preview", opt={"allow": Allow.MARKETER}, status_code=200)
async def preview_segment(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Size, reach, sample and sentence of the rule as it is being typed; nothing is stored."""
    builder = await _builder(page, services, tree=rule_form.read(form), name=form.text("name"))
    return page.show("segments/_preview.html", builder=builder, sentence=_says(page))


@post("/segments", opt={"allow": Allow.MARKETER})
async def create_segment(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Keep a new segment."""
    return await _save(page, services, form, segment_id=None)


@get("/segments/{segment_id:int}", opt={"allow": Allow.VIEWER})
async def show_segment(
    page: NamedDependency[Page], services: NamedDependency[PageServices], segment_id: FromPath[int]
) -> Response[Any]:
    """One segment: its rule in words, its size, who is in it."""
    version = page.number("version", 0, least=0) or None
    newest = await services.segment_runs.get(segment_id)
    stored = newest if version is None else await services.segment_runs.get(segment_id, version=version)
    preview = await services.segment_runs.preview(stored.segment.rule)
    return page.show(
        "segments/detail.html", stored=stored, newest=newest, preview=preview, sentence=_says(page), builder=None
    )


@get("/segments/{segment_id:int}/edit", opt={"allow": Allow.MARKETER})
async def edit_segment(
    page: NamedDependency[Page], services: NamedDependency[PageServices], segment_id: FromPath[int]
) -> Response[Any]:
    """The builder with a segment's rule."""
    stored = await services.segment_runs.get(segment_id)
    tree = rule_form.from_document(dump(stored.segment.rule), page.shop.currency)
    return await _build(
        page, services, tree=tree, name=stored.segment.name, segment_id=segment_id, version=stored.segment.version
    )


@post("/segments/{segment_id:int}", opt={"allow": Allow.MARKETER})
async def save_segment(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    segment_id: FromPath[int],
) -> Response[Any]:
    """Keep a changed segment; a changed rule is a new version."""
    return await _save(page, services, form, segment_id=segment_id)


@post("/segments/{segment_id:int}/archive", opt={"allow": Allow.MARKETER})
async def archive_segment(
    page: NamedDependency[Page], services: NamedDependency[PageServices], segment_id: FromPath[int]
) -> Response[Any]:
    """Put a segment away."""
    await services.segment_runs.archive(segment_id, actor=page.administrator.email)
    return page.go("/segments", "archived")


@post("/segments/{segment_id:int}/restore", opt={"allow": Allow.MARKETER})
async def restore_segment(
    page: NamedDependency[Page], services: NamedDependency[PageServices], segment_id: FromPath[int]
) -> Response[Any]:
    """Take an archived segment back."""
    await services.segment_runs.restore(segment_id, actor=page.administrator.email)
    return page.go(f"/segments/{segment_id}", "saved")


async def _save(page: Page, services: PageServices, form: Form, *, segment_id: int | None) -> Response[Any]:
    tree, name, version = rule_form.read(form), form.text("name"), form.whole("version")
    rule = rule_form.to_rule(tree, page.shop.currency)
    errors: Errors = {} if name else {"name": page.say("Give the segment a name.")}
    if rule is not None and not errors:
        try:
            segments, actor = services.segment_runs, page.administrator.email
            if segment_id is None:
                stored = await segments.create(name, rule, actor=actor)
            else:
                stored = await segments.save(segment_id, name=name, rule=rule, actor=actor, expected_version=version)
            return page.go(f"/segments/{stored.segment.id}", "saved")
        except (BadInput, Conflict) as error:
            errors = {error.field or "form": _problem(page, error)}
    return await _build(
        page, services, tree=tree, name=name, segment_id=segment_id, version=version, errors=errors, status=422
    )


def _problem(page: Page, error: BadInput | Conflict) -> str:
    known = {
        "name_taken": page.say("There is already a segment of this name, perhaps an archived one."),
        "segment_changed": page.say("Somebody else changed this segment meanwhile. Reload it and look at the change."),
        "segment_archived": page.say("This segment is archived. Restore it first."),
        "bad_name": page.say("A name is one line of 1 to 100 characters."),
    }
    return known.get(error.code, error.message)


async def _build(
    page: Page,
    services: PageServices,
    *,
    tree: Node,
    name: str,
    segment_id: int | None = None,
    version: int | None = None,
    errors: Errors | None = None,
    status: int = 200,
) -> Response[Any]:
    builder = await _builder(
        page, services, tree=tree, name=name, segment_id=segment_id, version=version, errors=errors
    )
    template = "segments/_build.html" if page.fragment else "segments/form.html"
    return page.show(
        template,
        status=status,
        builder=builder,
        conditions=CONDITIONS,
        sentence=_says(page),
        swap_preview=page.fragment,
    )


async def _builder(
    page: Page,
    services: PageServices,
    *,
    tree: Node,
    name: str,
    segment_id: int | None = None,
    version: int | None = None,
    errors: Errors | None = None,
) -> Builder:
    rule = rule_form.to_rule(tree, page.shop.currency)
    preview = None if rule is None else await services.segment_runs.preview(rule)
    return Builder(segment_id=segment_id, version=version, name=name, tree=tree, preview=preview, errors=errors or {})


def _sentence(page: Page, described: Any) -> str:
    """The rule in the page's language, of anything that carries ``sentence_ja`` and ``sentence_en``."""
    return str(getattr(described, f"sentence_{page.say.language}"))


def _says(page: Page) -> Any:
    return lambda described: _sentence(page, described)


ROUTES = (
    list_segments,
    new_segment,
    build_segment,
    preview_segment,
    create_segment,
    show_segment,
    edit_segment,
    save_segment,
    archive_segment,
    restore_segment,
)
