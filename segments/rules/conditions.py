"""The catalogue of conditions: everything the segment builder offers, so that its forms follow from data.

Attributes come from the contract of the customer frame, events from the vocabulary; a new column or event is
offered without a change here.
"""

from dataclasses import dataclass

from segments.customers import BY_NAME
from segments.events import VOCABULARY
from segments.rules.operators import EVENT_OPERATORS, KINDS, OPERATORS, Kind, Operator
from segments.rules.words import MONEY, UNITS


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to choose: its name in JSON and its labels."""

    name: str
    ja: str
    en: str


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
class Conditions:
    """All choices of the builder."""

    facets: tuple[Choice, ...]
    attributes: tuple[AttributeChoice, ...]
    events: tuple[Choice, ...]
    event_operators: tuple[Operator, ...]

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

_CUSTOM_UNITS = {"birth_year": "年", "birth_month": "月"}


def _attribute_choices() -> tuple[AttributeChoice, ...]:
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
        for attribute in BY_NAME.values()
        if attribute.name in KINDS
    )


def _catalogue() -> Conditions:
    attributes = _attribute_choices()
    used = {attribute.facet for attribute in attributes}
    return Conditions(
        facets=tuple(facet for facet in _FACETS if facet.name in used),
        attributes=attributes,
        events=tuple(Choice(str(event.name), event.ja, event.en) for event in VOCABULARY),
        event_operators=EVENT_OPERATORS,
    )


CONDITIONS = _catalogue()
"""What a rule can ask for today."""
