"""Customer tokens at the door: each way to carry one, what each mode makes of it, and that none is ever stored."""

from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from backend.services.customer_tokens.ring import MOST_CHECKS
from backend.store import events
from tests.api.conftest import NOW, Intake, track
from tests.fixtures.customer_tokens import Issuer

SHOP = Issuer()
STRANGER = Issuer(number=1)


async def ask_for_tokens(intake: Intake, mode: str) -> None:
    tokens = intake.services.customer_tokens
    await tokens.add_key(intake.app.source_id, public_key=SHOP.public, kid="k1")
    await tokens.set_mode(intake.app.source_id, mode=mode)


async def send(intake: Intake, *events: dict[str, Any], **envelope: Any) -> None:
    headers = envelope.pop("headers", {})
    answer = await intake.send({"batch": list(events), **envelope}, headers=headers)
    assert (answer.status_code, answer.content) == (200, b'{"success": true}')


async def outcomes(intake: Intake) -> dict[str, str]:
    """Per message id: the verdict it is stored with, else the code it failed with."""
    pool: asyncpg.Pool = intake.services.pool
    stored = await pool.fetch("SELECT message_id, token_verdict, trusted FROM event_log")
    failed = await pool.fetch("SELECT raw, code FROM failed_events")
    found = {row["message_id"]: f"{row['token_verdict']}{'' if row['trusted'] else ', untrusted'}" for row in stored}
    return found | {msgspec.json.decode(row["raw"])["messageId"]: row["code"] for row in failed}


async def everything_stored(pool: asyncpg.Pool) -> str:
    """All rows of all tables as text."""
    tables = await pool.fetch("SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'")
    texts = [str(dict(row)) for row in await pool.fetch("SELECT raw, envelope FROM failed_events")]
    for table in tables:
        texts += [row["line"] for row in await pool.fetch(f"SELECT t::text AS line FROM {table['name']} AS t")]
    return "\n".join(texts)


@pytest.mark.parametrize("mode", ["off", "report", "enforce"])
async def test_no_token_is_ever_stored(intake: Intake, mode: str) -> None:
    """Wherever it was carried, and whatever became of its event."""
    await ask_for_tokens(intake, mode)
    good, forged, shared = SHOP.token("u1", x="good"), STRANGER.token("u1"), SHOP.token("u1", x="shared")
    await send(
        intake,
        track("a", context={"userToken": good}),
        track("b", context={"userToken": forged}),
        track("c", context={"userToken": good}, timestamp="yesterday"),
        track("d", context={"userToken": good, "x": "\x00"}),
        track("e", context={"userToken": good, "x": "y" * 40_000}),
        track("f"),
        context={"userToken": shared},
        headers={"X-User-Token": good},
    )
    broken = b'{"batch":[{"context":{"userToken":"%s"}},{"userId":"\xff","context":{"userToken":"%s"}}]}'
    answer = await intake.send_bytes(broken % (good.encode(), forged.encode()))
    assert answer.status_code == 200
    too_much = {"batch": [track("g", context={"userToken": good})], "context": {"userToken": shared, "x": "y" * 9000}}
    assert (await intake.send(too_much)).status_code == 200
    many = [track(f"m{n}", context={"userToken": good}) for n in range(2502)]
    assert (await intake.send({"batch": many})).status_code == 200
    stored, failed = await intake.count()
    assert stored >= 2500
    assert failed >= 6
    text = await everything_stored(intake.services.pool)
    assert {name for name in ("m2499", "m2501", "(removed)") if name not in text} == set(), (
        "the search sees rows and bytes"
    )
    for token in (good, forged, shared):
        for part in token.split("."):
            assert part not in text


async def test_each_way_to_carry_a_token(intake: Intake) -> None:
    await ask_for_tokens(intake, "enforce")
    token = SHOP.token("u1")
    await send(intake, track("in the event", context={"userToken": token}))
    await send(intake, track("in the batch"), context={"userToken": token})
    await send(intake, track("in the header"), headers={"X-User-Token": token})
    single = await intake.send(track("in a single call", context={"userToken": token}), "/v1/track")
    short = await intake.send(track("short", type=None), "/v1/t", headers={"x-user-token": token})
    assert (single.status_code, short.status_code) == (200, 200)
    assert set((await outcomes(intake)).values()) == {"valid"}


async def test_modes_and_what_each_makes_of_the_same_events(intake: Intake) -> None:
    tokens, source = intake.services.customer_tokens, intake.app.source_id
    await tokens.add_key(source, public_key=SHOP.public, kid="k1")

    def calls(mode: str) -> list[dict[str, Any]]:
        order = {"event": "Order Completed", "properties": {"order_id": mode, "total": 1}}
        given = {
            "good": {"context": {"userToken": SHOP.token("u1")}},
            "forged": {"context": {"userToken": STRANGER.token("u1")}},
            "another's": {"context": {"userToken": SHOP.token("u2")}},
            "none": {},
            "visitor": {"userId": None, "anonymousId": "a1"},
            "visitor's order": {"userId": None, "anonymousId": "a1", **order},
            "order": {"context": {"userToken": SHOP.token("u1")}, **order},
        }
        return [track(f"{mode}: {name}", **changes) for name, changes in given.items()]

    for mode in ("off", "report", "enforce"):
        await tokens.set_mode(source, mode=mode)
        await send(intake, *calls(mode))
    found = await outcomes(intake)

    def of(mode: str) -> list[str]:
        return [found[event["messageId"]] for event in calls(mode)]

    assert of("off") == ["None, untrusted"] * 7
    assert of("report") == [
        "valid",
        "signature, untrusted",
        "person, untrusted",
        "missing, untrusted",
        "None, untrusted",
        "missing, untrusted",
        "valid, untrusted",
    ]
    assert of("enforce") == [
        "valid",
        "unverified_signature",
        "unverified_person",
        "unverified_missing",
        "None, untrusted",
        "unverified_missing",
        "valid, untrusted",
    ]


@pytest.mark.parametrize("mode", ["report", "enforce"])
async def test_the_operator_sees_what_would_fail_before_he_enforces(intake: Intake, mode: str) -> None:
    await ask_for_tokens(intake, mode)
    good, forged = {"userToken": SHOP.token("u1")}, {"userToken": STRANGER.token("u1")}
    batch = [track("a", context=good), track("b", context=good), track("c", context=forged), track("d")]
    await send(intake, *batch, track("e", userId=None, anonymousId="a1"))
    await send(intake, *batch)  # sent again: counted once
    async with intake.services.pool.acquire() as connection:
        await events.fold_counts(connection)
    state = await intake.services.customer_tokens.state(intake.app.source_id)
    assert state.by_verdict == {"valid": 2, "missing": 1, "signature": 1}
    assert [(day.day, day.valid, day.unverified) for day in state.days] == [(NOW.date(), 2, 2)]
    assert await intake.services.pool.fetchval("SELECT count(*) FROM token_counts") == 3


async def test_an_app_that_was_offline_loses_nothing(intake: Intake) -> None:
    """Its token ended days ago; what it did while the token held is proven all the same."""
    await ask_for_tokens(intake, "enforce")
    before = NOW - timedelta(days=6)
    stamp = (before + timedelta(minutes=10)).isoformat()
    late = {"userToken": SHOP.token("u1", at=before)}
    await send(intake, track("while it held", timestamp=stamp, context=late))
    await send(intake, track("after its end", context=late))
    older = NOW - timedelta(days=9)
    gone = {"userToken": SHOP.token("u1", at=older)}
    await send(intake, track("too late", timestamp=(older + timedelta(minutes=1)).isoformat(), context=gone))
    assert await outcomes(intake) == {
        "while it held": "valid",
        "after its end": "unverified_expired",
        "too late": "unverified_expired",
    }


async def test_a_retry_of_a_refused_event_is_kept_once(intake: Intake) -> None:
    await ask_for_tokens(intake, "enforce")
    for _ in range(3):
        await send(intake, track("a", context={"userToken": STRANGER.token("u1")}))
    assert await intake.count() == (0, 1)


async def test_a_strangers_events_keep_no_true_ones_out(intake: Intake) -> None:
    """He guessed the message's id and was there first."""
    await ask_for_tokens(intake, "enforce")
    await send(intake, track("guessed"))
    await send(intake, track("guessed", context={"userToken": SHOP.token("u1")}))
    assert await intake.count() == (1, 1)


async def test_a_flood_of_tokens_is_answered_and_cut_off(intake: Intake) -> None:
    await ask_for_tokens(intake, "enforce")
    flood = [track(f"m{n}", userId=f"u{n}", context={"userToken": SHOP.token(f"u{n}")}) for n in range(MOST_CHECKS + 5)]
    await send(intake, *flood)
    codes = await intake.services.pool.fetch("SELECT code FROM failed_events")
    assert [row["code"] for row in codes] == ["unverified_too_many"] * 5
    assert (await intake.count())[0] == MOST_CHECKS


async def test_a_servers_events_need_no_token(intake: Intake) -> None:
    await ask_for_tokens(intake, "enforce")
    answer = await intake.send({"batch": [track("a")]}, auth=(intake.till.write_key, ""))
    assert answer.status_code == 200
    assert await outcomes(intake) == {"a": "None"}


async def test_a_page_may_send_the_header(intake: Intake) -> None:
    headers = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-user-token",
    }
    answer = await intake.client.options("/v1/batch", headers=headers)
    assert "x-user-token" in answer.headers["access-control-allow-headers"].lower()
