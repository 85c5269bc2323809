"""The playbook library as its page shows it: cards by the moment of a customer's life, with their questions as fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from babel.numbers import get_currency_precision

from admin_ui import typed_values
from admin_ui.campaign_editor import Preview, told
from admin_ui.campaign_timing import label_of
from admin_ui.forms import Form
from admin_ui.i18n import Say, mark
from admin_ui.trigger_form import KINDS
from backend.services.playbooks import Shelved
from backend.services.segment_values import KnownValue
from campaigns.content import Content
from campaigns.journey import sends
from campaigns.playbooks.playbook import NEEDS, NUMBERS, Ask, Kind, Plan
from campaigns.trigger import OnEvent
from segments.rules.describe import describe
from segments.rules.parse import parse

MOMENTS: Sequence[tuple[str, tuple[str, ...]]] = (
    (mark("Newly joined"), ("onboarding", "first-coupon")),
    (mark("After a purchase"), ("second-purchase", "cross-sell", "up-sell", "feedback")),
    (mark("Ranks and rewards"), ("rank-up-near", "rank-down-warning", "coupon-expiring", "birthday")),
    (mark("Growing distant"), ("lapsing", "win-back")),
)
"""Moments of a customer's life and their playbooks; others stand under `OTHERS`."""
OTHERS = mark("News for everyone")

ANSWER = "answer."
"""Before the name of a question in its field's name."""
CHOICE_NAMES: Mapping[str, str] = {"Store Visited": mark("Visit to a store"), "Order Completed": mark("Purchase")}
_UNITS: Mapping[Kind, str] = {Kind.DAYS: mark("days")}


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that a playbook asks, as a field.

    Attributes:
        value: what stands in it at first, or was typed.
        offered: values to choose from; empty where it is typed.
        unit: after the field.
    """

    name: str
    label: str
    value: str
    needed: bool
    number: bool
    offered: Sequence[tuple[str, str]] = ()
    unit: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One playbook.

    Attributes:
        who: for whom it is, in a sentence; empty while an answer is missing.
        missing: what the shop does not know, without which it reaches nobody.
        preview: its first wording.
        steps: how many a journey has; 0 for a single push.
    """

    slug: str
    title: str
    purpose: str
    kind: str
    when: str
    who: str
    needs: Sequence[tuple[str, bool]]
    questions: Sequence[Question]
    preview: Preview | None
    steps: int = 0

    @property
    def ready(self) -> bool:
        """Whether it can reach anybody here."""
        return not any(missing for _, missing in self.needs)

    @property
    def wrong(self) -> bool:
        """Whether one of its answers could not be taken."""
        return any(question.error for question in self.questions)


def groups(cards: Sequence[Card]) -> list[tuple[str, list[Card]]]:
    """The cards by moment, in the order of a customer's life; those of no moment last."""
    placed = [(moment, [card for card in cards if card.slug in slugs]) for moment, slugs in MOMENTS]
    known = {slug for _, slugs in MOMENTS for slug in slugs}
    found = [*placed, (OTHERS, [card for card in cards if card.slug not in known])]
    return [(moment, own) for moment, own in found if own]


def card(
    shelved: Shelved,
    say: Say,
    *,
    currency: str,
    offered: Mapping[Kind, Sequence[KnownValue]],
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Card:
    """A playbook as it stands in this shop; ``typed`` and ``errors`` of a form that could not be taken."""
    playbook, plan = shelved.playbook, shelved.plan
    return Card(
        slug=playbook.slug,
        title=say.pick(playbook.title),
        purpose=say.pick(playbook.purpose),
        kind=say(KINDS[plan.trigger.kind][0]) if plan else "",
        when=say.pick(plan.when) if plan else "",
        who=_who(plan, say, currency) if plan else "",
        needs=[(say.pick(NEEDS[need]), need in shelved.missing) for need in playbook.needs],
        questions=[
            _question(
                ask, shelved, say, currency=currency, offered=offered, typed=typed or {}, error=(errors or {}).get(ask.name, "")
            )
            for ask in playbook.asks
        ],
        preview=told(_first(plan), say) if plan else None,
        steps=len(plan.steps) if plan else 0,
    )  # fmt: skip


def answers(form: Form, asks: Sequence[Ask], currency: str) -> dict[str, Any]:
    """What was typed, by question; money in its smallest unit."""
    typed = {ask.name: (ask, form.text(f"{ANSWER}{ask.name}")) for ask in asks}
    return {
        name: typed_values.number(text, get_currency_precision(currency)) if ask.kind is Kind.MONEY and text else text
        for name, (ask, text) in typed.items()
    }


def _question(
    ask: Ask,
    shelved: Shelved,
    say: Say,
    *,
    currency: str,
    offered: Mapping[Kind, Sequence[KnownValue]],
    typed: Mapping[str, str],
    error: str,
) -> Question:
    usual = shelved.suggested.get(ask.name, ask.usual)
    scale = get_currency_precision(currency) if ask.kind is Kind.MONEY else 0
    known = [(each.value, say.pick(each)) for each in offered.get(ask.kind, ())]
    choices = [(each, say(CHOICE_NAMES.get(each, each))) for each in ask.choices]
    return Question(
        name=f"{ANSWER}{ask.name}",
        label=_capital(say.pick(ask.words)),
        value=typed.get(f"{ANSWER}{ask.name}", "" if usual is None else typed_values.written(usual, scale)),
        needed=ask.usual != "",
        number=ask.kind in NUMBERS,
        offered=choices or known,
        unit=currency if ask.kind is Kind.MONEY else say(_UNITS.get(ask.kind, "")),
        error=error,
    )


def _who(plan: Plan, say: Say, currency: str) -> str:
    if plan.segment is not None:
        return describe(parse(plan.segment.rule), say.language, currency=currency)
    if isinstance(plan.trigger, OnEvent):
        return say("Everyone with whom it happens: %(event)s", event=label_of(plan.trigger.event, say))
    return say("Everyone with whom it begins")


def _first(plan: Plan) -> Content:
    """What is sent first."""
    if plan.steps:
        return next(send.content for _, send in sends(plan.steps))
    return Content(ja=plan.ja, en=plan.en)


def _capital(label: str) -> str:
    """A label begins with a capital letter, whatever the sentence it was taken from."""
    return label[:1].upper() + label[1:]
