"""The ledger of some customers, asked by statements of their own, is what the statements about everyone tell of them."""

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import asyncpg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from backend.store import rule_facts as store
from backend.store import text_copy

NOW = datetime(2026, 5, 1, tzinfo=UTC)
_PEOPLE = """INSERT INTO campaign_people
    (campaign_id, customer_id, occurrence, arm, planned_at, not_before, expires_at, changed_at)
    VALUES ($1, $2, $3, $4, $5, $5, $5, $5) ON CONFLICT DO NOTHING"""
_PUSH = """INSERT INTO deliveries
    (campaign_id, customer_id, device_id, occurrence, state, expires_at, sent_at, changed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $6, $6) ON CONFLICT DO NOTHING"""


async def test_some_customers_are_told_what_everyone_is(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_copy, "PIECE", 300)  # bytes: a few rows at a time
    dice = random.Random(3)
    at = [NOW - timedelta(microseconds=dice.randrange(10**12)) for _ in range(400)]
    who = [(dice.randrange(1, 5), dice.randrange(1, 60)) for _ in at]
    people = [
        (*one, dice.randrange(3), dice.choice(["treated", "control", None]), moment)
        for one, moment in zip(who, at, strict=True)
    ]
    states = ["accepted", "accepted", "rejected", "unknown"]
    pushes = [
        (*one, dice.randrange(1, 4), dice.randrange(3), dice.choice(states), moment)
        for one, moment in zip(who, at, strict=True)
    ]
    asked, campaigns = dice.sample(range(1, 80), 40), [1, 3, 4]
    async with pool.acquire() as connection:
        await connection.executemany(_PEOPLE, people)
        await connection.executemany(_PUSH, pushes)
        for which in (campaigns, None):
            everyone = await handed(partial(store.hand_received, connection, campaigns=which))
            same(everyone, await store.list_received(connection, campaigns=which, customers=asked), asked)
        last = await handed(partial(store.hand_last_pushes, connection))
        same(last, await store.list_last_pushes(connection, customers=asked), asked)
        arms = await handed(partial(store.hand_arms, connection, campaigns=campaigns))
        same(arms, await store.list_arms(connection, campaigns=campaigns, customers=asked), asked)
        assert (await store.list_last_pushes(connection, customers=[])).schema == last.schema


async def handed(hand: Callable[..., Awaitable[None]]) -> pl.DataFrame:
    """All rows, of which none came with too many others."""
    pieces: list[pl.DataFrame] = []
    await hand(to=pieces.append)
    assert len(pieces) > 3
    return pl.concat(pieces)


def same(everyone: pl.DataFrame, some: pl.DataFrame, asked: list[int]) -> None:
    """Of those who were asked about, the same rows; there are some, and others."""
    own = everyone.filter(pl.col("customer_id").is_in(asked))
    assert 0 < own.height < everyone.height
    assert_frame_equal(some, own, check_row_order=False)
