"""What the campaign editor shows beside its fields: the phone, what the push weighs, when it goes out, and its audience."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date

from admin_ui import (
    behaviour_form,
    content_form,
    filters,
    journey_form,
    repetition_form,
    segment_builder,
    trigger_form,
)
from admin_ui.behaviour_form import FOLLOWERS
from admin_ui.campaign_form import Editor
from admin_ui.forms import Errors, Form
from admin_ui.i18n import Say
from admin_ui.journey_drawing import Drawing, drawing
from admin_ui.page import Page
from admin_ui.rule_tree import Node, filters_of
from admin_ui.services import PageServices
from admin_ui.trigger_form import event_of
from backend.errors import NotFound
from backend.services.segment_values import KnownValue
from campaigns.content import Content, Text
from campaigns.effect import ASSUMED_RATE
from campaigns.errors import DraftIncomplete, TemplateError
from campaigns.experiment import smallest_effect, suggest_holdout
from campaigns.fields import FIELDS as MERGE_FIELDS
from campaigns.fields import samples
from campaigns.journey_checks import check_steps
from campaigns.journey_picture import draw
from campaigns.journey_words import Words, name_of
from campaigns.steps import SplitRule
from campaigns.templates import MissingField, TextTooLong, compile_template
from campaigns.timeline import name_of_event
from campaigns.trigger import Kind, Recurring
from segments.events import VOCABULARY
from segments.rules.behaviour import LEDGER_EVENTS

UPCOMING = 5
"""Dates of a repetition that are shown."""

HAPPENINGS = tuple(each for each in FOLLOWERS if str(each.name) not in LEDGER_EVENTS)
"""Known events that a campaign can begin with."""

_ALARMING_SHARE = 30.0


@dataclass(frozen=True, slots=True)
class Preview:
    """A push as the phone shows it, filled with sample values; ``problem`` says why it cannot be."""

    title: str
    body: str
    problem: str = ""
    image: bool = False
    buttons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Timing:
    """When it goes out.

    Attributes:
        next: the next moments where it repeats, each with its weekday.
        warning: what is easily overlooked; empty for nothing.
    """

    sentence: str
    next: Sequence[tuple[datetime, str]] = ()
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Suggested:
    """What the fields of filters offer: known values by what they are about."""

    values: Mapping[str, Sequence[KnownValue]] = field(default_factory=dict)


def previews(editor: Editor, slot: str, say: Say) -> dict[str, Preview]:
    """What the chosen phone shows in each language that is begun."""
    platform = editor.fields["phone"]
    content = content_form.read(editor.fields, slot).on(platform)
    return {language: _preview(content, language, platform, say) for language in content.texts()}


def merge_buttons() -> dict[str, list[tuple[str, str]]]:
    """Per language: what a merge field's button puts into the text, and its label."""
    return {
        "ja": [(f"{{{{ {each.ja} }}}}", each.ja) for each in MERGE_FIELDS],
        "en": [(f"{{{{ {each.name} }}}}", each.en) for each in MERGE_FIELDS],
    }


def timing(editor: Editor, page: Page) -> Timing:
    """When it goes out, in words."""
    fields, say, zone = editor.fields, page.say, page.shop.zone
    match fields["kind"]:
        case Kind.RECURRING:
            return _repeated(fields, page)
        case Kind.EVENT:
            event = label_of(event_of(fields), say)
            return Timing(say("%(when)s after: %(event)s", when=_delay(fields, say), event=event))
        case Kind.SEGMENT if fields["change"] == "left":
            return Timing(say("%(when)s after a member leaves the segment", when=_delay(fields, say)))
        case Kind.SEGMENT:
            return Timing(say("%(when)s after a member comes into the segment", when=_delay(fields, say)))
        case Kind.DATE:
            return Timing(_dated(fields, say))
        case _:
            at = trigger_form.begins(fields, zone)
            return Timing(filters.exact(at, zone=zone, say=say) if at else say("As soon as you confirm it"))


async def audience(services: PageServices, fields: Mapping[str, str]) -> dict[str, Any] | None:
    """Size of the chosen segment and what the holdout can show, at the assumed base rate."""
    form = Form(fields.items())
    number, holdout = form.whole("segment_id"), form.fraction("holdout_percent")
    if number is None:
        return None
    try:
        size = await services.segment_runs.count(number)
    except NotFound:
        return None
    share = min(max(holdout or 0.0, 0.0), 90.0) / 100
    control = round(size.reachable * share)
    return {
        "count": size,
        "control": control,
        "treated": size.reachable - control,
        "effect": smallest_effect(ASSUMED_RATE, treated=size.reachable - control, control=control),
        "base_rate": ASSUMED_RATE,
        "suggestion": suggest_holdout(size.reachable, base_rate=ASSUMED_RATE),
        "large": (holdout or 0.0) > _ALARMING_SHARE,
    }


async def context(page: Page, services: PageServices, editor: Editor, errors: Errors) -> dict[str, Any]:
    """Everything that the editor's templates ask for, but the step that is open."""
    values = {}
    for node in editor.events:
        for which in filters_of(node, "f"):
            if not behaviour_form.is_number(node, which):
                name = node.get(f"{which}-name")
                values[f"of:{name}"] = await services.segment_values.of_property(name)
    words = await services.journey_desk.words(page.say.language) if editor.is_journey else None
    return {
        **(_journey(editor, words, page, errors) if words else {}),
        "errors": errors,
        "editor": editor,
        "fields": editor.fields,
        "filters": editor.filters,
        "filters_of": filters_of,
        "folded": content_form.folded,
        "behaviours": behaviour_form,
        "builder": Suggested(values),
        "boxes": segment_builder.boxes,
        "build_at": "/campaigns/compose",
        "kinds": trigger_form.KINDS,
        "triggers": trigger_form,
        "repetitions": repetition_form,
        "happenings": HAPPENINGS,
        "events": VOCABULARY,
        "segments": await services.segment_runs.list(),
        "coupons": await services.coupon_book.list(),
        "merge_fields": merge_buttons(),
        "audience": await audience(services, editor.fields),
        "timing": timing(editor, page),
        "rules": await services.shop.get(),
        **phone(editor, page),
    }


@dataclass(frozen=True, slots=True)
class StepCard:
    """One step of a journey in the editor; ``told`` is what a step says that has no fields of its own, ``wrong`` that one has an error."""

    place: int
    end: str
    kind: str
    node: Node
    kept: bool
    told: str
    wrong: bool = False


def _journey(editor: Editor, words: Words, page: Page, errors: Errors) -> dict[str, Any]:
    """The steps as cards, what they can lead to, and the picture where they can stand."""
    fields, ends = editor.fields, [journey_form.slot(place) for place in range(editor.steps)]
    kinds = [fields[f"step_kind{end}"] for end in ends]
    return {
        "journey": journey_form,
        "targets": [
            (fields[f"step_label{end}"], f"{place + 1}. {page.say(journey_form.KINDS[kinds[place]][0])}")
            for place, end in enumerate(ends)
        ],
        "steps": [
            StepCard(
                place, end, kinds[place], editor.awaits[place], bool(fields[f"step_kept{end}"]), _told(fields, end, words),
                wrong=any(name.endswith(end) for name in errors),
            )
            for place, end in enumerate(ends)
        ],
        "picture": _picture(editor, words, page.shop.currency),
    }  # fmt: skip


def _told(fields: Mapping[str, str], end: str, words: Words) -> str:
    if fields[f"step_kept{end}"]:
        return name_of(journey_form.kept(fields, end), words)
    rule = fields[f"step_own_rule{end}"]
    return name_of(SplitRule(rule=json.loads(rule)), words) if rule else ""


def _picture(editor: Editor, words: Words, currency: str) -> Drawing | None:
    if not editor.steps or journey_form.wrong(editor.fields, editor.steps):
        return None
    steps = journey_form.steps(editor.fields, editor.awaits, editor.steps, currency)
    try:
        check_steps(steps)
    except DraftIncomplete:
        return None
    return drawing(draw(steps, words, counts={}))


def phone(editor: Editor, page: Page) -> dict[str, Any]:
    """The phone with the texts as they are being typed."""
    return {"previews": previews(editor, editor.shown, page.say), "frame": editor.fields, "weight": None}


def label_of(event: str, say: Say) -> str:
    """What people call an event; one of the shop's own goes by its name."""
    ja, en = name_of_event(event)
    return say.pick({"ja": ja, "en": en})


def told(content: Content, say: Say) -> Preview:
    """A content in the reader's language, as a phone shows it with sample values."""
    return _preview(content, content.language_for(say.language), "ios", say)


def _preview(content: Content, language: str, platform: str, say: Say) -> Preview:
    text: Text = content.texts()[language]
    labels = (each.label(language) for each in content.buttons) if platform == "android" else ()
    image, buttons = content.image is not None, tuple(label for label in labels if label)
    values = samples(language)
    try:
        title, body = (compile_template(each).render(values) for each in (text.title, text.body))
    except (TemplateError, MissingField, TextTooLong) as error:
        problem = say("This text cannot be used: %(reason)s.", reason=error.message)
        return Preview(text.title, text.body, problem, image=image, buttons=buttons)
    return Preview(title, body, image=image, buttons=buttons)


def _repeated(fields: Mapping[str, str], page: Page) -> Timing:
    say = page.say
    if trigger_form.wrong({**fields, "reentry": "always"}, zone=page.shop.zone, now=page.now):
        return Timing(say("Choose how often, and from when."))
    told = repetition_form.sentence(fields, fields["at"], say)
    made = trigger_form.trigger(fields, None, zone=page.shop.zone, currency=page.shop.currency)
    if not isinstance(made, Recurring):
        raise TypeError(made)
    found = repetition_form.upcoming(made, zone=page.shop.zone, now=page.now, count=UPCOMING)
    if not found:
        return Timing(told, warning=say("With this no date is left."))
    skips = say("Months without this day are passed over.") if repetition_form.skips_months(fields) else ""
    return Timing(told, [(each, _weekday(each, page)) for each in found], skips)


def _weekday(moment: datetime, page: Page) -> str:
    local = moment.astimezone(ZoneInfo(page.shop.zone))
    return str(format_date(local, "EEEE", locale=page.say.language))


def _delay(fields: Mapping[str, str], say: Say) -> str:
    if fields["delay"] in ("", "0"):
        return say("Within seconds")
    return f"{fields['delay']} {say(trigger_form.UNIT_NAMES.get(fields['delay_unit'], ''))}"


def _dated(fields: Mapping[str, str], say: Say) -> str:
    trait = fields["date_of"] == "trait"
    date = fields["date_trait"] if trait else say(trigger_form.DATE_NAMES.get(fields["date_of"], ""))
    days, at = fields["date_days"], fields["date_at"]
    match fields["date_side"]:
        case "before":
            return say("%(days)s days before: %(date)s, at %(at)s", days=days, date=date, at=at)
        case "after":
            return say("%(days)s days after: %(date)s, at %(at)s", days=days, date=date, at=at)
        case _:
            return say("On the day: %(date)s, at %(at)s", date=date, at=at)
