"""The words of rule sentences: units, phrases and formats in Japanese and English.

Names of attributes and events come from `segments.customers` and `segments.events`; here stands only what a
sentence needs beside a name, because a label ("Order completed") is not yet a sentence ("has ordered twice").
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from segments.customers import BY_NAME as ATTRIBUTES
from segments.events import BY_NAME as EVENTS
from segments.events import EventName
from segments.money import decimals


class Language(StrEnum):
    """Languages in which a rule can be told."""

    JA = "ja"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Unit:
    """How a number of something is counted."""

    ja: str
    one: str
    many: str


UNITS: dict[str, Unit] = {
    "points": Unit("ポイント", "point", "points"),
    "orders": Unit("回", "order", "orders"),
    "purchase_days": Unit("日", "purchase day", "purchase days"),
    "launches": Unit("回", "launch", "launches"),
    "visits": Unit("回", "visit", "visits"),
    "coupons_held": Unit("枚", "unused coupon", "unused coupons"),
    "coupons_used": Unit("枚", "used coupon", "used coupons"),
    "days_since_push": Unit("日", "day since the last push", "days since the last push"),
}
"""Attributes that count something: "has exactly 1 order" rather than "orders is 1"."""

MONEY = frozenset({"spend", "ltv_12m"})
"""Attributes that are amounts in the shop's minor units."""

YES_NO: dict[str, tuple[str, str, str, str]] = {
    "consented": (
        "お知らせに同意している",
        "お知らせに同意していない",
        "has consented to marketing",
        "has not consented to marketing",
    ),
    "has_address": ("届く端末がある", "届く端末がない", "has a live address", "has no live address"),
    "reachable": ("通知が届く", "通知が届かない", "can be reached by push", "cannot be reached by push"),
    "test_account": ("テスト会員である", "テスト会員でない", "is a test account", "is not a test account"),
}
"""Boolean attributes as predicates: yes and no in Japanese, yes and no in English."""

DONE: dict[str, str] = {
    EventName.APPLICATION_INSTALLED: "installed the app",
    EventName.APPLICATION_OPENED: "opened the app",
    EventName.APPLICATION_BACKGROUNDED: "put the app in the background",
    EventName.APPLICATION_UPDATED: "updated the app",
    EventName.APPLICATION_UNINSTALLED: "uninstalled the app",
    EventName.COUPON_ISSUED: "been issued a coupon",
    EventName.COUPON_VIEWED: "viewed a coupon",
    EventName.COUPON_PRESENTED: "presented a coupon",
    EventName.COUPON_REDEEMED: "redeemed a coupon",
    EventName.COUPON_EXPIRED: "let a coupon expire",
    EventName.MEMBERSHIP_JOINED: "joined",
    EventName.MEMBERSHIP_WITHDRAWN: "withdrawn",
    EventName.MEMBERSHIP_RANK_CHANGED: "changed rank",
    EventName.POINTS_EARNED: "earned points",
    EventName.POINTS_SPENT: "spent points",
    EventName.POINTS_EXPIRED: "let points expire",
    EventName.STORE_VISITED: "visited a store",
    EventName.PRODUCT_VIEWED: "viewed a product",
    EventName.ORDER_COMPLETED: "ordered",
    EventName.ORDER_REFUNDED: "had an order refunded",
    EventName.ORDER_CANCELLED: "cancelled an order",
    EventName.FEEDBACK_SUBMITTED: "given feedback",
    EventName.SURVEY_ANSWERED: "answered a survey",
    EventName.CONSENT_CHANGED: "changed a consent",
    EventName.PUSH_RECEIVED: "received a push",
    EventName.PUSH_TAPPED: "tapped a push",
    EventName.ADDRESS_RETIRED: "lost a push address",
}
"""What a customer "has" done, for each event of the vocabulary."""

WHEN: dict[str, str] = {
    "first_seen": "was first seen",
    "last_seen": "was last seen",
    "joined": "joined",
    "withdrawn": "withdrew",
    "rank_since": "came to the present rank",
    "computed_rank_since": "came to the present computed rank",
    "rank_review": "comes up for a review of the rank",
    "next_coupon_expiry": "has a coupon that expires",
    "first_order": "first ordered",
    "second_order": "ordered on a second day",
    "last_order": "last ordered",
    "last_launch": "last opened the app",
    "last_visit": "last visited a store",
}
"""Date attributes as English verbs: "last ordered at least 30 days ago"."""

_SYMBOLS = {"GBP": "£", "USD": "$", "EUR": "€"}


def attribute_label(name: str, language: Language) -> str:
    """What people call an attribute, without the note in brackets that belongs on a form."""
    attribute = ATTRIBUTES[name]
    label = attribute.ja.split("（")[0] if language is Language.JA else attribute.en.split(" (")[0]
    return label if language is Language.JA or label.isupper() else label[0].lower() + label[1:]


def event_label(event: str, language: Language) -> str:
    """What people call an event; a custom event goes by its own name, in quotes."""
    if (known := EVENTS.get(event)) is None:
        return f"「{event}」" if language is Language.JA else f'"{event}"'
    return known.ja if language is Language.JA else known.en


def done(event: str) -> str:
    """English past participle of an event, to stand after "has"."""
    return DONE.get(event) or f'done "{event}"'


def amount(name: str, number: int, language: Language, currency: str) -> str:
    """A number of an attribute with its unit: 1回, 5,000円, "1 order", "£12.50"."""
    if name in MONEY:
        return money(number, currency, language)
    if unit := UNITS.get(name):
        if language is Language.JA:
            return f"{number:,}{unit.ja}"
        return f"{number:,} {unit.one if number == 1 else unit.many}"
    if name in ("birth_year", "birth_month"):  # a year takes no thousands separator
        suffix = {"birth_year": "年", "birth_month": "月"}[name] if language is Language.JA else ""
        return f"{number}{suffix}"
    return f"{number:,}"


def money(minor: int, currency: str, language: Language) -> str:
    """An amount of minor units as people write it in the language."""
    places = decimals(currency)
    major = f"{abs(minor) / 10**places:,.{places}f}"
    sign = "-" if minor < 0 else ""
    if currency == "JPY":
        return f"{sign}{major}円" if language is Language.JA else f"{sign}¥{major}"
    return f"{sign}{_SYMBOLS.get(currency, f'{currency} ')}{major}"


def day(moment: date, language: Language) -> str:
    """A calendar day: 2026年1月5日, 5 January 2026."""
    if language is Language.JA:
        return f"{moment.year}年{moment.month}月{moment.day}日"
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)  # strftime would follow the machine's locale
