"""What the segment builder shows: the form as it was typed, what the rule holds, and everything that can be chosen."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from admin_ui import behaviour_form, condition_form, own_filter_form
from admin_ui.forms import Errors
from admin_ui.i18n import Say, mark
from admin_ui.rule_tree import Node, filters_of, walk
from backend.services.segment_values import KnownProperty, KnownValue, SegmentValues
from segments.event_properties import PREFIX
from segments.overview import Preview
from segments.preview import PICTURES
from segments.rules.behaviour import kept_as, properties_of
from segments.rules.conditions import CONDITIONS
from segments.rules.operators import Kind, Operand
from segments.rules.words import TRAIT_PREFIX
from segments.shop_traits import MANY

SUGGESTED = 8
"""Values that stand as boxes beside a condition; the others are offered while one types."""

PICTURE_NAMES: Mapping[str, str] = {
    "rank": mark("By rank"),
    "last_store": mark("By store"),
    "age_band": mark("By age"),
}

_KIND_NAMES: Mapping[str, str] = {
    Kind.NUMBER: mark("number"),
    Kind.TEXT: mark("text"),
    Kind.BOOLEAN: mark("yes or no"),
    Kind.DATE: mark("date"),
}
_FACET_OF: Mapping[str, str] = {
    "Order": "purchase",
    "Coupon": "coupon",
    "Membership": "membership",
    "Points": "membership",
    "Push": "message",
    "Campaign": "message",
    "Consent": "reach",
    "Address": "reach",
}
"""Where an event is listed, by the first word of its name; others are behaviour."""
_OTHERS: tuple[tuple[str, str, str, str], ...] = (
    ("other", "segment:", mark("Other segment"), mark("belongs to it, or not")),
    ("other", "list:", mark("Static list"), mark("members of a file or of a moment")),
    ("other", "share:", mark("Random share"), mark("always the same people")),
)
_OTHER_FACET = mark("Other lists of people")


@dataclass(frozen=True, slots=True)
class Offer:
    """One line of the picker: what a condition can be about, in words and in the words it is found by."""

    subject: str
    label: str
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class OfferGroup:
    """Lines of the picker that belong together."""

    label: str
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """The builder at one moment.

    Attributes:
        picture: one of `segments.preview.PICTURES`.
        draft_saved_at: when the draft that is being edited was kept; empty for the live rule.
        removed: what was taken away and can be put back, as a field of the form.
        undone: words about what was just taken away; empty for nothing.
        focus: the element that the person works on now; empty to leave it.
        values: what is suggested, by what it is for.
        traits: that the shop uses in segments.
        own_events: that anybody ever did.
    """

    segment_id: int | None
    version: int | None
    name: str
    tree: Node
    preview: Preview | None
    errors: Errors
    picture: str = PICTURES[0]
    names: Mapping[str, KnownValue] = field(default_factory=dict)
    draft_saved_at: str = ""
    removed: str = ""
    undone: str = ""
    focus: str = ""
    values: Mapping[str, Sequence[KnownValue]] = field(default_factory=dict)
    traits: Sequence[str] = ()
    own_events: Sequence[str] = ()


def offers(say: Say, *, traits: Sequence[str] = (), own_events: Sequence[str] = ()) -> list[OfferGroup]:
    """Everything a condition can be about, grouped; a fact that the catalogue gains appears by itself.

    Args:
        say: the page's language.
        traits: that the shop uses in segments, as its settings write them.
        own_events: of the shop, by their names.
    """
    found: dict[str, list[Offer]] = {facet.name: [] for facet in CONDITIONS.facets}
    for attribute in CONDITIONS.attributes:
        kind = say(_KIND_NAMES.get(attribute.kind, str(attribute.kind)))
        subject, label = f"attribute:{attribute.name}", _plain(say.pick(attribute))
        offer = Offer(subject, label, kind, _words(attribute.ja, attribute.en, attribute.name))
        found.setdefault(attribute.facet, []).append(offer)
    happened = say("activity")
    for event in CONDITIONS.events:
        facet = _FACET_OF.get(event.name.partition(" ")[0], "behaviour")
        offer = Offer(f"event:{event.name}", say.pick(event), happened, _words(event.ja, event.en, event.name))
        found.setdefault(facet, []).append(offer)
    for event_name in own_events:
        offer = Offer(f"event:{event_name}", event_name, say("your own event"), _words(event_name))
        found.setdefault("behaviour", []).append(offer)
    facets = {facet.name: say.pick(facet) for facet in CONDITIONS.facets}
    for trait in traits:
        offer = Offer(f"attribute:{TRAIT_PREFIX}{trait}", trait.removesuffix(MANY), say("trait"), _words(trait))
        found.setdefault("profile", []).append(offer)
    for facet, subject, label, kind in _OTHERS:
        found.setdefault(facet, []).append(Offer(subject, say(label), say(kind), _words(say(label), label)))
    return [OfferGroup(facets.get(name, say(_OTHER_FACET)), tuple(each)) for name, each in found.items() if each]


def _plain(label: str) -> str:
    """A label without the note in brackets that tells of the stored form."""
    return re.split(r"（(?:返金|最小)| \(minor", label, maxsplit=1)[0]


def _words(*names: str) -> str:
    return " ".join(names).casefold()


def labels(say: Say) -> Callable[[Node], str]:
    """Says what people call that which a condition is about; a custom event and a trait go by their own names."""
    known = {offer.subject: offer.label for group in offers(say) for offer in group.offers}
    return lambda node: known.get(node.subject) or node.name.removeprefix(TRAIT_PREFIX) or node.subject


def told(node: Node, say: Say) -> str:
    """A condition or group in a few words, for those who took it away."""
    if not node.mode:
        return labels(say)(node)
    count = sum(not each.mode for each in walk(node))
    return say.plural("a group with %(n)s condition", "a group with %(n)s conditions", count)


async def suggestions(values: SegmentValues, tree: Node) -> dict[str, Sequence[KnownValue]]:
    """Real values for every field of the tree that takes a text, by what the field is about; real properties of every event."""
    found: dict[str, Sequence[KnownValue]] = {}
    for node in walk(tree):
        for what in _texts_of(node):
            if what not in found:
                kind, _, name = what.partition(":")
                found[what] = await (values.of_attribute(name) if kind == "attribute" else values.of_property(name))
        for event in _events_of(node):
            if f"own:{event}" not in found:
                found |= _own_values(event, await values.own_properties(event))
    return found


def _own_values(event: str, known: Sequence[KnownProperty]) -> dict[str, Sequence[KnownValue]]:
    """What an event has: its properties, those that are numbers, and the values of each; what there are fields for is not told twice."""
    fields = {f"{PREFIX}{name}" for each in properties_of(event) if (name := kept_as(each, event)) is not None}
    own = [each for each in known if each.known.value not in fields]
    numbers = [each.known for each in own if each.number]
    by_property = {own_filter_form.suggested(each.known.value, event): each.values for each in own}
    return {f"own:{event}": [each.known for each in own], f"numbers:{event}": numbers, **by_property}


def _events_of(node: Node) -> list[str]:
    return [event for event in (node.name, node.get("then")) if event] if node.kind == "event" and not node.mode else []


def _texts_of(node: Node) -> list[str]:
    if node.mode:
        return []
    if node.kind == "attribute":
        return [f"attribute:{node.name}"] if condition_form.operand(node) in (Operand.TEXT, Operand.TEXTS) else []
    if node.kind == "event":
        which = [*filters_of(node, "f"), *filters_of(node, "t")]
        known = [each for each in which if not own_filter_form.is_of_own(node, each)]
        return [f"of:{node.get(f'{each}-name')}" for each in known if not behaviour_form.is_number(node, each)]
    return [f"of:{node.kind}"] if node.kind in ("segment", "list") else []


def begin(node: Node, values: Mapping[str, Sequence[KnownValue]]) -> None:
    """Let a condition that was just added, or a filter of it, ask for the most frequent value, so that it stands."""
    if (
        node.kind == "attribute"
        and (known := values.get(f"attribute:{node.name}"))
        and not (node.get("value") or node.boxes("has"))
    ):
        if condition_form.operand(node) is Operand.TEXTS:
            node.ticked["has"] = (known[0].value,)
        else:
            node.typed["value"] = known[0].value
    if node.kind == "event":
        _begin_own(node, values)
    for which in [*filters_of(node, "f"), *filters_of(node, "t")] if node.kind == "event" else []:
        if own_filter_form.is_of_own(node, which):
            continue
        known = values.get(f"of:{node.get(f'{which}-name')}") or ()
        if behaviour_form.is_number(node, which):
            node.typed.setdefault(f"{which}-value", "1")
        elif known and f"{which}-value" not in node.typed and not node.boxes(f"{which}-has"):
            node.ticked[f"{which}-has"] = (known[0].value,)
    if node.kind in ("segment", "list") and (known := values.get(f"of:{node.kind}")):
        node.typed.setdefault("value", known[0].value)


def _begin_own(node: Node, values: Mapping[str, Sequence[KnownValue]]) -> None:
    """The same of filters on own properties: the most frequent property, and its most frequent value."""
    for prefix, event in (("f", node.name), ("t", node.get("then"))):
        taken = {node.get(f"{which}-name") for which in filters_of(node, prefix)}
        for which in filters_of(node, prefix):
            left = [each.value for each in values.get(f"own:{event}", ()) if each.value not in taken]
            if node.get(f"{which}-name") == own_filter_form.ANOTHER and left:
                node.typed |= {f"{which}-name": left[0], f"{which}-of": left[0]}
                known = values.get(own_filter_form.suggested(left[0], event)) or ()
                node.ticked[f"{which}-has"] = tuple(each.value for each in known[:1])


def boxes(known: Sequence[KnownValue], ticked: Sequence[str]) -> list[tuple[KnownValue, bool]]:
    """The values that stand as boxes: the ticked ones and the most frequent others, each with whether it is ticked."""
    by_value = {each.value: each for each in known}
    own = [by_value.get(value) or KnownValue(value, value, value) for value in ticked]
    more = [each for each in known if each.value not in ticked][: max(0, SUGGESTED - len(own))]
    return [*((each, True) for each in own), *((each, False) for each in more)]
