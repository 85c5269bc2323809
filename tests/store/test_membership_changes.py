"""Changes packed by customer are told as if each were a row: by number, segment, customer and moment, through erasure and forgetting."""

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import asyncpg
import numpy as np
import pytest

from backend.store import erasures, queries, triggers
from backend.store import memberships as store
from backend.store.pool import Connection
from backend.store.schema import _SCRIPTS

START = datetime(2026, 6, 1, tzinfo=UTC)
PEOPLE, SEGMENTS = range(1, 9), range(1, 6)


@dataclass(frozen=True)
class Plain:
    """One change as a row of its own."""

    change_id: int
    segment_id: int
    version: int
    customer_id: int
    at: datetime
    entered: bool
    cause: str


async def customers(connection: Connection) -> None:
    for who in PEOPLE:
        await connection.execute(
            "INSERT INTO customers (customer_id, created_at, born_source_id) OVERRIDING SYSTEM VALUE VALUES ($1, now(), 1)",
            who,
        )


async def noted(connection: Connection, dice: random.Random, at: datetime, kept: list[Plain]) -> None:
    """A round of changes, written to both."""
    runs = []
    for cause in dice.sample(["facts", "time", "rule", "merge"], dice.randint(1, 2)):
        for segment in dice.sample(SEGMENTS, dice.randint(1, 5)):
            who = sorted(dice.sample(PEOPLE, dice.randint(1, 5)))
            entered = np.array([dice.random() < 0.5 for _ in who])
            runs.append(store.Run(segment, dice.randint(1, 3), cause, np.array(who), entered))
    await store.add_changes(connection, runs=runs, at=at)
    for cause in dict.fromkeys(run.cause for run in runs):
        for who in PEOPLE:
            for run in (run for run in runs if run.cause == cause and who in run.customers):
                number = kept[-1].change_id + 1 if kept else 1
                entered = bool(run.entered[run.customers == who][0])
                kept.append(Plain(number, run.segment_id, run.version, who, at, entered, cause))


def plain(rows: list[asyncpg.Record]) -> list[Plain]:
    return [Plain(**{name: row[name] for name in Plain.__dataclass_fields__}) for row in rows]


async def agree(connection: Connection, kept: list[Plain], dice: random.Random) -> None:
    """Every question is answered as it is of rows."""
    newest = await store.last_change(connection)
    for _ in range(8):
        after, limit, segment = dice.randint(0, newest), dice.randint(1, 9), dice.choice(SEGMENTS)
        own = [one for one in kept if one.segment_id == segment]
        told = await store.list_changes(connection, after=after, segment_id=None, limit=limit)
        assert plain(told) == [one for one in kept if one.change_id > after][:limit]
        told = await store.list_changes(connection, after=after, segment_id=segment, limit=limit)
        assert plain(told) == [one for one in own if one.change_id > after][:limit]
        told = await store.list_latest_changes(connection, segment_id=segment, before=after, limit=limit)
        assert plain(told) == [one for one in reversed(own) if one.change_id < after][:limit]
        upto = min(newest, after + dice.randint(0, 40))
        read = await triggers.read_changes(connection, after=after, upto=upto, segment_ids={segment, 1}, limit=limit)
        assert [row["change_id"] for row in read] == [
            one.change_id
            for one in kept
            if after < one.change_id <= upto and one.segment_id in {segment, 1} and one.cause in ("facts", "time")
        ][:limit]
        moment = START + timedelta(days=dice.randint(0, 8))
        first = {one.customer_id: one.entered for one in reversed(own) if one.at > moment}
        assert await store.first_turns(connection, segment_id=segment, after=moment) == first
        turns = await triggers.read_turns(connection, segment_id=segment, since=moment)
        assert [(row["customer_id"], row["entered"]) for row in turns] == [
            (one.customer_id, one.entered) for one in own if one.at >= moment
        ]
        entries = await store.list_entries(connection, segment_id=segment, customer_ids=[1, 2, 3])
        last = {one.customer_id: (one.at, one.version) for one in own if one.entered and one.customer_id < 4}
        assert {who: (row["at"], row["version"]) for who, row in entries.items()} == last


@pytest.mark.parametrize("seed", range(3))
async def test_packed_changes_are_told_as_rows(pool: asyncpg.Pool, seed: int) -> None:
    dice, kept = random.Random(seed), list[Plain]()
    async with pool.acquire() as connection:
        await customers(connection)
        for day in range(8):
            await noted(connection, dice, START + timedelta(days=day), kept)
        await agree(connection, kept, dice)
        await connection.execute(queries.load("erasures")["delete_memberships"], [2, 5])
        kept = [one for one in kept if one.customer_id not in (2, 5)]
        await agree(connection, kept, dice)
        before = START + timedelta(days=3)
        gone, more = await store.forget_changes(connection, before=before)
        assert (gone, more) == (sum(one.at < before for one in kept), False)
        kept = [one for one in kept if one.at >= before]
        await agree(connection, kept, dice)
        newest = await store.last_change(connection)
        await store.forget_changes(connection, before=START + timedelta(days=99))
        assert await store.last_change(connection) == newest, "no number is given out twice"
        told = await erasures.disclose(connection, customer_ids=[1], survivor=1, limit=9)
        assert told["segments"] == []


async def test_an_upgrade_keeps_every_change_under_its_number(pool: asyncpg.Pool) -> None:
    """The statements of the migration over a filled table of before; numbers of erased changes are not given out again."""
    before = (_SCRIPTS / "versions" / "0004_facts.sql").read_text(encoding="utf-8")
    table = before[before.index("CREATE TABLE segment_changes") : before.index("CREATE TABLE segment_days")]
    upgrade = (_SCRIPTS / "versions" / "0007_customer_turns.sql").read_text(encoding="utf-8")
    async with pool.acquire() as connection:
        await connection.execute("DROP VIEW segment_changes; DROP TABLE customer_turns")
        await connection.execute("ALTER TABLE membership_writer DROP last_change")
        await connection.execute(table)
        await customers(connection)
        dice = random.Random(4)
        kept = [
            Plain(
                n, n % 5 + 1, n % 2 + 1, 1 + n // 4 % 8, START + timedelta(hours=n // 60), dice.random() < 0.5, "facts"
            )
            for n in range(1, 400)
        ]
        for one in kept:
            await connection.execute(
                """INSERT INTO segment_changes (segment_id, version, customer_id, at, entered, cause)
                   VALUES ($1, $2, $3, $4, $5, $6)""",
                one.segment_id, one.version, one.customer_id, one.at, one.entered, one.cause,
            )  # fmt: skip
        gone = {1, 7, 8, 150, 399}
        await connection.execute("DELETE FROM segment_changes WHERE change_id = ANY ($1::bigint[])", [*gone])
        kept = [one for one in kept if one.change_id not in gone]
        await connection.execute(upgrade)
        assert await store.last_change(connection) == 399
        assert plain(await store.list_changes(connection, after=0, segment_id=None, limit=1000)) == kept
        assert await connection.fetchval("SELECT count(*) FROM customer_turns") < len(kept) / 3
        await agree(connection, kept, dice)
        run = store.Run(1, 1, "time", np.array([1]), np.array([True]))
        await store.add_changes(connection, runs=[run], at=START)
        newest = (await store.list_changes(connection, after=399, segment_id=None, limit=9))[0]
        assert plain([newest]) == [replace(kept[0], change_id=400, segment_id=1, version=1, customer_id=1, at=START, entered=True, cause="time")]  # fmt: skip
