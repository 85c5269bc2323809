"""Of many at once the database is read as of one by one: whoever they are, however few or many are asked for."""

from datetime import timedelta
from random import Random
from typing import Any

import asyncpg
import polars as pl
import pytest

from backend.store import entries, standing
from backend.store.standing import Asked
from campaigns.campaign import Priority
from campaigns.terms import ConsentRule, SendingRules, Terms
from tests.fixtures.shop_floor import NOON

PEOPLE = 240
EVERYTHING = Asked(language=True, zone=True, family_name=True, given_name=True)
ZONES, LOCALES = (None, "", "Asia/Tokyo", "America/New_York"), (None, "", "ja-JP", "en")


def traits(drawn: Random) -> dict[str, str]:
    names = ("family_name", "last_name", "lastName", "given_name", "firstName", "language", "locale", "timezone", "time_zone")  # fmt: skip
    return {name: drawn.choice(("", "x", "Europe/London", "en")) for name in names if drawn.random() < 0.25}


async def filled(pool: asyncpg.Pool, seed: int) -> None:
    """People of every kind: merged, erased, with words, phones that differ, pushes, and on lists."""
    drawn = Random(seed)
    await pool.executemany(
        "INSERT INTO customers (user_id, created_at, born_source_id, traits, erased_at) VALUES ($1, $2, 1, $3, $4)",
        [(f"u{n}", NOON, traits(drawn), NOON if drawn.random() < 0.05 else None) for n in range(PEOPLE)],
    )
    everyone = range(1, PEOPLE + 1)
    await pool.executemany(
        "UPDATE customers SET merged_into = $2 WHERE customer_id = $1",
        [(n, n - 1) for n in everyone if n % 9 == 0],
    )
    await pool.executemany(
        "INSERT INTO consents (customer_id, purpose, channel, granted, source_id, changed_at) VALUES ($1, $2, $3, $4, 1, $5)",
        [(n, purpose, channel, drawn.random() < 0.5, NOON) for n in everyone for purpose in ("marketing", "service")
         for channel in ("push", "mail") if drawn.random() < 0.5],
    )  # fmt: skip
    await pool.executemany(
        """INSERT INTO devices (address, address_kind, customer_id, source_id, state, permission, first_seen, last_seen, locale, time_zone)
           VALUES ($1, 'token', $2, 1, $3, $4, $5, $5, $6, $7)""",
        [(f"a{n}-{k}", n, drawn.choice(("live", "live", "retired")), drawn.choice(("granted", "unknown", "denied")),
          NOON - timedelta(days=drawn.randrange(3)), drawn.choice(LOCALES), drawn.choice(ZONES))
         for n in everyone for k in range(drawn.randrange(4))],
    )  # fmt: skip
    await pool.executemany(
        """INSERT INTO deliveries (customer_id, campaign_id, occurrence, step, device_id, priority, state, sent_at, expires_at, changed_at)
           VALUES ($1, $2, $3, $4, $5, $6, 'accepted', $7, $8, $8)""",
        [(n, drawn.randrange(1, 3), drawn.randrange(2), drawn.randrange(2), k, drawn.randrange(3),
          drawn.choice((None, NOON - timedelta(hours=drawn.choice((1, 24, 30, 168, 200))))), NOON)
         for n in everyone for k in range(drawn.randrange(6))],
    )  # fmt: skip
    lists = await pool.fetch(
        """INSERT INTO static_lists (name, origin, created_by, exclusion, archived_at, created_at, changed_at)
           VALUES ('out', 'x', 'x', true, NULL, $1, $1), ('old', 'x', 'x', true, $1, $1, $1), ('other', 'x', 'x', false, NULL, $1, $1) RETURNING list_id""",
        NOON,
    )
    for row in lists:
        listed = [(row["list_id"], n) for n in everyone if drawn.random() < 0.1]
        await pool.executemany("INSERT INTO static_list_members (list_id, customer_id) VALUES ($1, $2)", listed)


def one_by_one(row: Any) -> dict[str, Any]:
    same = ("customer_id", "gone", "consented", "excluded", "sent_day", "sent_week", "language", "zone")
    names = {f"has_{name}": bool(row[name]) for name in ("family_name", "given_name")}
    return {name: row[name] for name in same} | names | {"address": row["address_live"]}


@pytest.mark.parametrize(
    ("seed", "terms", "rules"),
    [
        (1, Terms(), SendingRules()),
        (2, Terms(priority=Priority.HIGH), SendingRules(consent_rule=ConsentRule.PERMISSION)),
        (3, Terms(priority=Priority.SERVICE), SendingRules()),
    ],
    ids=["normal", "high", "service"],
)
async def test_many_are_read_as_one_by_one(pool: asyncpg.Pool, seed: int, terms: Terms, rules: SendingRules) -> None:
    await filled(pool, seed)
    everyone = pl.Series("customer_id", Random(seed).sample(range(1, PEOPLE + 1), PEOPLE))
    async with pool.acquire() as connection:
        rows = await entries.read_entering(
            connection, customer_ids=everyone.to_list(), campaign_id=1, rules=rules, terms=terms, now=NOON
        )
        for asked in (everyone, everyone.head(PEOPLE // 10)):
            found = await standing.read(connection, asked, asked=EVERYTHING, rules=rules, terms=terms, now=NOON)
            assert found["customer_id"].equals(asked)
            told = found.with_columns(address=pl.col("devices") > 0).drop("devices").to_dicts()
            uncapped = {} if terms.capped else {"sent_day": 0, "sent_week": 0}
            assert [dict(sorted(row.items())) for row in told] == [
                dict(sorted((one_by_one(rows[number]) | uncapped).items())) for number in asked
            ]


async def test_what_is_not_asked_for_is_not_read_and_numbers_that_nobody_has_have_no_row(pool: asyncpg.Pool) -> None:
    await filled(pool, 4)
    asked = Asked(language=False, zone=False, family_name=False, given_name=False)
    rules = SendingRules(cap_day=0, cap_week=0)
    async with pool.acquire() as connection, connection.transaction():
        numbers = pl.Series("customer_id", [PEOPLE + 5, 3, 1])
        found = await standing.read(connection, numbers, asked=asked, rules=rules, terms=Terms(), now=NOON)
    assert found["customer_id"].to_list() == [3, 1]
    for column, nothing in (("language", None), ("zone", None), ("sent_week", 0), ("has_family_name", False)):
        assert set(found[column]) == {nothing}


def nodes(plan: dict[str, Any]) -> list[str]:
    """Everything that a plan does."""
    return [plan["Node Type"], *(name for each in plan.get("Plans", ()) for name in nodes(each))]


async def test_a_launch_reads_the_pushes_of_a_week_and_not_those_of_years(pool: asyncpg.Pool) -> None:
    await pool.execute(
        """INSERT INTO deliveries (customer_id, campaign_id, device_id, state, sent_at, expires_at, changed_at)
           SELECT n, 1, n, 'accepted', $1::timestamptz - (20000 - n) * interval '1 hour', $1, $1 FROM generate_series(1, 20000) AS n""",
        NOON,
    )
    await pool.execute("VACUUM ANALYZE deliveries")
    async with pool.acquire() as connection:
        asked = f"EXPLAIN (FORMAT JSON) {standing._SQL['read_sent']}"
        (told,) = await connection.fetchval(asked, None, NOON - standing.WEEK, 1, NOON - standing.DAY)
    assert "Seq Scan" not in nodes(told["Plan"])
