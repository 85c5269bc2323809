"""The draft that a campaign editor makes, and the editor of a draft."""

import re
from datetime import datetime, timedelta

from admin_ui import campaign_places, content_form, journey_form, journey_steps, trigger_form, winner_form
from admin_ui.campaign_form import FIELDS, Editor, conversion, exit_event, settled, slot
from admin_ui.campaign_places import sentence_of
from admin_ui.content_form import FIRST, Fields
from admin_ui.forms import Errors, Form
from admin_ui.i18n import Say
from admin_ui.rule_tree import Node
from campaigns.campaign import Content, Devices, Draft, Policy, Priority, QuietPolicy, Variant, check_draft
from campaigns.errors import DraftIncomplete
from campaigns.steps import Awaited, Step
from campaigns.trigger import Kind, OnEvent
from campaigns.wording import check_words
from segments.events import VOCABULARY


def from_draft(draft: Draft, *, zone: str, currency: str, now: datetime) -> Editor:
    """The editor of a draft that is kept."""
    fields = {**FIELDS, **trigger_form.write(draft.trigger, draft.reentry, draft.scheduled_at, zone=zone, today=now)}
    fields |= {
        "name": draft.name,
        "tags": ", ".join(draft.tags),
        "hypothesis": draft.hypothesis,
        "goal_target": "" if draft.goal_target is None else f"{draft.goal_target:g}",
        "segment_id": "" if draft.segment_id is None else str(draft.segment_id),
        "holdout_percent": f"{draft.holdout_percent:g}",
        "conversion_event": draft.conversion_event,
        "conversion_days": str(draft.conversion_days),
        "expires_hours": f"{draft.expires_after.total_seconds() / 3600:g}",
        "priority": str(draft.priority),
        "devices": str(draft.devices),
        "quiet": str(draft.quiet),
        "own_zone": "on" if draft.own_zone else "",
        "rate": "" if draft.rate_per_minute is None else str(draft.rate_per_minute),
        "policy": str(draft.policy),
        "names_on_lock_screen": "on" if draft.names_on_lock_screen else "",
        "variants": str(len(draft.variants) or 1),
        **winner_form.write(draft.winner),
    }
    if not draft.steps:
        for place, (_, content) in enumerate(draft.contents()):
            fields |= content_form.write(content, slot(place))
    for place, variant in enumerate(draft.variants):
        fields |= {f"variant_name{slot(place)}": variant.name, f"share{slot(place)}": f"{variant.share:g}"}
    return settled(Editor(fields | _written_journey(draft), _written_events(draft, currency)))


def _written_journey(draft: Draft) -> Fields:
    shape = {"shape": "journey" if draft.steps else "push", "steps": str(len(draft.steps))}
    if draft.exits_on is None:
        return {**shape, **journey_steps.write(draft.steps)}
    known = draft.exits_on.event in {str(each.name) for each in VOCABULARY}
    named = {"exit_event": draft.exits_on.event} if known else {"exit_event": "own", "own_exit": draft.exits_on.event}
    return {**shape, "exits": "on", **named, **journey_steps.write(draft.steps)}


def _written_events(draft: Draft, currency: str) -> list[Node]:
    begins = draft.trigger
    first = (
        trigger_form.write_filters(begins, currency)
        if isinstance(begins, OnEvent)
        else trigger_form.condition(FIELDS["event"], None)
    )
    return [first, *(journey_steps.write_awaits(each, currency) for each in (draft.exits_on, *draft.steps))]


def to_draft(
    editor: Editor, *, zone: str, currency: str, now: datetime, say: Say, begun: datetime | None = None
) -> tuple[Draft | None, Errors]:
    """The draft of an editor, or what is wrong with which field; ``begun`` is when one that runs began."""
    wrong = wrong_fields(editor, zone=zone, now=now, begun=begun)
    if wrong:
        return None, {name: say(sentence_of(name)) for name in wrong}
    draft = built(editor, zone=zone, currency=currency, begun=begun)
    try:
        check_draft(draft)
        check_words(draft)
    except DraftIncomplete as error:
        return None, {
            campaign_places.field_of(error.field): campaign_places.refused(
                error.field, error.message, say, code=error.code
            )
        }
    return draft, {}


def built(editor: Editor, *, zone: str, currency: str, begun: datetime | None = None) -> Draft:
    """What an editor says, unchecked; only where there are no `wrong_fields`."""
    fields = editor.fields
    return Draft(
        name=fields["name"],
        segment_id=_whole(fields["segment_id"]),
        content=Content() if editor.is_journey or _compares(editor) else content_form.read(fields, FIRST),
        holdout_percent=_number(fields["holdout_percent"]) or 0.0,
        policy=Policy(fields["policy"]),
        conversion_event=conversion(fields),
        conversion_days=_whole(fields["conversion_days"]) or 0,
        scheduled_at=trigger_form.begins(fields, zone, begun=begun),
        expires_after=timedelta(hours=_number(fields["expires_hours"]) or 0),
        trigger=trigger_form.trigger(fields, editor.filters, zone=zone, currency=currency),
        reentry=trigger_form.reentry(fields),
        variants=_variants(editor),
        priority=Priority(fields["priority"]),
        devices=Devices(fields["devices"]),
        quiet=QuietPolicy(fields["quiet"]),
        own_zone=bool(fields["own_zone"]),
        rate_per_minute=_whole(fields["rate"]),
        hypothesis=fields["hypothesis"],
        goal_target=_number(fields["goal_target"]),
        tags=tuple(tags(fields["tags"])),
        names_on_lock_screen=bool(fields["names_on_lock_screen"]),
        steps=_steps(editor, currency),
        exits_on=_exits_on(editor, currency),
        winner=winner_form.rule(fields) if _compares(editor) and not editor.is_journey else None,
    )


def tags(text: str) -> list[str]:
    """The tags of a text with commas between them."""
    return [tag.strip() for tag in re.split(r"[,、，\n]", text) if tag.strip()]


def wrong_fields(editor: Editor, *, zone: str, now: datetime, begun: datetime | None) -> list[str]:
    """Fields whose text is none of what they hold."""
    fields, wrong = editor.fields, []
    numbers: dict[str, object] = {
        "holdout_percent": _number(fields["holdout_percent"]),
        "conversion_days": _whole(fields["conversion_days"]),
        "expires_hours": _number(fields["expires_hours"]),
        "rate": _whole(fields["rate"]) if fields["rate"] else 1,
        "goal_target": _number(fields["goal_target"]) if fields["goal_target"] else 1,
    }
    if not fields["name"]:
        wrong.append("name")
    if _whole(fields["segment_id"]) is None and fields["kind"] not in (Kind.EVENT, Kind.SEGMENT):
        wrong.append("segment_id")
    if not conversion(fields):
        wrong.append("conversion_event")
    wrong += [name for name, value in numbers.items() if value is None]
    for each in () if editor.is_journey else editor.slots:
        wrong += content_form.wrong(fields, each)
    if editor.is_journey:
        wrong += journey_form.wrong(fields, editor.steps) if editor.steps else ["steps"]
        wrong += ["own_exit"] if fields["exits"] and not exit_event(fields) else []
    elif _compares(editor):
        wrong += [f"share{each}" for each in editor.slots if _number(fields[f"share{each}"]) is None]
        wrong += winner_form.wrong(fields)
    wrong += trigger_form.wrong(fields, zone=zone, now=now, begun=begun)
    return wrong


def _compares(editor: Editor) -> bool:
    return len(editor.slots) > 1


def _variants(editor: Editor) -> tuple[Variant, ...]:
    if editor.is_journey or not _compares(editor):
        return ()
    fields = editor.fields
    return tuple(
        Variant(
            name=fields[f"variant_name{each}"],
            share=_number(fields[f"share{each}"]) or 0.0,
            content=content_form.read(fields, each),
        )
        for each in editor.slots
    )


def _steps(editor: Editor, currency: str) -> tuple[Step, ...]:
    return journey_steps.steps(editor.fields, editor.awaits, editor.steps, currency) if editor.is_journey else ()


def _exits_on(editor: Editor, currency: str) -> Awaited | None:
    if not editor.is_journey or not editor.fields["exits"]:
        return None
    return journey_steps.awaited(exit_event(editor.fields), editor.exits, currency)


def _whole(text: str) -> int | None:
    return Form({"x": text}.items()).whole("x")


def _number(text: str) -> float | None:
    return Form({"x": text}.items()).fraction("x")
