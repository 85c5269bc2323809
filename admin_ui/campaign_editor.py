"""What the campaign editor shows beside its fields: the phone, what the push weighs, its audience, a journey's picture."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from admin_ui import (
    behaviour_form,
    content_form,
    journey_form,
    journey_steps,
    repetition_form,
    segment_builder,
    trigger_form,
    winner_form,
)
from admin_ui.behaviour_form import FOLLOWERS
from admin_ui.campaign_form import Editor
from admin_ui.campaign_timing import timing
from admin_ui.error_words import text_words
from admin_ui.forms import Errors, Form
from admin_ui.i18n import Say
from admin_ui.journey_drawing import Drawing, drawing
from admin_ui.page import Page
from admin_ui.rule_tree import Node, filters_of
from admin_ui.services import PageServices
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
from campaigns.message import PAYLOAD_LIMIT
from campaigns.steps import SplitRule
from campaigns.templates import MissingField, TextTooLong, compile_template
from campaigns.wording import weight
from segments.events import VOCABULARY
from segments.rules.behaviour import LEDGER_EVENTS

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
class Weight:
    """What a push weighs at most; None where it outgrows what a push can carry."""

    bytes: int | None


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
    values: dict[str, Sequence[KnownValue]] = {}
    for node in editor.events:
        values |= await segment_builder.suggestions(services.segment_values, node)
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
        "winners": winner_form,
        "happenings": HAPPENINGS,
        "events": VOCABULARY,
        "segments": await services.segment_runs.list(kept=True),
        "coupons": await services.coupon_book.list(),
        "merge_fields": merge_buttons(),
        "audience": await audience(services, editor.fields),
        "timing": await timing(editor, page, services),
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
                wrong=any(re.fullmatch(rf".*\{end}(v\d+)?", name) for name in errors),
            )
            for place, end in enumerate(ends)
        ],
        "picture": _picture(editor, words, page.shop.currency),
    }  # fmt: skip


def _told(fields: Mapping[str, str], end: str, words: Words) -> str:
    if fields[f"step_kept{end}"]:
        return name_of(journey_steps.kept(fields, end), words)
    rule = fields[f"step_own_rule{end}"]
    return name_of(SplitRule(rule=json.loads(rule)), words) if rule else ""


def _picture(editor: Editor, words: Words, currency: str) -> Drawing | None:
    if not editor.steps or journey_form.wrong(editor.fields, editor.steps):
        return None
    steps = journey_steps.steps(editor.fields, editor.awaits, editor.steps, currency)
    try:
        check_steps(steps)
    except DraftIncomplete:
        return None
    return drawing(draw(steps, words, counts={}))


def phone(editor: Editor, page: Page) -> dict[str, Any]:
    """The phone with the texts as they are being typed."""
    content = content_form.read(editor.fields, editor.shown)
    return {
        "previews": previews(editor, editor.shown, page.say),
        "frame": editor.fields,
        "weight": _weight(content),
        "limit": PAYLOAD_LIMIT,
    }


def _weight(content: Content) -> Weight | None:
    try:
        return Weight(weight(content)) if content.texts() else None
    except TemplateError:
        return None


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
        return Preview(text.title, text.body, text_words(error.message, say), image=image, buttons=buttons)
    return Preview(title, body, image=image, buttons=buttons)
