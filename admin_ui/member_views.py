"""One person's page in words. Pure: values in, values out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from admin_ui import filters
from admin_ui.i18n import Say, mark
from campaigns.reasons import LABELS
from campaigns.timeline import Happening, Property
from segments.customers import BY_NAME
from segments.events import BY_NAME as EVENTS

COUPON_STATES = {
    "held": (mark("Unused"), "busy"),
    "used": (mark("Used"), "good"),
    "expired": (mark("Expired"), "hollow"),
}
DEVICE_STATES = {
    "live": (mark("Reached by push"), "good"),
    "unproven": (mark("Not proven to be theirs"), "care"),
    "signed_out": (mark("Signed out"), "hollow"),
    "replaced": (mark("Has a newer address"), "hollow"),
    "retired": (mark("No longer there"), "hollow"),
}
PLATFORMS = {"ios": "iOS", "android": "Android", "web": "Web"}
PERMISSIONS = {"granted": mark("allowed"), "denied": mark("denied"), "unknown": mark("not known")}
PURPOSES = {"marketing": mark("Marketing"), "push": mark("push"), "email": mark("mail"), "sms": mark("SMS")}

_DELIVERY_STATES = {
    "planned": mark("Push planned"),
    "paused": mark("Push on hold while the campaign is paused"),
    "awaiting_winner": mark("Push waits for the winner of a test"),
    "sending": mark("Push being sent"),
    "accepted": mark("Push accepted"),
    "rejected": mark("Push refused"),
    "unknown": mark("Push with unknown outcome"),
    "cancelled": mark("Push cancelled"),
    "expired": mark("Push expired"),
    "left_out": mark("Left out of a push"),
}

_PROFILE = {
    "family_name": mark("Family name"),
    "given_name": mark("Given name"),
    "family_name_kana": mark("Family name (kana)"),
    "given_name_kana": mark("Given name (kana)"),
    "gender": mark("Gender"),
    "birthday": mark("Birthday"),
    "prefecture": mark("Prefecture"),
    "language": mark("Language"),
    "phone": mark("Phone"),
}
GENDERS = {"female": mark("Female"), "male": mark("Male"), "other": mark("Other")}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_ALSO_CALLED = {"last_name": "family_name", "lastName": "family_name", "first_name": "given_name"}
_SHOWN_ELSEWHERE = {"email", "firstName", *_ALSO_CALLED}
_ALSO_SAID = {"email": mark("Mail address"), "name": mark("Name"), "price": mark("Price")}
"""Names of properties that shops send beside the declared ones."""
_UNSHOWN = {"delivery_id"}
"""Numbers that say nothing to people; the API gives them."""

_FACTS = (
    "orders",
    "spend",
    "last_order",
    "favorite_category",
    "launches",
    "last_launch",
    "visits",
    "last_visit",
    "points",
    "joined",
)

_MARKS = (
    ("Order", "purchase", "purchase"),
    ("Coupon", "coupon", "coupon"),
    ("Push", "push", "push"),
    ("Application", "app", ""),
    ("Membership", "rank", ""),
    ("Points", "point", ""),
    ("Store", "store", ""),
    ("Product", "search", ""),
    ("Consent", "consent", ""),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the timeline. ``day`` is set on the first line of each business day."""

    key: str
    day: str
    icon: str
    mark: str
    text: str
    href: str
    detail: str
    unverified: bool
    source: str
    at: datetime
    clock: str


def entries(happenings: Sequence[Happening], *, zone: str, say: Say) -> list[Entry]:
    """The timeline with a heading for each day."""
    found: list[Entry] = []
    last: date | None = None
    for each in happenings:
        local = each.at.astimezone(ZoneInfo(zone))
        heading = filters.day(local.date(), say) if local.date() != last else ""
        last = local.date()
        found.append(_entry(each, heading, zone, say))
    return found


def facts(known: Mapping[str, Any] | None, *, currency: str, say: Say) -> list[tuple[str, str]]:
    """What is true of the person, label and value; empty before the first refresh."""
    if known is None:
        return []
    return [
        (say.pick(BY_NAME[name]).partition("（")[0].partition(" (")[0], _fact(name, known[name], currency, say))
        for name in _FACTS
    ]


def profile(traits: Mapping[str, Any], say: Say) -> list[tuple[str, str]]:
    """The profile as the shop sent it: what we know by name first, everything else as it is called."""
    named = {_ALSO_CALLED.get(name, name): value for name, value in traits.items()}
    if isinstance(named.get("gender"), str):
        named["gender"] = say(GENDERS.get(named["gender"], named["gender"]))
    known = [(say(label), str(named[name])) for name, label in _PROFILE.items() if named.get(name) not in (None, "")]
    others = [
        (name, str(value))
        for name, value in traits.items()
        if name not in _PROFILE and name not in _SHOWN_ELSEWHERE and not isinstance(value, dict | list)
    ]
    return [*known, *others]


def _entry(each: Happening, heading: str, zone: str, say: Say) -> Entry:
    delivery = each.kind == "delivery"
    icon, tone = ("push", "push") if delivery else _mark(each.name)
    name = say.pick(each) if each.step is None else say("%(name)s, step %(n)s", name=say.pick(each), n=each.step + 1)
    text = say("%(what)s: %(name)s", what=say(_DELIVERY_STATES.get(each.name, each.name)), name=name)
    return Entry(
        key=f"{each.kind}-{each.number}",
        day=heading,
        icon=icon,
        mark=tone,
        text=text if delivery else say.pick(each),
        href=f"/campaigns/{each.campaign_id}" if each.campaign_id is not None else "",
        detail=_reason(each.reason, say) if delivery else _properties(each.properties, zone, say),
        unverified=not each.trusted and _is_weighty(each.name),
        source=each.source or "",
        at=each.at,
        clock=each.at.astimezone(ZoneInfo(zone)).strftime("%H:%M"),
    )


def _reason(code: str | None, say: Say) -> str:
    """Why a push ended as it did: a gate in words, an answer of the push service as it came."""
    ja, en = LABELS.get(code or "", (code or "", code or ""))
    return say.pick({"ja": ja, "en": en})


def _is_weighty(event: str) -> bool:
    """Whether an unproven word matters: it moves money or reward. A launch that nobody proved is just a launch."""
    known = EVENTS.get(event)
    return known is not None and known.weighty


def _mark(event: str) -> tuple[str, str]:
    return next(((icon, tone) for prefix, icon, tone in _MARKS if event.startswith(prefix)), ("person", ""))


def _properties(properties: Sequence[Property], zone: str, say: Say) -> str:
    shown = (each for each in properties if each.name not in _UNSHOWN)
    return " · ".join(f"{_label(each, say)} {_value(each, zone, say)}" for each in shown)


def _label(each: Property, say: Say) -> str:
    """What a property is called: as declared, else as a profile calls it, else as it came."""
    if each.name == "coupon_id" and each.called:
        return say("Coupon")
    if (each.ja, each.en) != (each.name, each.name):
        return say.pick(each)
    known = _PROFILE.get(_ALSO_CALLED.get(each.name, each.name)) or _ALSO_SAID.get(each.name)
    return say(known) if known else each.name


def _value(each: Property, zone: str, say: Say) -> str:
    if each.called:
        return say.pick(dict(each.called))
    if each.name == "gender" and each.value in GENDERS:
        return say(GENDERS[each.value])
    return _readable(each.value, zone, say)


def _readable(value: str, zone: str, say: Say) -> str:
    """A moment as people write it; everything else as it came."""
    if not _MOMENT.match(value):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value
    return filters.exact(moment, zone=zone, say=say) if moment.tzinfo else value


def _fact(name: str, value: Any, currency: str, say: Say) -> str:
    match value:
        case None:
            return filters.NOTHING
        case date():
            return filters.day(value, say)
        case int():
            return filters.money(value, currency, say) if name == "spend" else filters.count(value, say)
        case _:
            return str(value)
