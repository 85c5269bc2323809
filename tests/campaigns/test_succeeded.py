"""Who converted by which of several campaigns, told in one pass, is what each campaign by itself says of each customer."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from campaigns.messages import Launched, converted, succeeded

BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
SEEN = {
    "customer_id": pl.Int64(),
    "event": pl.String(),
    "occurred_at": pl.Datetime("us", "UTC"),
    "trusted": pl.Boolean(),
    "amount": pl.Int64(),
}
ARMS = {"customer_id": pl.Int64(), "campaign_id": pl.Int32(), "arm": pl.String()}


def reference(events: list[tuple[Any, ...]], arms: list[tuple[int, int, str]], one: Launched) -> set[tuple[Any, ...]]:
    """One campaign, a customer after the other."""
    found = set()
    for who in {customer for customer, _, _ in arms}:
        if {arm for customer, campaign, arm in arms if (customer, campaign) == (who, one.campaign_id)} != {"treated"}:
            continue
        own = [
            each
            for each in events
            if each[0] == who
            and one.planned_at <= each[2] < one.ends_at
            and (each[3] or each[1] != "Order Completed")
            and each[1] in {one.conversion_event, "Order Completed", "Order Refunded"}
        ]
        moments = [moment for _, name, moment, _, _ in own if name == one.conversion_event]
        signs = {"Order Completed": 1, "Order Refunded": -1}
        spent = sum(signs.get(name, 0) * (amount or 0) for _, name, _, _, amount in own)
        if moments:
            found.add((who, one.campaign_id, min(moments), spent))
    return found


def test_all_campaigns_in_one_pass_are_what_each_says_by_itself() -> None:
    dice, told = random.Random(7), 0
    for _ in range(20):
        names = ["Order Completed", "Order Refunded", "Store Visited", "Application Opened"]
        events = [
            (
                dice.randrange(12),
                dice.choice(names),
                BEGIN + timedelta(hours=dice.randrange(200)),
                dice.random() < 0.7,
                dice.choice([None, 100, 250]),
            )
            for _ in range(80)
        ]
        starts = [BEGIN + timedelta(hours=dice.randrange(150)) for _ in range(4)]
        campaigns = [
            Launched(number, dice.choice(["Order Completed", "Store Visited"]), at, at + timedelta(hours=40))
            for number, at in enumerate(starts, 1)
        ]
        arms = [(dice.randrange(12), dice.randrange(1, 5), dice.choice(["treated", "control"])) for _ in range(40)]
        asked = succeeded(pl.LazyFrame(events, schema=SEEN, orient="row"), campaigns, verified={"Order Completed"})
        found = {*converted(asked, pl.LazyFrame(arms, schema=ARMS, orient="row")).collect().iter_rows()}
        assert found == set().union(*(reference(events, arms, one) for one in campaigns))
        told += len(found)
    assert told


def test_no_campaigns_have_no_successes() -> None:
    assert succeeded(pl.LazyFrame(schema=SEEN), []).collect().is_empty()
