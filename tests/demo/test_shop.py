"""The simulated shop keeps the promises that its documentation makes."""

import json
from datetime import date, timedelta

import polars as pl
import pytest

from backend.demo.generator import blocks, events
from backend.demo.shop import RANKS, THANKS_COUPON, ShopConfig, coupons, stores
from segments.events import BY_NAME

SMALL = ShopConfig(last=date(2026, 3, 31), members=3_000)


@pytest.fixture(scope="module")
def shop() -> pl.DataFrame:
    [block] = blocks(SMALL)
    return block.with_columns(
        pl.col("occurred_at").dt.convert_time_zone("Asia/Tokyo").dt.date().alias("day"),
    ).unique("message_id", keep="first", maintain_order=True)


def of(shop: pl.DataFrame, event: str) -> pl.DataFrame:
    return shop.filter(pl.col("event") == event)


def properties(frame: pl.DataFrame) -> list[dict[str, object]]:
    return [json.loads(payload)["properties"] for payload in frame["payload"]]


def purchase_days(shop: pl.DataFrame) -> pl.DataFrame:
    days = of(shop, "Order Completed").select("member", "day").unique().sort("member", "day")
    return days.group_by("member").agg(
        pl.len().alias("days"),
        pl.col("day").first().alias("first"),
        pl.col("day").get(1, null_on_oob=True).alias("second"),
    )


def assert_promised_rates(shop: pl.DataFrame, config: ShopConfig) -> None:
    buyers = purchase_days(shop)
    assert 0.35 <= (buyers["days"] >= 2).mean() <= 0.45
    elapsed = buyers.filter(pl.col("first") + timedelta(days=60) <= config.last)
    soon = (elapsed["second"] - elapsed["first"]).dt.total_days().fill_null(10_000) <= 60
    assert 0.20 <= soon.mean() <= 0.30
    consented = of(shop, "Consent Changed").sort("occurred_at").group_by("member").agg(pl.col("payload").last())
    granted = [json.loads(payload)["properties"]["granted"] for payload in consented["payload"]]
    assert 0.60 <= sum(granted) / len(granted) <= 0.70


def test_people_come_back_as_often_as_promised(shop: pl.DataFrame) -> None:
    assert_promised_rates(shop, SMALL)


def test_the_same_configuration_gives_the_same_bytes_and_another_seed_does_not() -> None:
    config = ShopConfig(last=date(2026, 3, 31), members=60)
    once, again = list(events(config)), list(events(config))
    other = list(events(ShopConfig(last=date(2026, 3, 31), members=60, seed=2)))
    assert once == again
    assert once != other


def test_a_member_does_not_depend_on_how_many_others_there_are() -> None:
    [few] = blocks(ShopConfig(last=date(2026, 3, 31), members=40))
    [more] = blocks(ShopConfig(last=date(2026, 3, 31), members=80))
    assert few.equals(more.filter(pl.col("member") < 40))


def test_every_event_is_known_and_carries_what_it_must(shop: pl.DataFrame) -> None:
    for (name,), group in shop.filter(pl.col("event").is_not_null()).group_by("event"):
        required = {each.name for each in BY_NAME[str(name)].properties if each.required}
        for payload in group["payload"].head(50):
            assert required <= json.loads(payload).get("properties", {}).keys()


def test_the_payload_says_what_the_columns_say(shop: pl.DataFrame) -> None:
    for row in shop.sample(500, seed=4).iter_rows(named=True):
        event = json.loads(row["payload"])
        assert (event["messageId"], event["userId"]) == (row["message_id"], row["user_id"])
        assert event.get("anonymousId") == row["anonymous_id"]
        assert event["timestamp"] == f"{row['occurred_at']:%Y-%m-%dT%H:%M:%SZ}"


def test_nothing_lies_outside_the_period_but_what_follows_an_evening(shop: pl.DataFrame) -> None:
    assert shop["day"].min() >= SMALL.first - timedelta(days=1)
    assert shop["day"].max() <= SMALL.today


def test_some_events_come_late_and_some_twice() -> None:
    [block] = blocks(SMALL)
    repeated = len(block) - block["message_id"].n_unique()
    assert 0.002 * len(block) < repeated < 0.006 * len(block)
    behind = block["occurred_at"].cum_max() - block["occurred_at"]
    assert 0.003 * len(block) < (behind > timedelta(hours=6)).sum() < 0.05 * len(block)


def test_coupons_pass_through_all_five_stages_in_order(shop: pl.DataFrame) -> None:
    stages = ("Coupon Issued", "Coupon Viewed", "Coupon Presented", "Coupon Redeemed")
    times = [
        of(shop, stage).with_columns(coupon=pl.Series([each["coupon_id"] for each in properties(of(shop, stage))]))
        .select("member", "coupon", pl.col("occurred_at").alias(stage))
        for stage in stages
    ]  # fmt: skip
    whole = times[0].join(times[1], on=["member", "coupon"]).join(times[2], on=["member", "coupon"])
    whole = whole.join(times[3], on=["member", "coupon"])
    assert len(whole) > 100
    assert whole.filter(
        (pl.col(stages[0]) < pl.col(stages[1]))
        & (pl.col(stages[1]) < pl.col(stages[2]))
        & (pl.col(stages[2]) < pl.col(stages[3]))
    ).equals(whole)
    known = {each.coupon_id: each for each in coupons(SMALL)}
    for row in times[3].join(shop.select("member", "day", "occurred_at"), left_on=["member", stages[3]], right_on=["member", "occurred_at"]).iter_rows(named=True):  # fmt: skip
        assert known[row["coupon"]].valid_from <= row["day"] <= known[row["coupon"]].valid_until
    assert len(of(shop, "Coupon Expired")) > 100


def test_ranks_move_up_and_down_and_a_change_follows_the_one_before(shop: pl.DataFrame) -> None:
    changes = of(shop, "Membership Rank Changed").sort("member", "occurred_at")
    said = properties(changes)
    current: dict[int, object] = {}
    moves = set()
    for member, change in zip(changes["member"], said, strict=True):
        assert change.get("previous_rank") == current.get(member)
        if member in current:
            moves.add(RANKS.index(str(change["rank"])) > RANKS.index(str(current[member])))
        current[member] = change["rank"]
    assert moves == {True, False}
    assert set(current.values()) == set(RANKS)


def test_points_are_never_overdrawn(shop: pl.DataFrame) -> None:
    balance: dict[int, int] = {}
    both = shop.filter(pl.col("event").is_in(["Points Earned", "Points Spent"])).sort("member", "occurred_at")
    for member, event, each in zip(both["member"], both["event"], properties(both), strict=True):
        sign = 1 if event == "Points Earned" else -1
        balance[member] = balance.get(member, 0) + sign * int(str(each["points"]))
        assert balance[member] >= 0
    assert "Points Spent" in both["event"]


def test_weekends_and_december_are_busy() -> None:
    [block] = blocks(ShopConfig(last=date(2026, 1, 31), members=4_000))
    days = of(block, "Order Completed").select(
        pl.col("occurred_at").dt.convert_time_zone("Asia/Tokyo").dt.date().alias("day")
    )
    by_weekday = dict(days["day"].dt.weekday().value_counts().iter_rows())
    assert by_weekday[6] > 1.3 * by_weekday[2]


@pytest.mark.parametrize("last", [date(2026, 2, 28), date(2026, 6, 1), date(2026, 11, 21), date(2027, 1, 1)])
def test_the_two_seeded_members_are_who_the_phone_pages_need(last: date) -> None:
    config = ShopConfig(last=last, members=2)
    [block] = blocks(config)
    local = block.with_columns(pl.col("occurred_at").dt.convert_time_zone("Asia/Tokyo").dt.date().alias("day"))
    regular, single = (local.filter(pl.col("member") == number) for number in (0, 1))
    assert of(single, "Order Completed")["day"].to_list() == [config.today - timedelta(days=40)]
    assert len(of(regular, "Order Completed").unique("message_id")) > 20
    assert of(regular, "Order Completed")["day"].max() >= config.today - timedelta(days=2)
    ranks = properties(of(regular, "Membership Rank Changed").sort("occurred_at"))
    assert ranks[-1]["rank"] == "ゴールド"
    issued = {each["coupon_id"] for each in properties(of(regular, "Coupon Issued"))}
    redeemed = {each["coupon_id"] for each in properties(of(regular, "Coupon Redeemed"))}
    assert THANKS_COUPON in issued - redeemed
    for member in (regular, single):
        consent = properties(of(member, "Consent Changed").sort("occurred_at"))
        assert consent[-1]["granted"] is True
        assert '"permission":"granted"' in of(member, "Application Installed")["payload"].item(0)


def test_there_are_forty_stores_and_every_coupon_has_its_dates() -> None:
    assert len({store.store_id for store in stores()}) == 40
    found = coupons(SMALL)
    assert len({each.coupon_id for each in found}) == len(found)
    assert all(each.valid_from <= each.valid_until for each in found)


@pytest.mark.prove
def test_the_shop_of_the_demo_keeps_every_promise_at_its_full_size() -> None:
    config = ShopConfig(last=date(2026, 3, 31))
    [block] = blocks(config)
    assert 800_000 <= len(block) <= 1_300_000
    assert block["member"].n_unique() == 20_000
    once = block.unique("message_id", keep="first", maintain_order=True)
    assert_promised_rates(
        once.with_columns(pl.col("occurred_at").dt.convert_time_zone("Asia/Tokyo").dt.date().alias("day")), config
    )
