"""A plan as rows: every person once, merge fields as one by one, variants for the treated."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import msgspec
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from campaigns.audience import merge_columns
from campaigns.campaign import Content, QuietPolicy, Text, Variant
from campaigns.experiment import variant_column, variant_of
from campaigns.fields import clean
from campaigns.gates import AUDIENCE, decide
from campaigns.inbox import SHOWN_THOUGH_LEFT_OUT
from campaigns.ledger import PEOPLE_COLUMNS, rows_of
from campaigns.schedule import QuietHours
from campaigns.terms import SendingRules, Terms

NOON = datetime(2026, 6, 30, 3, tzinfo=UTC)
CONTENT = Content(ja=Text("{{ rank | default('x') }}", "{{ points | default(0) }} {{ store | default('y') }}"))
PERSON = st.fixed_dictionaries(
    {
        "consented": st.booleans(),
        "excluded": st.booleans(),
        "zone": st.sampled_from([None, "Asia/Tokyo", "America/New_York"]),
        "rank": st.one_of(st.none(), st.sampled_from(["gold", " ", 'a "b" \\', "ゴールド\n会員", "x" * 300])),
        "points": st.one_of(st.none(), st.integers(-5, 10**12)),
        "last_store": st.one_of(st.none(), st.text(max_size=5)),
        "prefecture": st.just("東京都"),
    }
)


def planned(people: list[dict[str, Any]]) -> Any:
    sound = {"gone": False, "devices": 1, "sent_day": 0, "sent_week": 0, "missing_field": False}
    schema = AUDIENCE | {
        "rank": pl.String(),
        "points": pl.Int64(),
        "last_store": pl.String(),
        "prefecture": pl.String(),
    }
    frame = pl.DataFrame([{"customer_id": n} | sound | one for n, one in enumerate(people)], schema=schema)
    rules = SendingRules(quiet=QuietHours(time(21), time(8)))
    terms = Terms(salt="s", holdout_percent=30, quiet=QuietPolicy.DROP)  # noon in Tokyo, 23:00 in New York
    return decide(frame, rules=rules, terms=terms, now=NOON, expires_at=NOON + timedelta(days=1))


def rows(plan: Any, **more: Any) -> list[dict[str, Any]]:
    given = {"campaign_id": 1, "occurrence": 5, "version": 2, "salt": "s", "contents": [CONTENT], "now": NOON} | more
    frame = rows_of(plan, **given)
    assert tuple(frame.columns) == PEOPLE_COLUMNS
    return frame.to_dicts()


@given(st.lists(PERSON, min_size=1, max_size=25))
def test_merge_fields_are_kept_for_those_who_may_read_them_and_as_one_by_one(people: list[dict[str, Any]]) -> None:
    plan = planned(people)
    for row, one in zip(rows(plan), plan.people.to_dicts(), strict=True):
        reads = row["arm"] == "treated" or row["left_out"] in SHOWN_THOUGH_LEFT_OUT
        values = {"rank": one["rank"], "points": one["points"], "store": one["last_store"]}
        assert msgspec.json.decode(row["merge_fields"]) == (clean(values) if reads else {})
        assert row["state"] == ("planned" if row["arm"] == "treated" else None)
        assert (row["arm"] is None) == (row["left_out"] is not None)


def test_only_the_treated_have_a_variant() -> None:
    variants = [Variant(name=name, share=share, content=CONTENT) for name, share in (("A", 20.0), ("B", 80.0))]
    person = {
        "consented": True,
        "excluded": False,
        "zone": None,
        "rank": None,
        "points": None,
        "last_store": None,
        "prefecture": "",
    }
    found = rows(planned([person] * 2000), variants=variants)
    assert {row["variant"] for row in found if row["arm"] == "control"} == {None}
    treated = [row["variant"] for row in found if row["arm"] == "treated"]
    assert 0.15 < treated.count("A") / len(treated) < 0.25
    assert treated.count("A") + treated.count("B") == len(treated)


def test_shares_that_round_away_leave_nobody_without_a_variant() -> None:
    variants = [Variant(name=name, share=100 / 3, content=CONTENT) for name in "ABC"]
    people = pl.DataFrame({"customer_id": range(3000)}, schema={"customer_id": pl.Int64})
    drawn = people.select(variant_column("s", variants)).to_series().to_list()
    assert drawn == [variant_of("s", one, variants) for one in range(3000)]
    assert {*drawn} == {"A", "B", "C"}


def test_only_the_columns_that_texts_use_are_asked_for() -> None:
    more = Content(ja=Text("{{ 購入金額 }}", "{{ 姓 | default('x') }}"), en=Text("{{ rank | default('x') }}", "-"))
    assert merge_columns([CONTENT]) == ("rank", "points", "last_store")
    assert merge_columns([CONTENT, more]) == ("rank", "points", "last_store", "spend")
    assert merge_columns([]) == ()
