"""When a campaign goes out, in words, with its next dates where it repeats."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date

from admin_ui import filters, repetition_form, trigger_form
from admin_ui.campaign_form import Editor
from admin_ui.i18n import Say
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.trigger_form import event_of
from campaigns.draft_preview import UPCOMING
from campaigns.errors import DraftIncomplete
from campaigns.schedule import upcoming
from campaigns.timeline import name_of_event
from campaigns.trigger import Kind, Recurring


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


async def timing(editor: Editor, page: Page, services: PageServices) -> Timing:
    """When it goes out, in words."""
    fields, say, zone = editor.fields, page.say, page.shop.zone
    match fields["kind"]:
        case Kind.RECURRING:
            return _repeated(fields, page)
        case Kind.EVENT:
            event = label_of(event_of(fields), say)
            soon = say("Within seconds after: %(what)s", what=event)
            return Timing(_delayed(fields, say, soon, say("%(delay)s after: %(what)s", what=event, delay="%(delay)s")))
        case Kind.SEGMENT:
            return Timing(_delayed(fields, say, *_changed(fields, say, await _segment(fields, services, say))))
        case Kind.DATE:
            return Timing(_dated(fields, say))
        case _:
            at = trigger_form.begins(fields, zone)
            return Timing(filters.exact(at, zone=zone, say=say) if at else say("As soon as you confirm it"))


async def _segment(fields: Mapping[str, str], services: PageServices, say: Say) -> str:
    known = await services.segment_values.of_property("segment")
    return next((say.pick(each) for each in known if each.value == fields["trigger_segment"]), "…")


def _changed(fields: Mapping[str, str], say: Say, name: str) -> tuple[str, str]:
    """What is said without and with a delay."""
    if fields["change"] == "left":
        return (
            say("Within seconds after a member leaves “%(name)s”", name=name),
            say("%(delay)s after a member leaves “%(name)s”", name=name, delay="%(delay)s"),
        )
    return (
        say("Within seconds after a member comes into “%(name)s”", name=name),
        say("%(delay)s after a member comes into “%(name)s”", name=name, delay="%(delay)s"),
    )


def _delayed(fields: Mapping[str, str], say: Say, soon: str, later: str) -> str:
    if fields["delay"] in ("", "0"):
        return soon
    delay = f"{fields['delay']} {say(trigger_form.UNIT_NAMES.get(fields['delay_unit'], ''))}"
    return later.replace("%(delay)s", delay)


def label_of(event: str, say: Say) -> str:
    """What people call an event; one of the shop's own goes by its name."""
    ja, en = name_of_event(event)
    return say.pick({"ja": ja, "en": en})


def _repeated(fields: Mapping[str, str], page: Page) -> Timing:
    say = page.say
    if trigger_form.wrong({**fields, "reentry": "always"}, zone=page.shop.zone, now=page.now):
        return Timing(say("Choose how often, and from when."))
    told = repetition_form.sentence(fields, fields["at"], say)
    made = trigger_form.trigger(fields, None, zone=page.shop.zone, currency=page.shop.currency)
    if not isinstance(made, Recurring):
        raise TypeError(made)
    found = _upcoming(made, page)
    if not found:
        return Timing(told, warning=say("With this no date is left."))
    skips = say("Months without this day are passed over.") if repetition_form.skips_months(fields) else ""
    return Timing(told, [(each, _weekday(each, page)) for each in found], skips)


def _upcoming(made: Recurring, page: Page) -> list[datetime]:
    """The next moments; none where the rule cannot be read."""
    with suppress(DraftIncomplete):
        return [due.at for due in upcoming(made, after=page.now, zone=page.shop.zone, count=UPCOMING)]
    return []


def _weekday(moment: datetime, page: Page) -> str:
    local = moment.astimezone(ZoneInfo(page.shop.zone))
    return str(format_date(local, "EEEE", locale=page.say.language))


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
