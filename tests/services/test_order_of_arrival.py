"""The same events in another order, twice, over several refreshes: the same people with the same history, devices and words.

The pure half is tests/segments/test_identity_order.py; here it goes through the log, PostgreSQL, the lake and the frame.
"""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import polars as pl
import pytest

from tests.services.refreshing import NOW, Shop, identify, opened, order, track


def story() -> list[tuple[str, dict[str, Any]]]:
    """Two members and a visitor share a phone, one has a second one, two accounts are made one, words are taken back."""
    calls: list[tuple[str, dict[str, Any]]] = [
        ("app", opened(anonymous="a1", token="t1")),
        ("app", identify(user="u1", anonymous="a1", token="t1", prefecture="大阪府")),
        ("app", opened(user="u1", anonymous="a1", token="t1")),
        ("app", opened(anonymous="a1")),
        ("app", track("Signed Out", user="u1", anonymous="a1", context={"device": {"token": "t1"}})),
        ("app", opened(user="u2", anonymous="a1", token="t1")),
        ("app", identify(anonymous="a3", gender="female", push_consent=True)),
        ("app", opened(user="u1", anonymous="a3", token="t3")),
        ("server", order("o1", 100, user="u1")),
        ("server", order("o2", 200, user="u3")),
        ("server", identify(user="u1", anonymous="a1")),
        ("server", identify(user="u1", anonymous="a3", push_consent=False)),
        ("server", identify(user="u2", anonymous="a1")),
        ("server", {"type": "alias", "userId": "u1", "previousId": "u3"}),
        ("server", identify(user="u3", prefecture="東京都")),
        ("server", track("Consent Changed", user="u2", granted=True, source="店頭")),
        ("app", opened(anonymous="a2", token="t2")),
    ]
    return [
        (kind, {**call, "messageId": f"m{minute}", "timestamp": (NOW - timedelta(days=1, minutes=-minute)).isoformat()})
        for minute, (kind, call) in enumerate(calls)
    ]


async def tell(shop: Shop, calls: list[tuple[str, dict[str, Any]]], chance: random.Random | None) -> None:
    for kind, call in calls:
        await shop.send(kind, call)
        if chance is not None and chance.random() < 0.3:
            await shop.refresh.run_once()
    await shop.refresh.run_until_current()


async def outcome(shop: Shop) -> dict[str, Any]:
    """What is true afterwards, people called by their ids."""
    people: dict[int, list[str]] = {}
    for row in await shop.pool.fetch("SELECT customer_id, kind, value FROM identities ORDER BY kind, value"):
        people.setdefault(row["customer_id"], []).append(f"{row['kind']} {row['value']}")
    names = {number: ", ".join(ids) for number, ids in people.items()}
    frame = (
        shop.frame.read().frame.select("customer_id", "orders", "spend", "launches", "gender", "prefecture").collect()
    )
    devices = await shop.pool.fetch("SELECT address, customer_id, state, last_seen FROM devices")
    consents = await shop.pool.fetch("SELECT customer_id, purpose, channel, granted, origin FROM consents")
    words = await shop.pool.fetch("SELECT granted, said_at FROM consent_words ORDER BY said_at")
    traits = await shop.pool.fetch("SELECT customer_id, traits FROM customers WHERE merged_into IS NULL")
    return {
        "people": sorted(names.values()),
        "history": sorted((names[row[0]], *row[1:]) for row in frame.iter_rows()),
        "devices": sorted((row[0], names[row[1]], *row[2:]) for row in devices),
        "consents": sorted((names[row[0]], *row[1:]) for row in consents),
        "words": [tuple(row) for row in words],
        "traits": {names[row[0]]: row[1] for row in traits},
    }


@pytest.fixture
def shop(pool: asyncpg.Pool, tmp_path: Path) -> Shop:
    return Shop(pool, tmp_path)


def check(found: dict[str, Any]) -> None:
    member = "anonymous a1, anonymous a3, anonymous u3, user u1, user u3"
    start = NOW - timedelta(days=1)
    assert found["people"] == [member, "anonymous a2", "user u2"]
    assert found["history"] == [
        (member, 2, 300, 4, "female", "東京都"),
        ("anonymous a2", 0, 0, 1, None, None),
        ("user u2", 0, 0, 1, None, None),
    ]
    assert found["devices"] == [
        ("t1", "user u2", "live", start + timedelta(minutes=5)),
        ("t2", "anonymous a2", "live", start + timedelta(minutes=16)),
        ("t3", member, "live", start + timedelta(minutes=7)),
    ]
    assert found["consents"] == [
        (member, "marketing", "push", False, None),
        ("user u2", "marketing", "push", True, "店頭"),
    ]
    assert [granted for granted, _ in found["words"]] == [True, False, True]
    assert found["traits"] == {"anonymous a2": {}, member: {"gender": "female", "prefecture": "東京都"}, "user u2": {}}


async def test_events_in_the_order_in_which_they_happened(shop: Shop) -> None:
    await tell(shop, story(), None)
    check(await outcome(shop))


@pytest.mark.parametrize("seed", range(2))
async def test_events_in_any_order_and_twice(shop: Shop, seed: int) -> None:
    await shuffled(shop, seed)


@pytest.mark.prove
@pytest.mark.parametrize("seed", [2, 3, *range(100, 160)])
async def test_events_in_any_order_and_twice_at_length(shop: Shop, seed: int) -> None:
    await shuffled(shop, seed)


async def shuffled(shop: Shop, seed: int) -> None:
    chance = random.Random(seed)
    calls = [*story(), *chance.choices(story(), k=6)]
    chance.shuffle(calls)
    await tell(shop, calls, chance)
    check(await outcome(shop))
    assert shop.counted() == len(story())


async def test_a_visitors_words_go_along_to_whom_he_turns_out_to_be(shop: Shop) -> None:
    said = identify(anonymous="a1", prefecture="大阪府", push_consent=True)
    await shop.send("app", said, track("Product Viewed", anonymous="a1", category="tea"), at=NOW - timedelta(hours=4))
    await shop.send("app", identify(user="u2", anonymous="a1"), at=NOW - timedelta(hours=2))
    await shop.refresh.run_once()
    row = await shop.row("u2")
    assert (row["prefecture"], row["consented"]) == ("大阪府", True)
    await shop.send("app", identify(user="u1", anonymous="a1"), at=NOW - timedelta(hours=3))
    await shop.refresh.run_once()
    first, second = await shop.row("u1"), await shop.row("u2")
    assert (first["prefecture"], first["consented"], second["prefecture"], second["consented"]) == (
        "大阪府",
        True,
        None,
        False,
    )
    lake = shop.lake.events().filter(pl.col("event") == "Product Viewed").collect()
    timeline = await shop.pool.fetchval(
        "SELECT count(DISTINCT customer_id) FROM customer_timeline WHERE seq = $1", lake["seq"][0]
    )
    assert (lake.height, timeline) == (1, 1)


async def test_a_merge_moves_history_without_rewriting_it(shop: Shop) -> None:
    await shop.send("server", order("o1", 100, user="u1"), order("o2", 200, user="u2"))
    await shop.refresh.run_once()
    before = shop.lake.events().sort("seq").collect()
    await shop.send("server", {"type": "alias", "userId": "u1", "previousId": "u2"})
    await shop.refresh.run_once()
    after = shop.lake.events().sort("seq").collect()
    assert after.head(2).equals(before)
    row = await shop.row("u1")
    assert (row["orders"], row["spend"], shop.frame.read().customers) == (2, 300, 1)


async def test_a_new_address_of_the_same_installation_replaces_the_old_one(shop: Shop) -> None:
    for minute, token in ((0, "old"), (1, "new")):
        context = {"device": {"token": token, "id": "d1"}, "app": {"version": f"1.{minute}"}, "timezone": "Asia/Tokyo"}
        call = track("Application Opened", user="u1", anonymous="a1", context=context)
        await shop.send("app", call, at=NOW - timedelta(minutes=9 - minute))
        await shop.refresh.run_once()
    assert (await shop.device("old"), await shop.device("new")) == (("u1", "replaced"), ("u1", "live"))
    fid = {"device": {"fid": "installation", "id": "d1", "permission": "denied"}}
    await shop.send("app", track("Application Opened", user="u1", anonymous="a1", context=fid))
    await shop.refresh.run_once()
    assert [await shop.device(each) for each in ("old", "new", "installation")] == [
        ("u1", "replaced"),
        ("u1", "replaced"),
        ("u1", "live"),
    ]
    kind = await shop.pool.fetchrow("SELECT address_kind, permission FROM devices WHERE address = 'installation'")
    assert kind is not None
    assert tuple(kind) == ("fid", "denied")


async def test_a_wrong_clock_gets_no_last_word_on_consent(shop: Shop) -> None:
    await shop.send(
        "app", track("Consent Changed", user="u1", anonymous="a1", granted=True), at=NOW + timedelta(hours=20)
    )
    await shop.refresh.run_once()
    shop.pass_time(timedelta(hours=1))
    await shop.send("server", track("Consent Changed", user="u1", granted=False), at=NOW + timedelta(hours=1))
    await shop.refresh.run_once()
    assert await shop.pool.fetchval("SELECT granted FROM consents") is False
