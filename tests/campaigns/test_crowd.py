"""Ways to stand, told apart and put together, say of each person what rows would say."""

from random import Random

import numpy as np
import polars as pl
import pytest

from campaigns import crowd, pieces
from campaigns.crowd import Ways, as_short_as, looked_up

TOP = 65_536
"""So many rows two bytes tell apart."""


def drawn_ways(drawn: Random, *, ways: int, people: int) -> Ways:
    table = pl.DataFrame({"devices": range(ways), "zone": [drawn.choice((None, "Asia/Tokyo")) for _ in range(ways)]})
    of = np.array([drawn.randrange(ways) for _ in range(people)], dtype=as_short_as(ways))
    return Ways(table, of)


@pytest.fixture(params=[7, 131_072])
def _at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "AT_ONCE", request.param)


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize("few", [0, 10**6])
def test_who_is_told_apart_stands_as_before(monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(crowd, "_FEW", few)
    drawn = Random(few)
    ways = drawn_ways(drawn, ways=40, people=100)
    flags = np.array([drawn.random() < 0.5 for _ in range(100)])
    parted = ways.parted("lacks", flags)
    assert parted.spread().equals(ways.spread().with_columns(lacks=pl.Series(flags)))
    if not few:
        assert set(parted.of.tolist()) == set(range(parted.table.height))


@pytest.mark.parametrize("ways", [3, TOP - 2, TOP, TOP // 2 + 1])
def test_ways_beyond_two_bytes_take_longer_numbers(monkeypatch: pytest.MonkeyPatch, ways: int) -> None:
    monkeypatch.setattr(crowd, "_FEW", 10 * TOP)
    people = drawn_ways(Random(ways), ways=ways, people=50)
    people.of[:2] = ways - 1
    parted = people.parted("lacks", np.arange(50) % 2 == 1)
    assert parted.spread()["devices"].equals(people.spread()["devices"])
    assert parted.spread()["lacks"].to_list() == [False, True] * 25
    told = people.spread().with_columns(devices=pl.Series(range(50)) % 7 - 9)
    at = np.array([4, 9, 48])
    other = people.otherwise(at, told[at])
    expected = (
        people.spread()
        .with_row_index()
        .with_columns(devices=pl.when(pl.col("index").is_in(at)).then(pl.Series(told["devices"])).otherwise("devices"))
    )
    assert other.spread().equals(expected.drop("index"))


def test_people_who_stand_alike_otherwise_share_a_way() -> None:
    people = drawn_ways(Random(1), ways=5, people=9)
    told = pl.DataFrame({"zone": ["a", None, "a", None], "devices": [70, 71, 70, 71], "customer_id": [1, 2, 3, 4]})
    other = people.otherwise(np.array([8, 0, 3, 2]), told)
    assert other.table.height == 5 + 2
    assert other.spread()["devices"].gather([8, 0, 3, 2]).to_list() == [70, 71, 70, 71]
    assert other.spread()["zone"].gather([8, 0, 3, 2]).to_list() == ["a", None, "a", None]


@pytest.mark.usefixtures("_at_once")
def test_what_is_looked_up_in_pieces_is_what_is_looked_up() -> None:
    drawn = np.random.default_rng(2)
    values, places = drawn.integers(0, 9, 30).astype(np.uint16), drawn.integers(0, 30, 200)
    assert looked_up(values, places).tolist() == values[places].tolist()
    assert looked_up(values, places[:0]).tolist() == []
