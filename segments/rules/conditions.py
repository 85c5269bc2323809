"""The catalogue of conditions: everything the segment builder offers, so that its forms follow from data.

Attributes come from the contract of the customer frame, events from the vocabulary; a new column or event is
offered without a change here.
"""

from dataclasses import dataclass

from segments.customers import BY_NAME
from segments.customers import Attribute as Column
from segments.events import VOCABULARY
from segments.rules.behaviour import NUMBERS, Property, has_amount, is_money, properties_of
from segments.rules.computed import COMPUTED, Computed
from segments.rules.operators import (
    AMOUNT_OPERATORS,
    EVENT_OPERATORS,
    KINDS,
    OPERATORS,
    WHEN_OPERATORS,
    Kind,
    Operator,
)
from segments.rules.words import LEDGER, MONEY, UNITS


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to choose: its name in JSON and its labels."""

    name: str
    ja: str
    en: str


WINDOWS = (
    Choice("days", "日間", "days"),
    Choice("weeks", "週間", "weeks"),
    Choice("hours", "時間", "hours"),
    Choice("minutes", "分間", "minutes"),
)
PERIODS = (Choice("day", "日", "days"), Choice("week", "週間", "weeks"), Choice("month", "か月", "months"))
CHANGES = (Choice("stopped", "しなくなった", "stopped"), Choice("came_back", "再開した", "came back"))

_MEASURES = (
    Choice("times", "回数", "how often"),
    Choice("sum", "合計", "the total"),
    Choice("max", "1回あたりの最大", "the largest"),
    Choice("when", "最初・最後の日", "the first or last time"),
    Choice("in_periods", "継続", "regularly"),
    Choice("change", "変化", "stopped or came back"),
)
_OF_AMOUNTS = ("sum", "max")

_PROPERTIES = {
    Property.STORE: ("店舗", "Store"),
    Property.CATEGORY: ("カテゴリー", "Category"),
    Property.PRODUCT: ("商品", "Product"),
    Property.BRAND: ("ブランド", "Brand"),
    Property.COUPON: ("クーポン", "Coupon"),
    Property.CAMPAIGN: ("配信", "Campaign"),
    Property.RANK: ("新しいランク", "New rank"),
    Property.PLATFORM: ("OS", "Platform"),
    Property.AMOUNT: ("金額", "Amount"),
    Property.SCORE: ("点数", "Score"),
}
_POINTS = ("ポイント", "Points")
_TEXT_OPERATORS = tuple(operator for operator in OPERATORS[Kind.TEXT] if operator.op in ("in", "not_in"))


@dataclass(frozen=True, slots=True)
class AttributeChoice:
    """An attribute a condition can be about.

    Attributes:
        name: as a rule names it.
        kind: decides operators and input: number, text, boolean or date.
        unit_ja: counter after a number, empty where there is none.
        money: whether numbers are amounts in the shop's minor units.
    """

    name: str
    ja: str
    en: str
    facet: str
    kind: Kind
    operators: tuple[Operator, ...]
    unit_ja: str = ""
    unit_en: str = ""
    money: bool = False


@dataclass(frozen=True, slots=True)
class PropertyChoice:
    """A property by which occurrences of an event can be filtered.

    Attributes:
        kind: text or number.
        money: whether numbers are amounts in the shop's minor units.
    """

    name: str
    ja: str
    en: str
    kind: Kind
    operators: tuple[Operator, ...]
    money: bool = False


@dataclass(frozen=True, slots=True)
class EventChoice:
    """An event a condition can be about.

    Attributes:
        properties: what ``where`` can be about.
        measures: what can be asked of it, by the key in JSON that says so ("times" for how often).
        follows: whether it can stand in a sequence, as the first event or the second.
    """

    name: str
    ja: str
    en: str
    properties: tuple[PropertyChoice, ...]
    measures: tuple[Choice, ...]
    follows: bool = True


@dataclass(frozen=True, slots=True)
class Conditions:
    """All choices of the builder.

    Attributes:
        event_operators: of "times".
        amount_operators: of "sum" and "max".
        when_operators: of the first and the last time.
        windows: units of a relative window.
        periods: units of "in_periods".
        changes: values of "change".
    """

    facets: tuple[Choice, ...]
    attributes: tuple[AttributeChoice, ...]
    events: tuple[EventChoice, ...]
    event_operators: tuple[Operator, ...]
    amount_operators: tuple[Operator, ...] = AMOUNT_OPERATORS
    when_operators: tuple[Operator, ...] = WHEN_OPERATORS
    windows: tuple[Choice, ...] = WINDOWS
    periods: tuple[Choice, ...] = PERIODS
    changes: tuple[Choice, ...] = CHANGES

    def of(self, facet: str) -> tuple[AttributeChoice, ...]:
        """The attributes of one facet, in order."""
        return tuple(attribute for attribute in self.attributes if attribute.facet == facet)


_FACETS = (
    Choice("purchase", "購入", "Purchases"),
    Choice("behaviour", "行動", "Behaviour"),
    Choice("membership", "会員", "Membership"),
    Choice("coupon", "クーポン", "Coupons"),
    Choice("reach", "通知", "Reach"),
    Choice("message", "配信", "Messages"),
    Choice("profile", "プロフィール", "Profile"),
)

_CUSTOM_UNITS = {"birth_year": "年", "birth_month": "月", "age": "歳"}


def _attribute_choices() -> tuple[AttributeChoice, ...]:
    known: list[Column | Computed] = [*BY_NAME.values(), *COMPUTED.values()]
    return tuple(
        AttributeChoice(
            name=attribute.name,
            ja=attribute.ja,
            en=attribute.en,
            facet=attribute.facet,
            kind=KINDS[attribute.name],
            operators=OPERATORS[KINDS[attribute.name]],
            unit_ja=UNITS[attribute.name].ja if attribute.name in UNITS else _CUSTOM_UNITS.get(attribute.name, ""),
            unit_en=UNITS[attribute.name].many if attribute.name in UNITS else "",
            money=attribute.name in MONEY,
        )
        for attribute in known
        if attribute.name in KINDS
    )


def _event_choice(name: str, ja: str, en: str) -> EventChoice:
    return EventChoice(
        name=name,
        ja=ja,
        en=en,
        properties=tuple(_property_choice(name, each) for each in properties_of(name)),
        measures=tuple(each for each in _MEASURES if has_amount(name) or each.name not in _OF_AMOUNTS),
        follows=name not in LEDGER,
    )


def _property_choice(event: str, name: Property) -> PropertyChoice:
    number, money = name in NUMBERS, name is Property.AMOUNT and is_money(event)
    ja, en = _POINTS if name is Property.AMOUNT and not money else _PROPERTIES[name]
    kind, operators = (Kind.NUMBER, AMOUNT_OPERATORS) if number else (Kind.TEXT, _TEXT_OPERATORS)
    return PropertyChoice(name.value, ja, en, kind, operators, money=money)


def _catalogue() -> Conditions:
    attributes = _attribute_choices()
    used = {attribute.facet for attribute in attributes}
    return Conditions(
        facets=tuple(facet for facet in _FACETS if facet.name in used),
        attributes=attributes,
        events=(
            *(_event_choice(str(event.name), event.ja, event.en) for event in VOCABULARY),
            *(_event_choice(name, ja, en) for name, (ja, en) in LEDGER.items()),
        ),
        event_operators=EVENT_OPERATORS,
    )


CONDITIONS = _catalogue()
"""What a rule can ask for today."""
