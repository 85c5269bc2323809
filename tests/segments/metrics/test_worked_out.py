"""Whether a sample tells of everyone what depends on everyone."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from segments.metrics import lifetime_value, purchase_days, rfm
from segments.metrics.facts import Facts
from segments.metrics.purchase_days import DAYS, NETS
from segments.metrics.rfm import GROUPS, is_steady, score
from segments.metrics.worked_out import OF_EVERYONE, OF_SAMPLE

TODAY = date(2026, 4, 1)
PEOPLE, DRAWN = 30_000, 4_000


def shop(people: int, *, seed: int = 5) -> pl.DataFrame:
    """Customers as the models of lifetime value have them: they come at rates of their own, and leave after some purchase."""
    dice = np.random.default_rng(seed)
    since, rate, leaves = dice.integers(30, 360, people), dice.gamma(0.7, 1 / 20, people), dice.beta(1, 2, people)
    waits = dice.exponential(1, (25, people)) / np.maximum(rate, 1e-6)
    stays = np.cumprod(dice.random((25, people)) > leaves, axis=0, dtype=bool)
    ago = since - np.cumsum(waits, axis=0)
    came = stays & (ago >= 0)
    days = [[since[who], *(int(day) for day in ago[came[:, who], who])] for who in range(people)]
    bought = [sorted({int(day) for day in each}, reverse=True) for each in days]
    worth = dice.gamma(8, 150, people)
    return pl.DataFrame(
        {
            "customer_id": range(1, people + 1),
            DAYS: [[TODAY - timedelta(days=day) for day in each] for each in bought],
            NETS: [
                [int(money) + 9 * place for place in range(len(each))]
                for money, each in zip(worth, bought, strict=True)
            ],
            "known_since": [TODAY - timedelta(days=360)] * people,
            "acted_since": [TODAY - timedelta(days=360)] * people,
        }
    )


def facts_of(rows: pl.DataFrame) -> Facts:
    return Facts(days=pl.LazyFrame(), today=TODAY, verified=(), weighty=(), frame=rows.lazy())


def test_shares_of_a_sample_are_those_of_everyone() -> None:
    everyone = shop(PEOPLE)
    sample = everyone.sample(DRAWN, seed=3)
    for name in ("rfm_group", "life_cycle", "ltv_12m"):
        whole = pl.concat(OF_EVERYONE[name](facts_of(everyone), TODAY)).get_column(name)
        found = OF_SAMPLE[name](facts_of(sample), TODAY)
        assert found is not None, name
        part = found.get_column(name)
        limits = [whole.quantile(q) for q in (0.3, 0.6, 0.9)] if name == "ltv_12m" else whole.unique().drop_nulls()
        for limit in limits:
            among, of = (values >= limit if name == "ltv_12m" else values == limit for values in (part, whole))
            share, told = float(of.sum()) / PEOPLE, float(among.sum()) / DRAWN
            assert abs(told - share) < 4 * (share * (1 - share) / DRAWN) ** 0.5 + 1e-9, (name, limit)


def test_everyone_is_worked_out_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """No rows handed on or laid down are more than a part, whoever asks; and what comes out is what comes of all at once."""
    everyone = facts_of(shop(2_000))
    whole = {name: pl.concat(parts(everyone, TODAY)) for name, parts in OF_EVERYONE.items()}
    for module, most in ((purchase_days, 150), (rfm, 150), (lifetime_value, 250)):
        monkeypatch.setattr(module, "AT_ONCE", most)
    heights: list[int] = []

    def laid(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
        rows = list(parts)
        heights.extend(part.height for part in rows)
        return pl.concat(rows)

    for name, parts in OF_EVERYONE.items():
        heights.clear()
        found = list(parts(replace(everyone, lay=laid, kept={}), TODAY))
        assert len(found) >= 2_000 // 250
        assert max([*heights, *(part.height for part in found)]) <= 300, name
        assert_frame_equal(pl.concat(found), whole[name], check_row_order=False)


def test_too_few_buyers_tell_nothing_of_everyones_lifetime_value() -> None:
    few = shop(400)
    assert OF_SAMPLE["ltv_12m"](facts_of(few), TODAY) is None


def bought(shares: list[float], people: int = 10_000) -> pl.DataFrame:
    """So many bought once, twice, ...; each on a day and at a price of his own."""
    times = np.repeat(np.arange(1, len(shares) + 1), [round(share * people) for share in shares])
    return pl.DataFrame({"recency": range(len(times)), "purchases": times, "spend": range(len(times))})


def test_a_limit_among_many_equals_is_not_told_by_a_sample() -> None:
    steady, shaky = bought([0.5, 0.3, 0.2]), bought([0.604, 0.3, 0.096])
    assert is_steady(steady)
    assert not is_steady(shaky)
    other = bought([0.596, 0.304, 0.1])
    moved = [
        set(pl.concat(score(one, {"scores": "ranks"})).filter(pl.col("purchases") == 2).get_column("f"))
        for one in (shaky, other)
    ]
    assert moved == [{4}, {3}]
    assert is_steady(bought([0.5, 0.304, 0.196])), "no group is parted by four fifths of the purchases"
    assert not is_steady(steady.clear())
    assert set(GROUPS) >= set(pl.concat(score(steady, {"scores": "ranks"})).get_column("group"))
