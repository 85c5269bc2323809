"""How numbers, times and parts are written for people. Pure: language, zone and the present moment are arguments."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal, get_currency_precision

from admin_ui.i18n import Say, mark

MINUS = "−"
NOTHING = "—"
"""What stands where there is no figure: a zero denominator is not 0 %."""

_PROGRAMS: dict[str | None, str] = {"command line": mark("Command line")}
_API_KEY = "API key "
_MAN = 10_000
_OKU = 100_000_000


def count(value: int, say: Say) -> str:
    """A count with thousands separators: 12,345."""
    return str(format_decimal(value, locale=say.language))


def compact(value: float, say: Say) -> str:
    """A large count short: 12.3万, 1.2億, 123K, 1.2M; up to 9,999 as it is."""
    size = abs(value)
    if size < _MAN:
        return count(round(value), say)
    steps = [(_OKU, "億"), (_MAN, "万")] if say.language == "ja" else [(10**9, "B"), (10**6, "M"), (10**3, "K")]
    unit, mark = next((step, mark) for step, mark in steps if size >= step)
    scaled = value / unit
    digits = 1 if abs(scaled) < 100 else 0  # noqa: PLR2004 - three figures are enough
    text = f"{scaled:,.{digits}f}".removesuffix(".0")
    return f"{text}{mark}"


def people(value: int, say: Say) -> str:
    """A number of people: 12.3万人, 123K people."""
    if say.language == "ja":
        return f"{compact(value, say)}人"
    return f"{compact(value, say)} {'person' if value == 1 else 'people'}"


def percent(value: float | None, say: Say, *, digits: int = 1) -> str:
    """A share between 0 and 1 as 23.4%; a dash where there is none."""
    if value is None:
        return NOTHING
    return f"{format_decimal(round(value * 100, digits), locale=say.language, format=_fixed(digits))}%"


def points(value: float | None, say: Say) -> str:
    """A difference of two shares in percentage points, with its sign: +1.2pt."""
    if value is None:
        return NOTHING
    rounded = round(value * 100, 1)
    sign = "+" if rounded > 0 else MINUS if rounded < 0 else "±"
    return f"{sign}{format_decimal(abs(rounded), locale=say.language, format=_fixed(1))}pt"


def signed(value: float, size: str) -> str:
    """A size in words with the sign of a value."""
    return f"{'+' if value > 0 else MINUS if value < 0 else '±'}{size}"


def number(value: float | None, say: Say, *, digits: int = 1) -> str:
    """A plain figure."""
    if value is None:
        return NOTHING
    return str(format_decimal(round(value, digits), locale=say.language, format=_fixed(digits)))


def money(minor: int | None, currency: str, say: Say) -> str:
    """An amount in minor units in its currency: ¥1,280, £12.50."""
    if minor is None:
        return NOTHING
    digits = get_currency_precision(currency)
    text = format_currency(
        Decimal(minor).scaleb(-digits), currency, locale="ja_JP" if say.language == "ja" else "en_GB"
    )
    return str(text).replace("￥", "¥").replace("JP¥", "¥")


def moment(value: datetime | None, *, now: datetime, zone: str, say: Say) -> str:
    """A moment in the shop's zone: relative within a day, absolute after."""
    if value is None:
        return NOTHING
    passed = now - value
    if timedelta(0) <= passed < timedelta(days=1):
        return _ago(passed, say)
    local, today = value.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone))
    if local.year == today.year:
        return str(
            format_datetime(local, "M月d日 HH:mm" if say.language == "ja" else "d MMM HH:mm", locale=say.language)
        )
    return exact(value, zone=zone, say=say)


def exact(value: datetime | None, *, zone: str, say: Say) -> str:
    """A moment in the shop's zone, in full."""
    if value is None:
        return NOTHING
    return str(format_datetime(value, "yyyy-MM-dd HH:mm", tzinfo=ZoneInfo(zone), locale=say.language))


def day(value: date | None, say: Say) -> str:
    """A business day: 2026年11月3日, 3 Nov 2026."""
    if value is None:
        return NOTHING
    return str(format_date(value, "y年M月d日" if say.language == "ja" else "d MMM y", locale=say.language))


def short_day(value: date, say: Say) -> str:
    """A business day without its year: 11/3, 3 Nov."""
    return str(format_date(value, "M/d" if say.language == "ja" else "d MMM", locale=say.language))


def weekday(value: date, say: Say) -> str:
    """A day of the week, short: 月, Mon."""
    return str(format_date(value, "E", locale=say.language))


def month(value: date, say: Say) -> str:
    """A month with its year: 2026年11月, November 2026."""
    return str(format_date(value, "y年M月" if say.language == "ja" else "MMMM y", locale=say.language))


def clock(value: datetime, *, zone: str, say: Say) -> str:
    """The time of day of a moment in the shop's zone."""
    return str(format_datetime(value, "HH:mm", tzinfo=ZoneInfo(zone), locale=say.language))


def actor(who: str | None, say: Say) -> str:
    """Who did something, as the audit log knows it: people by their mail address, programs in words."""
    if who in _PROGRAMS:
        return say(_PROGRAMS[who])
    kind, name = (who or "").partition(_API_KEY)[1:]
    return say("API key %(name)s", name=name) if kind and who == kind + name else who or ""


def within(name: str, say: Say) -> str:
    """A name in the middle of a sentence: in English it begins small."""
    return name[:1].lower() + name[1:] if say.language == "en" else name


def _ago(passed: timedelta, say: Say) -> str:
    seconds = int(passed.total_seconds())
    if seconds < 10:  # noqa: PLR2004 - nobody counts these
        return say("just now")
    if seconds < 60:  # noqa: PLR2004 - a minute
        return say("%(n)s s ago", n=seconds)
    if seconds < 3600:  # noqa: PLR2004 - an hour
        return say("%(n)s min ago", n=seconds // 60)
    return say("%(n)s h ago", n=seconds // 3600)


def _fixed(digits: int) -> str:
    return "#,##0." + "0" * digits if digits else "#,##0"
