"""How often a recurring campaign goes out: a rule of repetition (RFC 5545) as fields people understand, and as a sentence."""

from collections.abc import Mapping

from admin_ui.i18n import Say, mark

FREQUENCIES: Mapping[str, str] = {
    "DAILY": mark("Every day"),
    "WEEKLY": mark("Every week"),
    "MONTHLY": mark("Every month"),
}
UNITS: Mapping[str, str] = {"DAILY": mark("days"), "WEEKLY": mark("weeks"), "MONTHLY": mark("months")}
OWN = "own"
"""A rule that these fields cannot say; it is kept as it is written."""

WEEKDAYS: Mapping[str, str] = {
    "MO": mark("Mon"),
    "TU": mark("Tue"),
    "WE": mark("Wed"),
    "TH": mark("Thu"),
    "FR": mark("Fri"),
    "SA": mark("Sat"),
    "SU": mark("Sun"),
}
MONTHLY_BY: Mapping[str, str] = {
    "day": mark("on a day of the month"),
    "last": mark("on the last day of the month"),
    "nth": mark("on a weekday of the month"),
}
NTH: Mapping[str, str] = {
    "1": mark("first"),
    "2": mark("second"),
    "3": mark("third"),
    "4": mark("fourth"),
    "-1": mark("last"),
}

BLANK: Mapping[str, str] = {
    "freq": "WEEKLY",
    "interval": "1",
    "weekdays": "FR",
    "monthly_by": "day",
    "month_day": "1",
    "nth": "1",
    "nth_day": "MO",
    "rrule": "",
}
"""The fields with what stands in them at first; ``weekdays`` are separated by commas."""

_LONGEST_INTERVAL = 99
_MONTH_DAYS = 31


def wrong(fields: Mapping[str, str]) -> list[str]:
    """Fields that make no rule."""
    found: list[str] = []
    if fields["freq"] == OWN:
        return [] if fields["rrule"] else ["rrule"]
    if not 1 <= _whole(fields["interval"]) <= _LONGEST_INTERVAL:
        found.append("interval")
    if fields["freq"] == "WEEKLY" and not _days(fields):
        found.append("weekdays")
    by_day = fields["freq"] == "MONTHLY" and fields["monthly_by"] == "day"
    if by_day and not 1 <= _whole(fields["month_day"]) <= _MONTH_DAYS:
        found.append("month_day")
    return found


def rule(fields: Mapping[str, str]) -> str:
    """The rule that the fields state; only where nothing is `wrong`."""
    if fields["freq"] == OWN:
        return fields["rrule"]
    parts = [f"FREQ={fields['freq']}"]
    if _whole(fields["interval"]) > 1:
        parts.append(f"INTERVAL={_whole(fields['interval'])}")
    if fields["freq"] == "WEEKLY":
        parts.append(f"BYDAY={','.join(_days(fields))}")
    if fields["freq"] == "MONTHLY":
        parts.append(_in_the_month(fields))
    return ";".join(parts)


def read(rrule: str) -> dict[str, str]:
    """The fields of a rule; one that they cannot say stands as it is written."""
    parts = dict(part.partition("=")[::2] for part in rrule.upper().removeprefix("RRULE:").split(";") if part)
    fields = {**BLANK, "freq": parts.get("FREQ", ""), "interval": parts.get("INTERVAL", "1")}
    if fields["freq"] == "WEEKLY":
        fields["weekdays"] = parts.get("BYDAY", "")
    elif fields["freq"] == "MONTHLY":
        fields |= _read_month(parts)
    said = fields["freq"] in FREQUENCIES and not wrong(fields) and _same(rule(fields), parts)
    return fields if said else {**BLANK, "freq": OWN, "rrule": rrule}


def sentence(fields: Mapping[str, str], at: str, say: Say) -> str:
    """The rule in words; empty where it makes none."""
    if wrong(fields):
        return ""
    if fields["freq"] == OWN:
        return say("By the rule %(rule)s, at %(at)s", rule=fields["rrule"], at=at)
    return _told(fields, _whole(fields["interval"]), at, say)


def _told(fields: Mapping[str, str], every: int, at: str, say: Say) -> str:
    """A rule that the fields can say, in words."""
    if fields["freq"] == "DAILY":
        return say("Every day at %(at)s", at=at) if every == 1 else say("Every %(n)s days at %(at)s", n=every, at=at)
    if fields["freq"] == "WEEKLY":
        days = say(" and ").join(say(WEEKDAYS[day]) for day in _days(fields))
        told = say("Every week on %(days)s at %(at)s", days=days, at=at)
        return told if every == 1 else say("Every %(n)s weeks on %(days)s at %(at)s", n=every, days=days, at=at)
    day = _month_words(fields, say)
    told = say("Every month %(day)s at %(at)s", day=day, at=at)
    return told if every == 1 else say("Every %(n)s months %(day)s at %(at)s", n=every, day=day, at=at)


def skips_months(fields: Mapping[str, str]) -> bool:
    """Whether there are months without the day that was chosen."""
    by_day = fields["freq"] == "MONTHLY" and fields["monthly_by"] == "day"
    return by_day and 28 < _whole(fields["month_day"]) <= _MONTH_DAYS  # noqa: PLR2004 - days of every month


def _in_the_month(fields: Mapping[str, str]) -> str:
    match fields["monthly_by"]:
        case "last":
            return "BYMONTHDAY=-1"
        case "nth":
            return f"BYDAY={fields['nth']}{fields['nth_day']}"
        case _:
            return f"BYMONTHDAY={_whole(fields['month_day'])}"


def _read_month(parts: Mapping[str, str]) -> dict[str, str]:
    day, weekday = parts.get("BYMONTHDAY", ""), parts.get("BYDAY", "").removeprefix("+")
    if day == "-1":
        return {"monthly_by": "last"}
    if day:
        return {"monthly_by": "day", "month_day": day}
    return {"monthly_by": "nth", "nth": weekday[:-2] if weekday[:-2] in NTH else "", "nth_day": weekday[-2:]}


def _month_words(fields: Mapping[str, str], say: Say) -> str:
    match fields["monthly_by"]:
        case "last":
            return say("on its last day")
        case "nth":
            nth, day = NTH[fields["nth"]], WEEKDAYS[fields["nth_day"]]
            return say("on the %(nth)s %(day)s", nth=say(nth), day=say(day))
        case _:
            return say("on day %(n)s", n=_whole(fields["month_day"]))


def _same(made: str, parts: Mapping[str, str]) -> bool:
    return dict(part.partition("=")[::2] for part in made.split(";")) == {
        name: value for name, value in parts.items() if (name, value) != ("INTERVAL", "1")
    }


def _days(fields: Mapping[str, str]) -> list[str]:
    chosen = fields["weekdays"].split(",")
    return [day for day in WEEKDAYS if day in chosen]


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 4 else 0  # noqa: PLR2004 - more is out of range anyway
