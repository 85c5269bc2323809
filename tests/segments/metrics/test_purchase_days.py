"""What customers bought is the same out of the lists of their rows as out of one order after the other."""

from datetime import date, timedelta
from itertools import groupby, pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.customers import ORDER_LISTS
from segments.metrics import purchase_days
from segments.metrics.lifecycle import buying, gaps_of
from segments.metrics.lifetime_value import history_of
from segments.metrics.purchase_days import DAYS, NETS, of_frame, pieces
from segments.metrics.rfm import bought_since, score
from segments.metrics.thresholds import Thresholds

START = date(2026, 1, 1)
THRESHOLDS = Thresholds(version=1, since=START, t1=4, t2=3, t3=6)
ORDERS = st.lists(st.tuples(st.integers(0, 12), st.integers(-5, 50)), max_size=6).map(sorted)
SHOPS = st.lists(st.one_of(st.none(), ORDERS), max_size=9)
UNTIL = st.integers(0, 13)


def frame(shop: list[list[tuple[int, int]] | None]) -> pl.LazyFrame:
    """A row a customer, numbered from 100; one without lists never had any."""
    lists = {
        DAYS: [None if one is None else [START + timedelta(days=day) for day, _ in one] for one in shop],
        NETS: [None if one is None else [net for _, net in one] for one in shop],
    }
    schema: dict[str, pl.DataType] = {
        "customer_id": pl.Int64(),
        **{name: pl.List(ORDER_LISTS[name]) for name in (DAYS, NETS)},
    }
    return pl.LazyFrame({"customer_id": range(100, 100 + len(shop)), **lists}, schema=schema)


def purchases(orders: list[tuple[int, int]] | None, until: int) -> list[tuple[int, int]]:
    """A purchase a day, with its net, up to a day."""
    kept = [order for order in orders or [] if order[0] <= until]
    return [(day, sum(net for _, net in same)) for day, same in groupby(kept, key=lambda order: order[0])]


@pytest.fixture(autouse=True, scope="module")
def in_small_pieces() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(purchase_days, "AT_ONCE", 4)
        yield


@settings(deadline=None)
@given(shop=SHOPS, until=UNTIL)
def test_gaps_and_histories_and_comebacks(shop: list[list[tuple[int, int]] | None], until: int) -> None:
    day = START + timedelta(days=until)
    bought = {100 + place: days for place, one in enumerate(shop) if (days := purchases(one, until))}
    gaps = [later[0] - earlier[0] for days in bought.values() for earlier, later in pairwise(days)]
    counted = pl.concat(gaps_of(found) for _, found in pieces(frame(shop), day))
    assert sorted(gap for gap, times in counted.rows() for _ in range(times)) == sorted(gaps)

    histories = pl.concat(of_frame(frame(shop), day, lambda found: history_of(found, day))).rows()
    assert histories == [
        (
            who,
            len(days) - 1,
            days[-1][0] - days[0][0],
            until - days[0][0],
            sum(net for _, net in days[1:]) / (len(days) - 1) if len(days) > 1 else None,
        )
        for who, days in bought.items()
    ]

    stands = pl.concat(of_frame(frame(shop), day, lambda found: buying(found, day, THRESHOLDS))).rows()
    assert stands == [
        (
            who,
            START + timedelta(days=days[-1][0]),
            len(days),
            any(b[0] - a[0] > THRESHOLDS.t2 and b[0] >= until - THRESHOLDS.t1 for a, b in pairwise(days)),
        )
        for who, days in bought.items()
    ]


@settings(deadline=None)
@given(shop=SHOPS, until=UNTIL, span=st.integers(1, 13))
def test_scores_are_those_of_ranks(shop: list[list[tuple[int, int]] | None], until: int, span: int) -> None:
    day, first = START + timedelta(days=until), START + timedelta(days=until - span + 1)
    told = pl.concat(of_frame(frame(shop), day, lambda found: bought_since(found, first, day)))
    expected = []
    for place, one in enumerate(shop):
        if inside := [(on, net) for on, net in purchases(one, until) if on > until - span]:
            expected.append((100 + place, until - inside[-1][0], len(inside), sum(net for _, net in inside)))
    assert told.rows() == expected

    scored = pl.concat(score(told, {"scores": "ranks"}))
    values = {"r": [-row[1] for row in expected], "f": [row[2] for row in expected], "m": [row[3] for row in expected]}
    for name, known in values.items():
        ranks = [1 + sum(other < value for other in known) for value in known]
        assert scored.get_column(name).to_list() == [-(-5 * rank // len(known)) for rank in ranks]
