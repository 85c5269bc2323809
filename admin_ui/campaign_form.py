"""The campaign editor's form: fields as they are typed, and the draft they make."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from admin_ui.forms import Errors, Form
from admin_ui.i18n import Say, mark
from campaigns.campaign import Content, Draft, Text, check_draft
from campaigns.errors import DraftIncomplete, TemplateError
from campaigns.fields import FIELDS as MERGE_FIELDS
from campaigns.fields import samples
from campaigns.templates import MissingField, TextTooLong, check_content, compile_template

FIELDS = {
    "name": "",
    "ja_title": "",
    "ja_body": "",
    "en_title": "",
    "en_body": "",
    "link": "",
    "coupon_id": "",
    "segment_id": "",
    "holdout_percent": "5",
    "conversion_event": "Order Completed",
    "conversion_days": "7",
    "when": "now",
    "day": "",
    "time": "",
    "expires_hours": "24",
}
"""Every field with what stands in it at first."""

STEPS = ("content", "audience", "timing")
"""The steps that are one form; the fourth, the check, is a page of its own."""

_STEP_OF = {
    "name": "content",
    "ja_title": "content",
    "ja_body": "content",
    "en_title": "content",
    "en_body": "content",
    "content": "content",
    "link": "content",
    "segment_id": "audience",
    "holdout_percent": "audience",
    "conversion_event": "audience",
    "conversion_days": "audience",
}

_FIELD_OF = {
    "content.ja.title": "ja_title",
    "content.ja.body": "ja_body",
    "content.en.title": "en_title",
    "content.en.body": "en_body",
    "content.link": "link",
    "scheduled_at": "day",
    "expires_after": "expires_hours",
}
"""Fields of a draft that are called differently in the form."""

_SENTENCES = {
    "name": mark("Give the campaign a name of 1 to 100 characters."),
    "content": mark("Write a title and a body in at least one language."),
    "link": mark("A link begins with https:// or the app's own scheme, such as myshop://."),
    "segment_id": mark("Choose a segment."),
    "holdout_percent": mark("The holdout is between 0 and 90 %%."),
    "conversion_event": mark("Choose the event that counts as success."),
    "conversion_days": mark("The window is 1 to 90 days."),
    "expires_hours": mark("A message may live from 1 to 672 hours."),
    "day": mark("Choose a day and a time that are still to come."),
}


@dataclass(frozen=True, slots=True)
class Preview:
    """A push as the phone shows it, filled with sample values; ``problem`` says why it cannot be."""

    title: str
    body: str
    problem: str = ""


def typed(form: Form) -> dict[str, str]:
    """The fields of a form as they were typed."""
    return {name: form.raw(name, default).strip() for name, default in FIELDS.items()}


def from_draft(draft: Draft, zone: str) -> dict[str, str]:
    """The fields of a draft that is kept."""
    content, at = draft.content, draft.scheduled_at
    local = at.astimezone(ZoneInfo(zone)) if at else None
    return {
        "name": draft.name,
        "ja_title": content.ja.title if content.ja else "",
        "ja_body": content.ja.body if content.ja else "",
        "en_title": content.en.title if content.en else "",
        "en_body": content.en.body if content.en else "",
        "link": content.link or "",
        "coupon_id": content.coupon_id or "",
        "segment_id": str(draft.segment_id),
        "holdout_percent": f"{draft.holdout_percent:g}",
        "conversion_event": draft.conversion_event,
        "conversion_days": str(draft.conversion_days),
        "when": "later" if local else "now",
        "day": local.strftime("%Y-%m-%d") if local else "",
        "time": local.strftime("%H:%M") if local else "",
        "expires_hours": f"{draft.expires_after.total_seconds() / 3600:g}",
    }


def to_draft(form: Form, *, zone: str, now: datetime, say: Say) -> tuple[Draft | None, Errors]:
    """The draft of a form, or what is wrong with which field."""
    fields = typed(form)
    errors = _missing(form, fields, now=now, zone=zone)
    if errors:
        return None, {field: say(_SENTENCES[field]) for field in errors}
    draft = Draft(
        name=fields["name"],
        segment_id=int(fields["segment_id"]),
        content=_content(fields),
        holdout_percent=form.fraction("holdout_percent") or 0.0,
        conversion_event=fields["conversion_event"],
        conversion_days=form.whole("conversion_days") or 0,
        scheduled_at=_moment(fields, zone),
        expires_after=timedelta(hours=form.fraction("expires_hours") or 0),
    )
    try:
        check_draft(draft)
        check_content(draft.content)
    except DraftIncomplete as error:
        return None, {field_of(error.field): problem(error, say)}
    return draft, {}


def problem(error: DraftIncomplete, say: Say) -> str:
    """What is wrong with a draft, in words."""
    field = field_of(error.field)
    if field in _SENTENCES:
        return say(_SENTENCES[field])
    if error.message.startswith("write a "):
        return say("Write a title and a body, or leave this language empty.")
    return say("This text cannot be used: %(reason)s.", reason=error.message)


def field_of(name: str) -> str:
    """The form's field for a field of a draft."""
    return _FIELD_OF.get(name, name)


def first_step(errors: Errors, wanted: str = "") -> str:
    """The step to open: the first one with an error, else the one that was wanted."""
    steps = {_STEP_OF.get(field, "timing") for field in errors}
    return next((step for step in STEPS if step in steps), wanted if wanted in STEPS else STEPS[0])


def previews(fields: Mapping[str, str], say: Say) -> dict[str, Preview]:
    """What the phone shows in each language that is begun."""
    return {
        language: _preview(fields[f"{language}_title"], fields[f"{language}_body"], language, say)
        for language in ("ja", "en")
        if fields[f"{language}_title"] or fields[f"{language}_body"]
    }


def merge_buttons() -> dict[str, list[tuple[str, str]]]:
    """Per language: what a merge field's button puts into the text, and its label."""
    return {
        "ja": [(f"{{{{ {each.ja} }}}}", each.ja) for each in MERGE_FIELDS],
        "en": [(f"{{{{ {each.name} }}}}", each.en) for each in MERGE_FIELDS],
    }


def _preview(title: str, body: str, language: str, say: Say) -> Preview:
    values = samples(language)
    try:
        return Preview(compile_template(title).render(values), compile_template(body).render(values))
    except (TemplateError, MissingField, TextTooLong) as error:
        return Preview(title, body, say("This text cannot be used: %(reason)s.", reason=error.message))


def _missing(form: Form, fields: Mapping[str, str], *, now: datetime, zone: str) -> list[str]:
    wrong = [] if fields["name"] else ["name"]
    if form.whole("segment_id") is None:
        wrong.append("segment_id")
    if form.fraction("holdout_percent") is None:
        wrong.append("holdout_percent")
    if form.whole("conversion_days") is None:
        wrong.append("conversion_days")
    if form.fraction("expires_hours") is None:
        wrong.append("expires_hours")
    at = _moment(fields, zone)
    if fields["when"] == "later" and (at is None or at <= now):
        wrong.append("day")
    return wrong


def _content(fields: Mapping[str, str]) -> Content:
    texts = {
        language: Text(fields[f"{language}_title"], fields[f"{language}_body"])
        if fields[f"{language}_title"] or fields[f"{language}_body"]
        else None
        for language in ("ja", "en")
    }
    return Content(ja=texts["ja"], en=texts["en"], link=fields["link"] or None, coupon_id=fields["coupon_id"] or None)


def _moment(fields: Mapping[str, str], zone: str) -> datetime | None:
    if fields["when"] != "later":
        return None
    try:
        local = datetime.fromisoformat(f"{fields['day']}T{fields['time']}")
    except ValueError:
        return None
    return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
