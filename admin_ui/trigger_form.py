"""The editor's fields of what makes a campaign begin: a moment, a repetition, an event, a segment, a date of the person."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from admin_ui import behaviour_document, behaviour_form, condition_form, repetition_form
from admin_ui.i18n import mark
from admin_ui.rule_tree import Node
from campaigns.trigger import (
    DATES,
    LONGEST_REENTRY,
    TRAIT,
    Kind,
    Once,
    OnDate,
    OnEvent,
    OnSegment,
    Recurring,
    Reentry,
    Trigger,
)

Fields = dict[str, str]

KINDS: Mapping[str, tuple[str, str]] = {
    Kind.ONCE: (mark("Once"), mark("At a moment you choose, to everyone in the segment")),
    Kind.RECURRING: (mark("Again and again"), mark("Every week, every month … to who is in the segment then")),
    Kind.EVENT: (mark("After an activity"), mark("When a member does something, such as a first purchase")),
    Kind.SEGMENT: (mark("Entering or leaving a segment"), mark("When a member comes into a segment, or leaves it")),
    Kind.DATE: (mark("Around a date"), mark("A birthday, days after joining, a coupon about to expire")),
}
"""How the kinds are called, and what each is for."""

CALLED: Mapping[str, tuple[str, str]] = {
    **KINDS,
    Kind.JOURNEY: (mark("Journey"), mark("Several steps, person by person")),
}
"""The same with journeys, which are not told by what begins them."""
ICONS: Mapping[str, str] = {
    Kind.JOURNEY: "branch",
    Kind.ONCE: "campaigns",
    Kind.RECURRING: "repeat",
    Kind.EVENT: "app",
    Kind.SEGMENT: "segments",
    Kind.DATE: "calendar",
}

UNITS: Mapping[str, timedelta] = {
    "minutes": timedelta(minutes=1),
    "hours": timedelta(hours=1),
    "days": timedelta(days=1),
}
UNIT_NAMES: Mapping[str, str] = {"minutes": mark("minutes"), "hours": mark("hours"), "days": mark("days")}
CHANGES: Mapping[str, str] = {"entered": mark("comes into it"), "left": mark("leaves it")}
DATE_NAMES: Mapping[str, str] = {
    "birthday": mark("Birthday"),
    "joined": mark("Day of joining"),
    "coupon_expiry": mark("Expiry of the coupon they hold"),
    "trait": mark("Another date of the profile"),
}
SIDES: Mapping[str, str] = {"before": mark("days before"), "on": mark("on the day"), "after": mark("days after")}
REENTRIES: Mapping[str, str] = {
    "always": mark("every time"),
    "after": mark("again only after"),
    "never": mark("once only"),
}

BLANK: Mapping[str, str] = {
    "kind": str(Kind.ONCE),
    "when": "now",
    "day": "",
    "time": "",
    **repetition_form.BLANK,
    "starts_day": "",
    "at": "10:00",
    "until_day": "",
    "until_time": "23:59",
    "event": "Order Completed",
    "own_event": "",
    "delay": "0",
    "delay_unit": "hours",
    "trigger_segment": "",
    "change": "entered",
    "date_of": "birthday",
    "date_trait": "",
    "date_days": "0",
    "date_side": "on",
    "date_at": "10:00",
    "reentry": "always",
    "reentry_days": "30",
}
"""Every field with what stands in it at first."""

FIELD_OF: Mapping[str, str] = {
    "scheduled_at": "day",
    "trigger.rrule": "rrule",
    "trigger.starts_at": "starts_day",
    "trigger.until": "until_day",
    "trigger.event": "own_event",
    "trigger.delay": "delay",
    "trigger.segment_id": "trigger_segment",
    "trigger.change": "change",
    "trigger.date": "date_of",
    "trigger.days": "date_days",
    "trigger.at": "date_at",
    "reentry.mode": "reentry",
    "reentry.days": "reentry_days",
}
"""Fields of a draft's trigger that are called differently in the form."""

_MOST_DIGITS = 6


def event_of(fields: Mapping[str, str]) -> str:
    """The event that was chosen or written."""
    return fields["own_event"] if fields["event"] == "own" else fields["event"]


def condition(event: str, before: Node | None) -> Node:
    """What is asked of an event; what was asked of another one is gone."""
    subject = f"event:{event}"
    return before if before is not None and before.subject == subject else condition_form.new(subject)


def wrong(fields: Mapping[str, str], *, zone: str, now: datetime, begun: datetime | None = None) -> list[str]:
    """Fields whose text is none of what they hold; ``begun`` as in `begins`."""
    found = [*repetition_form.wrong(fields)] if fields["kind"] == Kind.RECURRING else []
    match fields["kind"]:
        case Kind.RECURRING:
            starts = _moment(fields["starts_day"], fields["at"], zone)
            found += ["starts_day"] if starts is None else []
        case Kind.EVENT:
            found += [] if event_of(fields) else ["own_event"]
        case Kind.SEGMENT:
            found += [] if _whole(fields["trigger_segment"]) else ["trigger_segment"]
        case Kind.DATE:
            far = fields["date_side"] != "on" and not _whole(fields["date_days"])
            found += [
                name
                for name, is_wrong in (("date_days", far), ("date_at", _clock(fields["date_at"]) is None))
                if is_wrong
            ]
        case _:
            pass
    if fields["kind"] in (Kind.EVENT, Kind.SEGMENT) and _delay(fields) is None:
        found.append("delay")
    if fields["kind"] != Kind.RECURRING and fields["when"] == "later":
        at = begins(fields, zone, begun=begun)
        found += ["day"] if at is None or (at <= now and at != begun) else []
    if fields["kind"] != Kind.ONCE and fields["until_day"] and _until(fields, zone) is None:
        found.append("until_day")
    if fields["reentry"] == "after" and not 1 <= _whole(fields["reentry_days"]) <= LONGEST_REENTRY:
        found.append("reentry_days")
    return found


def trigger(fields: Mapping[str, str], filters: Node | None, *, zone: str, currency: str) -> Trigger:
    """What makes it begin; only where nothing is `wrong`."""
    until = _until(fields, zone)
    match fields["kind"]:
        case Kind.RECURRING:
            starts_at = _moment(fields["starts_day"], fields["at"], zone)
            if starts_at is None:
                raise ValueError(fields["starts_day"])
            return Recurring(rrule=repetition_form.rule(fields), starts_at=starts_at, until=until)
        case Kind.EVENT:
            where = behaviour_document.document(filters, currency).get("where", {}) if filters is not None else {}
            return OnEvent(event=event_of(fields), where=where, delay=_delay(fields) or timedelta(0), until=until)
        case Kind.SEGMENT:
            return OnSegment(
                segment_id=_whole(fields["trigger_segment"]),
                change="left" if fields["change"] == "left" else "entered",
                delay=_delay(fields) or timedelta(0),
                until=until,
            )
        case Kind.DATE:
            return OnDate(date=_date(fields), days=_days(fields), at=fields["date_at"], until=until)
        case _:
            return Once()


def begins(fields: Mapping[str, str], zone: str, *, begun: datetime | None = None) -> datetime | None:
    """When it is launched, or from when it listens; None as soon as it is confirmed.

    ``begun`` is when one that runs began: it stays unless another moment is set.
    """
    if fields["kind"] == Kind.RECURRING or fields["when"] != "later":
        return begun
    at = _moment(fields["day"], fields["time"], zone)
    return begun if begun is not None and at == begun.replace(microsecond=0) else at


def reentry(fields: Mapping[str, str]) -> Reentry:
    """Whether it can reach the same person again; asked only of kinds that begin person by person."""
    if fields["kind"] in (Kind.ONCE, Kind.RECURRING):
        return Reentry()
    match fields["reentry"]:
        case "never":
            return Reentry(mode="never")
        case "after":
            return Reentry(mode="after", days=_whole(fields["reentry_days"]))
        case _:
            return Reentry()


def write(given: Trigger, again: Reentry, scheduled_at: datetime | None, *, zone: str, today: datetime) -> Fields:
    """The fields of a draft's trigger, re-entry and begin."""
    until = None if isinstance(given, Once) else given.until
    found = {**BLANK, "kind": str(given.kind), "starts_day": _day(today, zone), **_of_kind(given, zone)}
    if scheduled_at is not None:
        found |= {"when": "later", "day": _day(scheduled_at, zone), "time": _time(scheduled_at, zone)}
    if until is not None:
        found |= {"until_day": _day(until, zone), "until_time": _time(until, zone)}
    return found | {"reentry": again.mode, "reentry_days": str(again.days or BLANK["reentry_days"])}


def write_filters(given: OnEvent, currency: str) -> Node:
    """The fields of an event's filters."""
    document: dict[str, Any] = {"event": given.event, "where": dict(given.where), "op": ">=", "times": 1}
    return condition_form.settle(behaviour_document.read(document, currency))


def _of_kind(given: Trigger, zone: str) -> Fields:
    match given:
        case Recurring():
            starts = {"starts_day": _day(given.starts_at, zone), "at": _time(given.starts_at, zone)}
            return repetition_form.read(given.rrule) | starts
        case OnEvent():
            known = given.event in {str(each.name) for each in behaviour_form.FOLLOWERS}
            named = {"event": given.event} if known else {"event": "own", "own_event": given.event}
            return named | _written_delay(given.delay)
        case OnSegment():
            named = {"trigger_segment": str(given.segment_id), "change": given.change}
            return named | _written_delay(given.delay)
        case OnDate():
            trait = given.date.startswith(TRAIT)
            return {
                "date_of": "trait" if trait else given.date,
                "date_trait": given.date.removeprefix(TRAIT) if trait else "",
                "date_days": str(abs(given.days)),
                "date_side": "on" if not given.days else "before" if given.days < 0 else "after",
                "date_at": given.at,
            }
        case _:
            return {}


def _date(fields: Mapping[str, str]) -> str:
    return fields["date_of"] if fields["date_of"] in DATES else f"{TRAIT}{fields['date_trait']}"


def _days(fields: Mapping[str, str]) -> int:
    return {"before": -1, "after": 1}.get(fields["date_side"], 0) * _whole(fields["date_days"])


def _delay(fields: Mapping[str, str]) -> timedelta | None:
    unit = UNITS.get(fields["delay_unit"])
    sound = fields["delay"].isascii() and fields["delay"].isdecimal() and len(fields["delay"]) <= _MOST_DIGITS
    return int(fields["delay"]) * unit if sound and unit is not None else None


def _written_delay(delay: timedelta) -> Fields:
    fitting = [name for name, unit in UNITS.items() if delay and not delay % unit]
    unit = fitting[-1] if fitting else "hours" if not delay else "minutes"
    return {"delay": str(delay // UNITS[unit]), "delay_unit": unit}


def _until(fields: Mapping[str, str], zone: str) -> datetime | None:
    return _moment(fields["until_day"], fields["until_time"] or BLANK["until_time"], zone)


def _moment(day: str, at: str, zone: str) -> datetime | None:
    try:
        local = datetime.fromisoformat(f"{day}T{at}")
    except ValueError:
        return None
    return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _clock(text: str) -> time | None:
    try:
        return time.fromisoformat(text)
    except ValueError:
        return None


def _day(moment: datetime, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d")


def _time(moment: datetime, zone: str) -> str:
    local = moment.astimezone(ZoneInfo(zone))
    return local.strftime("%H:%M:%S" if local.second else "%H:%M")


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else 0
