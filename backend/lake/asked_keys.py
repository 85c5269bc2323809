"""What rules ask beside the stored columns of the frame, and what each answer depends on."""

from collections.abc import Collection, Hashable
from dataclasses import dataclass
from typing import TypeAlias

from backend.lake.asked_sources import Standing
from backend.lake.frame_view import FrameView
from segments.customers import ASKED
from segments.rules.behaviour import Behaviour, column_of, source_of
from segments.rules.operators import is_trait
from segments.rules.references import behaviours, lists
from segments.rules.rule import Attribute, Condition, Rule, conditions_of
from segments.shop_traits import ShopTrait

_MINUTE = 60

_ASKED = {attribute.name for attribute in ASKED}

Key: TypeAlias = Behaviour | ShopTrait | str | int
"""What is asked: a behaviour, a trait, an attribute of `segments.customers.ASKED` by name, a static list by number."""

Slow: TypeAlias = Behaviour | str
"""What takes long to be worked out of everyone: a behaviour or an attribute of `segments.customers.ASKED`."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What columns are worked out of: a frame (``state`` numbers them as they follow each other) and what stands beside it."""

    view: FrameView
    state: int
    standing: Standing


def keys_of(rules: Collection[Rule], columns: Collection[str]) -> list[Key]:
    """What the rules ask beside ``columns``, in an order of its own; traits apart."""
    conditions = [condition for rule in rules for condition in conditions_of(rule)]
    facts = {one.name for one in conditions if isinstance(one, Attribute) and one.name in _ASKED}
    did = {one for rule in rules for one in behaviours(rule) if column_of(one) not in columns}
    on = {number for rule in rules for number in lists(rule)}
    return [*sorted(facts), *sorted(did, key=column_of), *sorted(on)]


def traits_of(rules: Collection[Rule]) -> set[str]:
    """The traits that rules ask for, by column."""
    conditions = [condition for rule in rules for condition in conditions_of(rule)]
    return {one.name for one in conditions if isinstance(one, Attribute) and is_trait(one.name)}


def asked_traits(rules: Collection[Rule], columns: Collection[str], standing: Standing) -> list[Key]:
    """Traits that rules ask for, that the shop uses, and that are not among ``columns``."""
    names = traits_of(rules) - {*columns}
    return [standing.traits[name] for name in sorted(names & {*standing.traits})]


def slow_parts(condition: Condition) -> set[Slow]:
    """What of a condition is worked out of everyone, where no stored column says it."""
    facts = {condition.name} & _ASKED if isinstance(condition, Attribute) else set()
    return {*behaviours(condition), *facts}


def conditions_on(keys: Collection[Slow], rules: Collection[Rule]) -> list[Condition]:
    """The conditions of rules that ask for one of these."""
    conditions = dict.fromkeys(condition for rule in rules for condition in conditions_of(rule))
    return [one for one in conditions if slow_parts(one) & {*keys}]


def stamp_of(key: Key, moment: Moment) -> Hashable:
    """What an answer depends on: another one when the answer may be another one."""
    standing = moment.standing
    who = standing.merge_version
    if isinstance(key, int):
        return (who, standing.lists.get(key))
    if key == "days_since_push":
        return (who, standing.ledger, moment.view.day)
    if isinstance(key, str):
        calendar, tests = standing.calendar, standing.exclude_test_accounts
        return (who, moment.view.day, standing.thresholds, calendar, tests, moment.state)
    if isinstance(key, ShopTrait):
        return (who, moment.state)
    minute = None if key.minutes is None else int(standing.now.timestamp()) // _MINUTE
    ledger = standing.ledger if source_of(key) == "ledger" else None
    return (who, moment.state, minute, ledger)
