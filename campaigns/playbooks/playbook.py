"""A playbook: a campaign ready to use, as a value. With answers to the few things it asks it becomes a segment and a draft.

Nothing is sent by it: what it makes is a draft that a person reads, changes and launches.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec

from campaigns.campaign import LONGEST_NAME, Content, Draft, Priority, QuietPolicy, Text
from campaigns.errors import DraftIncomplete
from campaigns.steps import Awaited, Step
from campaigns.trigger import Once, OnSegment, Reentry, Trigger

LONGEST_ANSWER = 100
_FURTHEST = 1_000_000_000
ITS_SEGMENT = 0
"""Stands in a trigger for the segment that the playbook makes."""


@dataclass(frozen=True, slots=True)
class Words:
    """A text in both languages."""

    ja: str
    en: str

    def in_language(self, language: str) -> str:
        """One of the two."""
        return self.en if language == "en" else self.ja


class Need(StrEnum):
    """What an installation has to know for a playbook to reach anybody."""

    JOINS = "joins"
    ORDERS = "orders"
    CATEGORIES = "categories"
    COUPONS = "coupons"
    COUPON_EXPIRY = "coupon_expiry"
    RANKS = "ranks"
    NEXT_RANK = "next_rank"
    RANK_REVIEW = "rank_review"
    BIRTHDAYS = "birthdays"
    VISITS = "visits"


NEEDS: Mapping[Need, Words] = {
    Need.JOINS: Words("入会日の記録（Membership Joined）", "days of joining (Membership Joined)"),
    Need.ORDERS: Words("購入の記録（Order Completed）", "orders (Order Completed)"),
    Need.CATEGORIES: Words("カテゴリー付きの購入明細", "order lines with a category"),
    Need.COUPONS: Words("クーポンの発行の記録", "coupons that were issued"),
    Need.COUPON_EXPIRY: Words("期限のあるクーポン", "coupons with an expiry"),
    Need.RANKS: Words("会員ランク", "member ranks"),
    Need.NEXT_RANK: Words("ランクの条件（次のランクまで）", "rank rules (what is missing to the next rank)"),
    Need.RANK_REVIEW: Words("ランクが見直される日", "days on which ranks are reviewed"),
    Need.BIRTHDAYS: Words("誕生日", "birthdays"),
    Need.VISITS: Words("来店の記録（Store Visited）または購入の記録", "visits (Store Visited) or orders"),
}
"""How each is called where it is missing."""


class Kind(StrEnum):
    """What kind of answer is asked for."""

    DAYS = "days"
    NUMBER = "number"
    MONEY = "money"
    """In the currency's smallest unit."""
    STORE = "store"
    COUPON = "coupon"
    CATEGORY = "category"
    TEXT = "text"


NUMBERS = frozenset({Kind.DAYS, Kind.NUMBER, Kind.MONEY})

_ONCE, _NEVER_AGAIN = Once(), Reentry(mode="never")

Answer: TypeAlias = str | int
Answers: TypeAlias = Mapping[str, Answer]
Document: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One thing that a playbook asks.

    Attributes:
        usual: what stands where nothing is answered; None where an answer is needed, an empty text where none may be given.
        low: of numbers, the least.
        high: of numbers, the largest.
        choices: of texts, those that can be; empty for any.
    """

    name: str
    kind: Kind
    words: Words
    usual: Answer | None = None
    low: int = 1
    high: int = _FURTHEST
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSegment:
    """The segment that a playbook makes: for whom it is, or by whose coming in it begins."""

    name: Words
    rule: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a playbook makes of its answers.

    Attributes:
        name: of the draft.
        when: when whom it reaches, in a sentence.
        segment: None where an event begins it for whomever it happens to.
        trigger: with `ITS_SEGMENT` in place of the segment that is made.
        ja: title and body, where it is no journey.
        en: likewise.
        hypothesis: what is expected of it, and why.
        reentry: whether it reaches the same person again.
        exits_on: the event after which a journey has nothing left to do.
    """

    name: Words
    when: Words
    hypothesis: Words
    segment: NewSegment | None = None
    trigger: Trigger = _ONCE
    ja: Text | None = None
    en: Text | None = None
    steps: tuple[Step, ...] = ()
    coupon_id: str = ""
    conversion_event: str = "Order Completed"
    conversion_days: int = 7
    holdout_percent: float = 10.0
    reentry: Reentry = _NEVER_AGAIN
    quiet: QuietPolicy = QuietPolicy.HOLD
    priority: Priority = Priority.NORMAL
    expires_after: timedelta = timedelta(hours=24)
    exits_on: Awaited | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """A campaign ready to use.

    Attributes:
        slug: as its address names it.
        title: what it is called.
        purpose: what it is for, in a sentence or two.
        needs: what the installation has to know.
        plan: what it makes, given an answer to everything in ``asks``.
    """

    slug: str
    title: Words
    purpose: Words
    needs: tuple[Need, ...]
    plan: Callable[[Answers], Plan]
    asks: tuple[Ask, ...] = ()

    def tag(self, language: str) -> str:
        """What its campaigns carry as a tag: the title without what follows a comma or a bracket."""
        return re.split("[,(（]", self.title.in_language(language))[0].strip()


def read_answers(playbook: Playbook, given: Mapping[str, object]) -> dict[str, Answer]:
    """An answer to everything that a playbook asks: the given ones, checked, and the usual ones for the rest.

    Raises:
        DraftIncomplete: naming what is asked for.
    """
    unknown = given.keys() - {ask.name for ask in playbook.asks}
    if unknown:
        asked = ", ".join(ask.name for ask in playbook.asks) or "nothing"
        raise DraftIncomplete(f"this playbook asks {asked}", field=min(unknown))
    return {ask.name: _read(ask, given.get(ask.name)) for ask in playbook.asks}


def _read(ask: Ask, value: object) -> Answer:
    if value is None or value == "":
        if ask.usual is None:
            raise DraftIncomplete(f"say {ask.words.en}", field=ask.name)
        return ask.usual
    if ask.kind in NUMBERS:
        return _number(ask, value)
    if not isinstance(value, str) or not 1 <= len(value.strip()) <= LONGEST_ANSWER:
        raise DraftIncomplete(f"write 1 to {LONGEST_ANSWER} characters", field=ask.name)
    if ask.choices and value.strip() not in ask.choices:
        raise DraftIncomplete(f"choose one of {', '.join(ask.choices)}", field=ask.name)
    return value.strip()


def _number(ask: Ask, value: object) -> int:
    wrong = DraftIncomplete(f"write a whole number from {ask.low:,} to {ask.high:,}", field=ask.name)
    try:
        number = int(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
    except ValueError:
        raise wrong from None
    if number is None or not ask.low <= number <= ask.high:
        raise wrong
    return number


def draft_of(plan: Plan, *, segment_id: int | None, language: str = "ja", tag: str = "") -> Draft:
    """The draft of a plan; its texts are in both languages, its name and hypothesis in ``language``.

    Args:
        plan: what a playbook made of its answers.
        segment_id: of the plan's segment, once there is one.
        language: of the shop's people.
        tag: of the campaign; empty for none.
    """
    draft = Draft(
        name=plan.name.in_language(language)[:LONGEST_NAME],
        segment_id=segment_id,
        trigger=plan.trigger,
        holdout_percent=plan.holdout_percent,
        conversion_event=plan.conversion_event,
        conversion_days=plan.conversion_days,
        expires_after=plan.expires_after,
        reentry=plan.reentry,
        quiet=plan.quiet,
        priority=plan.priority,
        hypothesis=plan.hypothesis.in_language(language),
        tags=(tag,) if tag else (),
        steps=plan.steps,
        exits_on=plan.exits_on,
    )
    if not plan.steps:
        draft = replace(draft, content=Content(ja=plan.ja, en=plan.en, coupon_id=plan.coupon_id or None))
    if isinstance(plan.trigger, OnSegment) and plan.trigger.segment_id == ITS_SEGMENT and segment_id is not None:
        trigger = msgspec.structs.replace(plan.trigger, segment_id=segment_id)
        draft = replace(draft, trigger=trigger, segment_id=None)
    return draft


def has(attribute: str, op: str, value: Any = None) -> Document:
    """A condition on an attribute, as rules write it."""
    return {"attribute": attribute, "op": op} | ({} if value is None else {"value": value})


def every(*parts: Document) -> Document:
    """All of these hold."""
    return {"all": list(parts)}
