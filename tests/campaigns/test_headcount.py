"""What is counted of everybody is what is decided row by row, whoever stands like whom."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

import numpy as np
import polars as pl
import pytest

from campaigns import headcount, pieces
from campaigns.audience import is_absent, with_standing
from campaigns.campaign import Priority, QuietPolicy
from campaigns.content import Content, Text, Variant
from campaigns.crowd import Ways
from campaigns.experiment import ArmName, Draw, variant_column
from campaigns.gates import decide
from campaigns.headcount import SHOWN, Headcount, count
from campaigns.schedule import QuietHours
from campaigns.terms import SendingRules, Terms
from segments.rules.share import PLACES, places, spot_of

NIGHT = datetime(2026, 6, 30, 14, tzinfo=UTC)
"""23:00 in Tokyo, 10:00 in New York."""
CONTENT = Content(ja=Text("{{ 姓 }}様へ", "{{ rank }}"), en=Text("Dear you", "{{ rank }} {{ store }}"))
TWO = (Variant(name="A", share=30, content=CONTENT), Variant(name="B", share=70, content=CONTENT))
SCHEMA = {
    "gone": pl.Boolean(), "consented": pl.Boolean(), "excluded": pl.Boolean(), "devices": pl.Int64(), "sent_day": pl.Int64(),
    "sent_week": pl.Int64(), "language": pl.String(), "has_family_name": pl.Boolean(), "has_given_name": pl.Boolean(), "zone": pl.String(),
}  # fmt: skip


def crowd(drawn: Random, people: int) -> tuple[pl.DataFrame, Ways]:
    """People of some ways to stand."""
    kinds = [
        {
            "gone": drawn.random() < 0.1, "consented": drawn.random() < 0.8, "excluded": drawn.random() < 0.1,
            "devices": drawn.randrange(3), "sent_day": drawn.randrange(2), "sent_week": drawn.randrange(4),
            "language": drawn.choice((None, "ja-JP", "en", "fr")), "has_family_name": drawn.random() < 0.8, "has_given_name": True,
            "zone": drawn.choice((None, "Asia/Tokyo", "America/New_York", "Mars/Olympus")),
        }
        for _ in range(40)
    ]  # fmt: skip
    members = pl.DataFrame(
        {
            "customer_id": drawn.sample(range(1, 20 * people + 2), people),
            "rank": [drawn.choice((None, "", " ", "gold", "silver")) for _ in range(people)],
            "last_store": [drawn.choice((None, "Ginza")) for _ in range(people)],
        },
        schema={"customer_id": pl.Int64(), "rank": pl.String(), "last_store": pl.String()},
    )
    of = np.array([drawn.randrange(len(kinds)) for _ in range(people)], dtype=np.uint32)
    return members, Ways(pl.DataFrame(kinds, schema=SCHEMA), of)


def by_rows(members: pl.DataFrame, ways: Ways, *, terms: Terms, **given: Any) -> Headcount:
    """The same, a row a person."""
    plan = decide(with_standing(members, ways.spread(), given.pop("contents")), terms=terms, **given)
    treated = plan.arm(ArmName.TREATED).with_columns(variant_column(terms.salt, TWO))
    first = treated.sort("bucket", "customer_id").head(SHOWN)["customer_id"]
    stopped = plan.people.filter(pl.col("left_out").is_not_null())
    examples = {
        str(reason): tuple(sorted(people["customer_id"])[:SHOWN]) for (reason,), people in stopped.group_by("left_out")
    }
    return Headcount(
        people=members.height,
        left_out=plan.removed(),
        examples=examples,
        treated=treated.height,
        control=plan.arm(ArmName.CONTROL).height,
        devices=int(treated["devices"].sum()),
        first=tuple(first),
        by_variant={each.name: treated.filter(pl.col("variant") == each.name).height for each in TWO},
        planned_at=plan.planned_at,
        deferred_until=plan.deferred_until,
        expires_at=plan.expires_at,
    )


@pytest.mark.parametrize("seed", range(0, 60, 10))
def test_counting_is_deciding_row_by_row(seed: int) -> None:
    for one in range(seed, seed + 10):
        counted_is_decided(one)


def counted_is_decided(seed: int) -> None:
    drawn = Random(seed)
    members, ways = crowd(drawn, drawn.choice((0, 1, 2, 30, 600)))
    rules = SendingRules(
        quiet=QuietHours(time(21), time(8)),
        cap_day=drawn.randrange(2),
        cap_week=drawn.choice((0, 3)),
        global_holdout_percent=drawn.choice((0.0, 25.0)),
    )
    terms = Terms(
        salt=f"s{seed}",
        holdout_percent=drawn.choice((0.0, 5.0, 50.0, 90.0)),
        priority=drawn.choice(list(Priority)),
        quiet=drawn.choice(list(QuietPolicy)),
        own_zone=drawn.random() < 0.7,
    )
    given = {"contents": [CONTENT], "rules": rules, "now": NIGHT, "expires_at": NIGHT + timedelta(hours=drawn.choice((2, 30)))}  # fmt: skip
    counted = count(members, ways, terms=terms, variants=TWO, **given)
    assert counted == by_rows(members, ways, terms=terms, **given)
    assert counted.treated + counted.control + sum(counted.left_out.values()) == counted.people


def test_pieces_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    members, ways = crowd(Random(1), 1000)
    given = {"contents": [CONTENT], "rules": SendingRules(), "terms": Terms(salt="s"), "now": NIGHT, "expires_at": NIGHT + timedelta(days=1), "variants": TWO}  # fmt: skip
    whole = count(members, ways, **given)
    monkeypatch.setattr("campaigns.pieces.AT_ONCE", 7)
    assert count(members, ways, **given) == whole


def test_both_phases_are_everybody() -> None:
    members, ways = crowd(Random(2), 900)
    given: dict[str, Any] = {"contents": [CONTENT], "rules": SendingRules(), "terms": Terms(salt="s", holdout_percent=9), "now": NIGHT}  # fmt: skip
    ends = NIGHT + timedelta(days=1)
    whole = count(members, ways, expires_at=ends, **given)
    parts = [
        count(members[at], Ways(ways.table, ways.of[at]), expires_at=ends, **given)
        for at in (slice(0, 300), slice(300, 900))
    ]
    together = parts[0].with_rest(parts[1], Draw.of("s"))
    assert replace(together, planned_at=NIGHT, deferred_until=None) == replace(
        whole, planned_at=NIGHT, deferred_until=None
    )


def test_a_draw_of_many_is_the_draw_of_each() -> None:
    drawn = Random(3)
    numbers = [0, 1, PLACES - 1, PLACES, PLACES + 1, 2**40, *(drawn.randrange(2**33) for _ in range(40_000))]
    found = places(np.array(numbers, dtype=np.int64), "salt")
    assert found.min() >= 0
    assert found.max() < PLACES
    assert [int(place) * 10_000 // PLACES for place in found] == [spot_of(number, "salt") for number in numbers]
    draw = Draw("salt")
    for percent in (0.0, 0.01, 5.0, 7.5, 90.0, 100.0):
        below = draw.is_below(found, percent)
        assert below.tolist() == [spot_of(number, "salt") < round(percent * 100) for number in numbers]


def test_a_draw_of_the_largest_numbers_runs_over_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for terms in ([PLACES - 1] * 4, [0] * 4, [PLACES - 1, 0, PLACES - 1, 1]):
        monkeypatch.setattr("segments.rules.share._terms", lambda _, terms=terms: terms)
        numbers = [0, 1, 2, PLACES - 3, PLACES - 2, PLACES - 1, PLACES, 2**62]
        found = places(np.array(numbers, dtype=np.int64), "")
        powers = [[pow(number, 3 - at, PLACES) * term for at, term in enumerate(terms)] for number in numbers]
        assert found.tolist() == [sum(each) % PLACES for each in powers]


_VALUES = [
    "",
    " ",
    "\t",
    "\u3000",
    "\u00a0",
    "\u0085 ",
    "\u2003\u3000",
    " x",
    "\u3000あ",
    "!",
    "0",
    "é",
    "あ",
    "\u3001",
    "\x1c",
    None,
]


@pytest.mark.parametrize("at_once", [3, 500_000])
def test_what_is_absent_is_found_by_the_first_bytes(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(pieces, "AT_ONCE", at_once)
    words = pl.Series("x", _VALUES)
    for values in (
        words,
        words.cast(pl.Categorical()),
        pl.Series("x", [0, None, 5]),
        pl.Series("x", [date(2026, 1, 1), None]),
    ):
        expected = values.to_frame().select(is_absent("x")).to_series().to_list()
        assert headcount._absent(values).tolist() == expected
