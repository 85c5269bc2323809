"""What a shop decides about itself: defaults, what may be chosen, and the values other packages draw from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from zoneinfo import available_timezones

from campaigns.schedule import QuietHours
from campaigns.terms import ConsentRule, SendingRules
from segments.calendar import END_OF_MONTH, MONTHS, BusinessCalendar
from segments.errors import FactsError
from segments.shop_traits import refused_names
from segments.snapshots import DEFAULT_CHOICES, read_choice

LONGEST_NAME = 60
LATEST_DAY_START = 12
MOST_A_DAY = 20
MOST_A_WEEK = 50
MOST_SNAPSHOTS = 50
LARGEST_APPROVAL = 1_000_000_000
LARGEST_GLOBAL_HOLDOUT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopSettings:
    """One shop's settings.

    Attributes:
        zone: IANA name of the business time zone.
        day_starts: hours after local midnight at which the business day begins.
        week_starts: ISO weekday of the first day of a week.
        fiscal_starts: the month with which the fiscal year begins; retail in Japan often takes March.
        closing_day: the day of the month on which books are closed; 31 for the end of the month.
        mark_holidays: mark public holidays of Japan beside figures.
        currency: ISO 4217 code of all amounts.
        quiet_from: local time from which no campaign is sent; equal to `quiet_until` for none.
        quiet_until: local time at which campaigns may be sent again.
        cap_24h: campaigns a person may get in any 24 hours; 0 for no limit.
        cap_7d: campaigns a person may get in any 7 days; 0 for no limit.
        approval_above: people from whom on, not included, a campaign needs a second person's approval; 0 for never.
        global_holdout_percent: share of all customers who get no campaign at all, service notices apart; 0 for nobody.
        global_holdout_salt: another word draws them anew.
        exclude_test_accounts: leave test accounts out of segments and numbers.
        history_complete: the data begins with the shop, or holds its imported past: a first order in it is a first
            order. Without it, conversions of the first 180 days are marked as of short history.
        simulated: the data is made up; every page says so.
        segment_traits: traits that rules may ask, as `segments.shop_traits.read_trait` reads them.
        snapshot_kpis: KPIs of which figures are kept every day, each as `segments.snapshots.read_choice` reads it.
    """

    name_ja: str = "常連"
    name_en: str = "Joren"
    zone: str = "Asia/Tokyo"
    day_starts: int = 0
    week_starts: int = 1
    fiscal_starts: int = 4
    closing_day: int = END_OF_MONTH
    mark_holidays: bool = True
    currency: str = "JPY"
    quiet_from: time = time(21)
    quiet_until: time = time(8)
    cap_24h: int = 1
    cap_7d: int = 3
    consent_rule: ConsentRule = ConsentRule.EXPLICIT
    approval_above: int = 10_000
    global_holdout_percent: float = 0.0
    global_holdout_salt: str = "everyone"
    exclude_test_accounts: bool = True
    history_complete: bool = False
    simulated: bool = False
    snapshot_kpis: tuple[str, ...] = DEFAULT_CHOICES
    segment_traits: tuple[str, ...] = ()

    @property
    def calendar(self) -> BusinessCalendar:
        """The business calendar."""
        return BusinessCalendar(
            self.zone,
            self.day_starts,
            self.week_starts,
            fiscal_starts=self.fiscal_starts,
            closing_day=self.closing_day,
            mark_holidays=self.mark_holidays,
        )

    @property
    def sending(self) -> SendingRules:
        """The rules that hold for all campaigns."""
        return SendingRules(
            quiet=QuietHours(self.quiet_from, self.quiet_until, self.zone),
            cap_day=self.cap_24h,
            cap_week=self.cap_7d,
            consent_rule=self.consent_rule,
            global_holdout_percent=self.global_holdout_percent,
            global_holdout_salt=self.global_holdout_salt,
            currency=self.currency,
        )

    def name(self, language: str) -> str:
        """The shop's name in "ja" or "en"."""
        return self.name_ja if language == "ja" else self.name_en


FIXED_BY_HISTORY = ("zone", "day_starts", "currency")
"""Settings that stored history is written in: they cannot change once there is any."""


def problems(settings: ShopSettings) -> dict[str, str]:
    """What cannot be taken, one sentence by field; empty where all is well."""
    found = {
        "name_ja": _name_problem(settings.name_ja),
        "name_en": _name_problem(settings.name_en),
        "zone": None if settings.zone in available_timezones() else "Choose a time zone like Asia/Tokyo.",
        "day_starts": _outside(settings.day_starts, 0, LATEST_DAY_START),
        "week_starts": _outside(settings.week_starts, 1, 7),
        "fiscal_starts": _outside(settings.fiscal_starts, 1, MONTHS),
        "closing_day": _outside(settings.closing_day, 1, END_OF_MONTH),
        "currency": _currency_problem(settings.currency),
        "quiet_from": _time_problem(settings.quiet_from),
        "quiet_until": _time_problem(settings.quiet_until),
        "cap_24h": _outside(settings.cap_24h, 0, MOST_A_DAY),
        "cap_7d": _outside(settings.cap_7d, 0, MOST_A_WEEK) or _cap_problem(settings),
        "approval_above": _outside(settings.approval_above, 0, LARGEST_APPROVAL),
        "global_holdout_percent": _holdout_problem(settings.global_holdout_percent),
        "global_holdout_salt": _name_problem(settings.global_holdout_salt),
        "snapshot_kpis": _snapshot_problem(settings.snapshot_kpis),
        "segment_traits": refused_names(settings.segment_traits),
    }
    return {field: sentence for field, sentence in found.items() if sentence is not None}


def _name_problem(name: str) -> str | None:
    return None if 1 <= len(name.strip()) <= LONGEST_NAME else f"A name has 1 to {LONGEST_NAME} characters."


def _outside(number: int, least: int, most: int) -> str | None:
    return None if least <= number <= most else f"Choose a whole number from {least} to {most}."


def _holdout_problem(percent: float) -> str | None:
    sound = 0 <= percent <= LARGEST_GLOBAL_HOLDOUT
    return None if sound else f"Choose a share from 0 to {LARGEST_GLOBAL_HOLDOUT} %."


def _currency_problem(code: str) -> str | None:
    sound = len(code) == len("JPY") and code.isascii() and code.isalpha() and code.isupper()
    return None if sound else "Write the currency as three capital letters, like JPY."


def _time_problem(moment: time) -> str | None:
    sound = moment.tzinfo is None and not (moment.second or moment.microsecond)
    return None if sound else "Write a local time in hours and minutes, like 21:00."


def _cap_problem(settings: ShopSettings) -> str | None:
    """A week's limit below a day's would silently be the day's limit as well."""
    if settings.cap_7d and settings.cap_24h and settings.cap_7d < settings.cap_24h:
        return "The limit for 7 days cannot be below the limit for 24 hours."
    return None


def _snapshot_problem(kpis: Sequence[str]) -> str | None:
    if len(kpis) > MOST_SNAPSHOTS:
        return f"At most {MOST_SNAPSHOTS} figures can be kept every day."
    try:
        for kpi in kpis:
            read_choice(kpi)
    except FactsError as error:
        return f"{error}."
    return None
