"""セグメントの作成画面: the builder that shows the size as the rule is edited."""

import contextlib
from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from admin_ui import behaviour_form, condition_form, rule_form, segment_builder
from admin_ui.forms import Errors, Form
from admin_ui.i18n import mark
from admin_ui.page import Page
from admin_ui.rule_tree import Node, filters_of, put_back
from admin_ui.segment_builder import Builder
from admin_ui.segment_views import coded, moment, sentence_of, still_counting
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import BadInput, Conflict, NotFound
from backend.services.segment_runs.saving import SegmentUsed
from backend.services.segment_values import KnownValue
from segments.errors import RuleError
from segments.frame import Progress
from segments.overview import Preview
from segments.preview import PICTURES
from segments.rules.parse import dump, place_of
from segments.rules.rule import Rule
from segments.starting_points import BY_NAME, STARTING_POINTS, StartingPoint

_BEGINNINGS = ("add", "group", "subject", "filter", "then")
"""Buttons after which something new asks for a value."""


@get("/segments/new", opt={"allow": Allow.MARKETER})
async def new_segment(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """An empty builder, or one of the usual segments to begin with."""
    point, asked = BY_NAME.get(page.query("start")), page.query("store")
    stores = await services.segment_values.of_property("store")
    if point is None or (point.asks and asked not in [each.value for each in stores]):
        builder = await _builder(page, services, tree=rule_form.blank(), name="")
        return await _show(page, builder, starts=STARTING_POINTS, stores=stores)
    place = next((page.say.pick(each) for each in stores if each.value == asked), "") if point.asks else ""
    tree = rule_form.from_document(point.rule(asked), page.shop.currency)
    name = page.say("%(what)s: %(name)s", what=page.say.pick(point), name=place) if place else page.say.pick(point)
    return await _show(page, await _builder(page, services, tree=tree, name=name))


@post("/segments/build", opt={"allow": Allow.MARKETER}, status_code=200)
async def build_segment(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """The builder after one edit; nothing is stored."""
    tree, action, removed = rule_form.read(form), form.text("do"), rule_form.removed_before(form.raw("removed"))
    if action.startswith("undo:"):
        done = put_back(tree, removed.pop()) if removed else rule_form.edit(tree, "")
    else:
        done = rule_form.edit(tree, action)
    builder = await _builder(
        page,
        services,
        tree=done.tree,
        name=form.text("name"),
        picture=form.text("picture"),
        segment_id=form.whole("segment_id"),
        version=form.whole("version"),
        removed=[*removed, *([done.removed] if done.removed else [])],
        focus=done.focus,
        fresh=done.focus if action.partition(":")[0] in _BEGINNINGS else None,
    )
    return await _show(page, builder)


@post("/segments/preview", opt={"allow": Allow.MARKETER}, status_code=200)
async def preview_segment(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Size, reach, picture, sample and sentence of the rule as it is being typed; nothing is stored."""
    tree = rule_form.read(form)
    progress = await _progress(page, services, tree) if page.query("counting") else Progress.COUNTED
    if progress is not Progress.COUNTED:
        return still_counting(page, progress)
    builder = await _builder(page, services, tree=tree, name=form.text("name"), picture=form.text("picture"))
    return page.show("segments/_preview.html", builder=builder, **_preview_context(page))


async def _progress(page: Page, services: PageServices, tree: Node) -> Progress:
    """Whether there is more to show than before: figures of everyone, or what is wrong with the rule as it is now."""
    rule = rule_form.to_rule(tree, page.shop.currency)
    if rule is None:
        return Progress.COUNTED
    try:
        return await services.segment_runs.progress(rule)
    except RuleError:
        return Progress.COUNTED


@post("/segments", opt={"allow": Allow.MARKETER})
async def create_segment(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Keep a new segment."""
    return await _save(page, services, form, segment_id=None)


@get("/segments/{segment_id:int}/edit", opt={"allow": Allow.MARKETER})
async def edit_segment(
    page: NamedDependency[Page], services: NamedDependency[PageServices], segment_id: FromPath[int]
) -> Response[Any]:
    """The builder with a segment's rule."""
    stored = await services.segment_runs.get(segment_id)
    draft = await services.segment_versions.draft(segment_id) if page.query("draft") == "1" else None
    rule = stored.segment.rule if draft is None else draft.rule
    builder = await _builder(
        page,
        services,
        tree=rule_form.from_document(dump(rule), page.shop.currency),
        draft_saved_at="" if draft is None else draft.saved_at.isoformat(),
        name=stored.segment.name,
        segment_id=segment_id,
        version=stored.segment.version,
    )
    return await _show(page, builder)


@post("/segments/{segment_id:int}", opt={"allow": Allow.MARKETER})
async def save_segment(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    segment_id: FromPath[int],
) -> Response[Any]:
    """Keep a changed segment; a changed rule is a new version."""
    return await _save(page, services, form, segment_id=segment_id)


@post("/segments/{segment_id:int}/draft", opt={"allow": Allow.MARKETER})
async def save_draft(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    segment_id: FromPath[int],
) -> Response[Any]:
    """Keep what stands in the builder as a draft; the live segment stays as it is."""
    return await _save(page, services, form, segment_id=segment_id, draft=True)


async def _save(
    page: Page, services: PageServices, form: Form, *, segment_id: int | None, draft: bool = False
) -> Response[Any]:
    tree, name, version = rule_form.read(form), form.text("name"), form.whole("version")
    rule = rule_form.to_rule(tree, page.shop.currency)
    refusal: tuple[str, str] | None = None
    errors: Errors = {} if name or draft else {"name": page.say("Give the segment a name.")}
    if rule is not None and not errors:
        try:
            kept = await _keep(page, services, form, rule, segment_id=segment_id, draft=draft)
            return page.go(f"/segments/{kept}", "saved")
        except SegmentUsed as asked:
            told = page.say("Other things go by this rule: %(names)s.", names=", ".join(asked.uses.names))
            errors = {"confirm": told}
        except (BadInput, Conflict) as error:
            errors = {error.field or "form": _problem(page, error)}
            if error.code == "bad_rule":
                refusal = (error.field or "", error.message)
    builder = await _builder(
        page,
        services,
        tree=tree,
        name=name,
        segment_id=segment_id,
        version=version,
        refusal=refusal,
        draft_saved_at=form.text("draft_saved_at"),
        picture=form.text("picture"),
        removed=rule_form.removed_before(form.raw("removed")),
        errors=errors,
    )
    return await _show(page, builder, status=422)


async def _keep(
    page: Page, services: PageServices, form: Form, rule: Rule, *, segment_id: int | None, draft: bool
) -> int:
    """Keep the rule as a new segment, as a draft, or in force; gives the segment's number."""
    segments, actor, name = services.segment_runs, page.administrator.email, form.text("name")
    begun = moment(form.text("draft_saved_at"))
    if segment_id is None:
        return (await segments.create(name, rule, actor=actor)).segment.id
    if draft:
        await services.segment_versions.save_draft(segment_id, rule, actor=actor, expected=begun)
        return segment_id
    await segments.save(
        segment_id,
        name=name,
        rule=rule,
        actor=actor,
        expected_version=form.whole("version"),
        confirm=form.raw("confirm") == "yes",
    )
    if begun is not None:  # it was the draft that was edited: it is in force now
        with contextlib.suppress(NotFound):
            await services.segment_versions.discard_draft(segment_id, actor=actor)
    return segment_id


def _problem(page: Page, error: BadInput | Conflict) -> str:
    known = {
        "name_taken": page.say("There is already a segment of this name, perhaps an archived one."),
        "segment_changed": page.say("Somebody else changed this segment meanwhile. Reload it and look at the change."),
        "segment_archived": page.say("This segment is archived. Restore it first."),
        "bad_name": page.say("A name is one line of 1 to 100 characters."),
        "draft_changed": page.say("Somebody else changed the draft meanwhile. Reload it and look at the change."),
    }
    return known.get(error.code, error.message)


def _refused(message: str) -> str:
    """Why a rule cannot stand that is right in itself: what it asks for is not there, or asks for it."""
    if "circle" in message:
        return mark("Segments would ask for each other in a circle. Choose another segment.")
    return mark("What this condition asks for is not there any more. Choose another.")


async def _show(
    page: Page,
    builder: Builder,
    *,
    status: int = 200,
    starts: Sequence[StartingPoint] = (),
    stores: Sequence[KnownValue] = (),
) -> Response[Any]:
    shared: dict[str, Any] = {
        "builder": builder,
        "starts": starts,
        "stores": stores,
        "form": condition_form,
        "behaviours": behaviour_form,
        "boxes": segment_builder.boxes,
        "coded": coded,
        "filters_of": filters_of,
        "label_of": segment_builder.labels(page.say),
        **_preview_context(page),
    }
    if page.fragment:
        return page.show("segments/_build.html", status=status, **shared)
    return page.show(
        "segments/form.html",
        status=status,
        offers=segment_builder.offers(page.say, traits=builder.traits, own_events=builder.own_events),
        **shared,
    )


def _preview_context(page: Page) -> dict[str, Any]:
    return {"sentence": lambda described: sentence_of(page.say, described), "pictures": segment_builder.PICTURE_NAMES}


async def _builder(
    page: Page,
    services: PageServices,
    *,
    tree: Node,
    name: str,
    picture: str = "",
    segment_id: int | None = None,
    version: int | None = None,
    draft_saved_at: str = "",
    refusal: tuple[str, str] | None = None,
    removed: list[Node] | None = None,
    focus: Node | None = None,
    fresh: Node | None = None,
    errors: Errors | None = None,
) -> Builder:
    values = await segment_builder.suggestions(services.segment_values, tree)
    if fresh is not None:
        segment_builder.begin(fresh, values)
    rule = rule_form.to_rule(tree, page.shop.currency)
    by = picture if picture in PICTURES else PICTURES[0]
    preview: Preview | None = None
    names: dict[str, KnownValue] = {}
    if rule is not None:
        try:
            preview = await services.segment_runs.preview(rule, by=by, soon=True)
            names = await services.segment_values.names(by)
        except RuleError as error:
            refusal = place_of(error), error.message
    if refusal is not None:
        place, message = refusal
        rule_form.blame(tree, place, page.say(_refused(message)))
    return Builder(
        segment_id=segment_id,
        version=version,
        name=name,
        tree=tree,
        preview=preview,
        errors=errors or {},
        picture=by,
        names=names,
        draft_saved_at=draft_saved_at,
        removed=rule_form.kept(removed or []),
        undone=segment_builder.told(removed[-1], page.say) if removed else "",
        focus=f"node-{focus.place}" if focus is not None else "",
        values=values,
        traits=(await services.shop.get()).segment_traits,
        own_events=services.segment_values.own_events(),
    )


ROUTES = (new_segment, build_segment, preview_segment, create_segment, edit_segment, save_segment, save_draft)
