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
from segments.rules.behaviour import CAMPAIGN_CONVERTED, CAMPAIGN_OPENED, CAMPAIGN_RECEIVED
from segments.rules.computed import COMPUTED

TRAIT_PREFIX = "trait:"
"""Columns of free traits: ``trait:favourite colour``."""


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
    "birthday_in": Unit("日", "day to the birthday", "days to the birthday"),
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
    CAMPAIGN_RECEIVED: "received a campaign",
    CAMPAIGN_OPENED: "opened a campaign",
    CAMPAIGN_CONVERTED: "converted from a campaign",
}
"""What a customer "has" done, for each event of the vocabulary and of the ledger of messages."""

MANY: dict[str, str] = {
    EventName.ORDER_COMPLETED: "orders",
    EventName.ORDER_REFUNDED: "refunds",
    EventName.SURVEY_ANSWERED: "survey answers",
    EventName.FEEDBACK_SUBMITTED: "feedback",
    EventName.POINTS_EARNED: "points earned",
    EventName.POINTS_SPENT: "points spent",
    EventName.POINTS_EXPIRED: "points expired",
    CAMPAIGN_CONVERTED: "orders that followed a campaign",
}
"""Events with amounts or scores, as English plurals."""

LEDGER: dict[str, tuple[str, str]] = {
    CAMPAIGN_RECEIVED: ("配信の受信", "Campaign received"),
    CAMPAIGN_OPENED: ("配信の開封", "Campaign opened"),
    CAMPAIGN_CONVERTED: ("配信からの購入", "Converted from a campaign"),
}
"""Labels of what only the ledger of messages knows, in Japanese and English."""

WHEN: dict[str, str] = {
    "first_seen": "was first seen",
    "last_seen": "was last seen",
    "joined": "joined",
    "withdrawn": "withdrew",
    "rank_since": "came to the present rank",
    "rank_rose": "last rose in rank",
    "rank_fell": "last fell in rank",
    "computed_rank_rose": "last rose in computed rank",
    "computed_rank_fell": "last fell in computed rank",
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
    if name.startswith(TRAIT_PREFIX):
        trait = name.removeprefix(TRAIT_PREFIX)
        return f"属性「{trait}」" if language is Language.JA else f'trait "{trait}"'
    attribute = COMPUTED.get(name) or ATTRIBUTES[name]
    label = attribute.ja.split("（")[0] if language is Language.JA else attribute.en.split(" (")[0]
    return label if language is Language.JA or label.isupper() else label[0].lower() + label[1:]


def event_label(event: str, language: Language) -> str:
    """What people call an event; a custom event goes by its own name, in quotes."""
    if event in LEDGER:
        return LEDGER[event][language is not Language.JA]
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
    if name == "age" and language is Language.JA:
        return f"{number}歳"
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


def yes_or_no(answer: bool, language: Language) -> str:  # noqa: FBT001 - the answer is what is told
    """はい, いいえ; yes, no."""
    if language is Language.JA:
        return "はい" if answer else "いいえ"
    return "yes" if answer else "no"


def last_days(days: int) -> str:
    """English for the last so many days, today the last of them."""
    return "today" if days == 1 else f"in the last {days} days"


def times(number: int) -> str:
    """English for how often."""
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def counted(number: int, noun: str) -> str:
    """English for a number of things."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


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
