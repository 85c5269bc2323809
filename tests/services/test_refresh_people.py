"""People as the refresh keeps them: identities, devices, consents, traits, timeline; a public key gains nothing."""

from datetime import timedelta
from pathlib import Path

import asyncpg
import polars as pl
import pytest

from tests.services.refreshing import NOW, Shop, identify, opened, order, track


@pytest.fixture
def shop(pool: asyncpg.Pool, tmp_path: Path) -> Shop:
    return Shop(pool, tmp_path)


@pytest.mark.parametrize("batches", ["one", "two"])
async def test_a_stranger_with_the_public_key_never_gets_the_victims_pushes(shop: Shop, batches: str) -> None:
    await shop.send("app", identify(user="victim", anonymous="a-victim", token="own", push_consent=True))
    if batches == "two":
        await shop.refresh.run_once()
    await shop.send(
        "app",
        opened(anonymous="a-stranger", token="evil"),
        identify(user="victim", anonymous="a-stranger", token="evil"),
        opened(user="victim", token="evil"),
        {"type": "alias", "userId": "victim", "previousId": "a-stranger", "context": {"device": {"token": "evil"}}},
    )
    await shop.refresh.run_once()
    assert await shop.device("own") == ("victim", "live")
    assert await shop.device("evil") == ("victim", "unproven")


async def test_a_public_key_never_merges_two_members_and_the_shop_may(shop: Shop) -> None:
    await shop.send("app", identify(user="victim", anonymous="a1"), identify(user="stranger", anonymous="a2"))
    await shop.send("app", {"type": "alias", "userId": "stranger", "previousId": "victim"})
    await shop.send("app", identify(user="stranger", anonymous="a1"))
    await shop.refresh.run_once()
    assert await shop.pool.fetchval("SELECT count(*) FROM customers WHERE merged_into IS NULL") == 2
    await shop.send("server", {"type": "alias", "userId": "stranger", "previousId": "victim"})
    await shop.refresh.run_once()
    assert await shop.pool.fetchval("SELECT count(*) FROM customers WHERE merged_into IS NULL") == 1


async def test_merged_histories_are_counted_as_one_and_the_merged_row_goes(shop: Shop) -> None:
    await shop.send("server", order("o1", 100, user="u1"), order("o2", 200, user="u2"))
    await shop.refresh.run_once()
    await shop.send("server", {"type": "alias", "userId": "u1", "previousId": "u2"})
    await shop.refresh.run_once()
    row = await shop.row("u1")
    assert (row["orders"], row["spend"]) == (2, 300)
    assert (await shop.row("u2"))["customer_id"] == row["customer_id"]
    assert shop.frame.read().customers == 1


async def test_an_anonymous_visitors_history_follows_him(shop: Shop) -> None:
    await shop.send("server", order("o1", 100, user="u1"))
    await shop.send("app", opened(anonymous="a1"), opened(anonymous="a1"))
    await shop.refresh.run_once()
    await shop.send("app", identify(user="u1", anonymous="a1"))
    await shop.refresh.run_once()
    row = await shop.row("u1")
    assert (row["orders"], row["launches"]) == (1, 2)
    assert shop.frame.read().customers == 1


async def test_a_proof_that_comes_later_makes_the_phone_live(shop: Shop) -> None:
    await shop.send("server", identify(user="u1", push_consent=True))
    await shop.send("app", identify(user="u1", anonymous="a1", token="t1"))
    await shop.refresh.run_once()
    assert (await shop.row("u1"))["reachable"] is False
    await shop.send("server", identify(user="u1", anonymous="a1"))
    await shop.refresh.run_once()
    assert await shop.device("t1") == ("u1", "live")
    assert (await shop.row("u1"))["reachable"] is True


async def test_a_phone_that_changes_hands_stops_reaching_the_first_member(shop: Shop) -> None:
    await shop.send("app", identify(user="u1", anonymous="a1", token="t1", push_consent=True))
    await shop.refresh.run_once()
    await shop.send("app", opened(anonymous="a2", token="t1"))
    await shop.refresh.run_once()
    assert (await shop.row("u1"))["reachable"] is False


async def test_a_device_retired_while_a_batch_is_on_its_way_stays_retired(shop: Shop) -> None:
    await shop.send("app", opened(user="u1", anonymous="a1", token="t1"))
    await shop.refresh.run_once()
    await shop.pool.execute("UPDATE devices SET state = 'retired'")
    await shop.send("app", opened(user="u1", anonymous="a1", token="t1"), at=NOW + timedelta(days=1))
    await shop.refresh.run_once()
    assert await shop.device("t1") == ("u1", "retired")


async def test_permission_denied_on_every_phone_makes_a_member_unreachable(shop: Shop) -> None:
    await shop.send("app", identify(user="u1", anonymous="a1", token="t1", push_consent=True))
    denied = {"device": {"token": "t1", "permission": "denied"}}
    await shop.send("app", track("Application Opened", user="u1", anonymous="a1", context=denied))
    await shop.refresh.run_once()
    row = await shop.row("u1")
    assert (row["has_address"], row["consented"], row["reachable"]) == (True, True, False)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("together", [False, True])
async def test_the_later_word_on_consent_stands(shop: Shop, reverse: bool, together: bool) -> None:
    words = [(NOW - timedelta(hours=2), True), (NOW - timedelta(hours=1), False)]
    for at, granted in reversed(words) if reverse else words:
        await shop.send("app", track("Consent Changed", user="u1", anonymous="a1", granted=granted), at=at)
        if not together:
            await shop.refresh.run_once()
    await shop.refresh.run_once()
    assert await shop.pool.fetchval("SELECT granted FROM consents") is False


@pytest.mark.parametrize("reverse", [False, True])
async def test_the_later_trait_stands(shop: Shop, reverse: bool) -> None:
    words = [(NOW - timedelta(hours=2), "大阪府"), (NOW - timedelta(hours=1), "東京都")]
    for at, prefecture in reversed(words) if reverse else words:
        await shop.send("app", identify(user="u1", prefecture=prefecture), at=at)
        await shop.refresh.run_once()
    assert (await shop.row("u1"))["prefecture"] == "東京都"


async def test_a_merged_customers_words_count_for_the_survivor(shop: Shop) -> None:
    await shop.send("app", identify(anonymous="a1", push_consent=True, gender="female", prefecture="大阪府"))
    await shop.refresh.run_once()
    await shop.send("server", identify(user="u1", prefecture="東京都"), at=NOW + timedelta(minutes=1))
    await shop.send("app", identify(user="u1", anonymous="a1"))
    await shop.refresh.run_once()
    row = await shop.row("u1")
    assert (row["consented"], row["gender"], row["prefecture"]) == (True, "female", "東京都")


async def test_the_timeline_finds_each_event_once(shop: Shop) -> None:
    await shop.send("server", *(order(f"o{n}", 100, user="u1") for n in range(3)), order("o9", 1, user="u2"))
    await shop.refresh.run_once()
    found = await shop.pool.fetch(
        "SELECT e.user_id FROM customer_timeline AS t JOIN event_log AS e USING (received_day, seq) ORDER BY t.seq"
    )
    assert [row["user_id"] for row in found] == ["u1", "u1", "u1", "u2"]


async def test_the_shops_word_is_remembered_and_joren_s_own_facts_are_not_its_word(shop: Shop) -> None:
    await shop.send("server", order("o1", 100, user="u1"))
    await shop.send("app", opened(user="u2"))
    await shop.send("system", track("Push Address Retired", user="u2", device_key=77))
    await shop.refresh.run_once()
    known = {row["user_id"]: row["known_to_shop"] for row in await shop.pool.fetch("SELECT * FROM customers")}
    assert known == {"u1": True, "u2": False}
    retired = shop.lake.events().filter(pl.col("event") == "Push Address Retired").collect()
    assert retired.get_column("device_key").to_list() == [77]
