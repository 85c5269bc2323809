"""Histories in which much is bought: what small random ones rarely hold, such as a third purchase of a known category."""

import random
from datetime import timedelta

from hypothesis import strategies as st

from segments.events import EventName
from tests.segments.history import Happening, histories, moment

CATEGORIES = ("tea", "milk", "rice", "soap", "")


def busy(seed: int, *, days: int = 40, customers: int = 5, orders: int = 45) -> list[Happening]:
    """Orders of some customers with refunds, cancellations, a store visit here and there, repeated and late reports."""
    dice = random.Random(seed)
    people = dice.choice((customers, 4 * customers))  # a few who buy much, or many of whom little is known
    rows = [_order(dice, number, days, people) for number in range(orders)]
    rows += [_after(dice, dice.choice(rows)) for _ in range(orders // 4)]
    dice.shuffle(rows)
    return [Happening(seq + 1, **row) for seq, row in enumerate(rows)]


def _order(dice: random.Random, number: int, days: int, customers: int) -> dict[str, object]:
    """An order; many customers share a day, a few orders a moment."""
    lines = [(dice.choice(CATEGORIES), dice.randint(1, 3), dice.randint(0, 6)) for _ in range(dice.randint(0, 3))]
    return {
        "customer": dice.randint(1, customers),
        "event": str(EventName.ORDER_COMPLETED),
        "at": moment(dice.randint(0, days), dice.choice((0, 600, 1439))),
        "trusted": dice.random() < 0.97,
        "order": number,
        "amount": dice.choice((0, 5, 5, 10, 20, None)),
        "store": dice.choice((None, "S1", "S2")),
        "lines": tuple(lines),
    }


def _after(dice: random.Random, order: dict[str, object]) -> dict[str, object]:
    """What may follow an order: the same told again, some money back, all of it, or a visit."""
    later = {**order, "at": order["at"] + timedelta(days=dice.randint(0, 9)), "lines": (), "trusted": True}  # type: ignore[operator]
    return dice.choice((
        {**order, "trusted": True},
        {**later, "event": str(EventName.ORDER_REFUNDED), "amount": dice.choice((1, 5, 10, None))},
        {**later, "event": str(EventName.ORDER_CANCELLED), "order": dice.choice((order["order"], 999))},
        {**later, "event": str(EventName.STORE_VISITED), "order": None, "amount": None, "store": "S1"},
    ))  # fmt: skip


def bought(names: tuple[str, ...], *, days: int, customers: int = 5) -> st.SearchStrategy[list[Happening]]:
    """Small histories that shrink well, and busy ones."""
    small = histories(names=names, days=days, size=12)
    return st.one_of(small, st.integers(0, 2**32).map(lambda seed: busy(seed, days=days, customers=customers)))
