"""Whoever is erased is gone from every table and file, stays gone when old batches come again, and takes nobody along."""

import asyncio
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import polars as pl
import pytest

from backend.errors import NotFound, Unavailable
from backend.services.ingest import Ingest
from backend.services.privacy.failed import forget_failed
from backend.services.privacy.rights import SETTLED, Rights
from backend.services.privacy.sieve import REMEMBERED, Sieve
from backend.services.replays import Replays, Wanted
from backend.services.tracking_plans import TrackingPlans
from backend.store import erasures, events
from backend.store.pool import Connection
from segments.customer_rows import keys_about
from segments.envelope import Event, FailedEvent
from segments.failures import EventFailure
from segments.intake import Reception, fail_event, read_event
from tests.services.refreshing import NOW, Shop

GONE = ["member-gone-7731", "phone-gone-5512", "phone-gone-9034", "token-gone-4410"]
"""Every id of the person to be erased, and his push address."""


@pytest.fixture
async def shop(pool: asyncpg.Pool, tmp_path: Path) -> Shop:
    shop = Shop(pool, tmp_path)
    for member, phone, second, token in (GONE, ["member-stays-1", "phone-stays-1", "phone-stays-2", "token-stays-1"]):
        await shop.send("app", *calls(member, phone, second, token))
        await shop.send(
            "server", {"type": "identify", "userId": member, "anonymousId": phone, "traits": {"name": member}}
        )
        await shop.send("server", order(member, f"o-{member}"), consent(member))
    await shop.refresh.run_until_current()
    return shop


def calls(member: str, phone: str, second: str, token: str) -> list[dict[str, Any]]:
    device = {"device": {"id": f"device-of-{phone}", "token": token}, "os": {"name": "iOS"}}
    return [
        {"type": "track", "event": "Application Opened", "anonymousId": phone, "messageId": f"a-{phone}", "context": device},
        {"type": "identify", "userId": member, "anonymousId": phone, "messageId": f"i-{phone}", "traits": {"email": f"{member}@mail.example"}},
        {"type": "track", "event": "Application Opened", "anonymousId": second, "messageId": f"b-{second}"},
        {"type": "identify", "userId": member, "anonymousId": second, "messageId": f"j-{second}"},
    ]  # fmt: skip


def order(member: str, number: str) -> dict[str, Any]:
    properties = {"order_id": number, "total": 480, "currency": "JPY", "products": [{"product_id": "p", "category": "c", "quantity": 1, "price": 480}]}  # fmt: skip
    return {"type": "track", "event": "Order Completed", "userId": member, "properties": properties}


def consent(member: str) -> dict[str, Any]:
    return {"type": "track", "event": "Consent Changed", "userId": member, "properties": {"purpose": "marketing", "channel": "push", "granted": True}}  # fmt: skip


def rights_of(shop: Shop, files: Sequence[Any] = ()) -> Rights:
    async def history_of(numbers: Sequence[int]) -> list[dict[str, Any]]:
        return shop.lake.events().filter(pl.col("customer_id").is_in(list(numbers))).collect().to_dicts()

    return Rights(shop.pool, shop.clock, history=shop.refresh.forget, history_of=history_of, files=files)


async def number_of(shop: Shop, member: str) -> int:
    found = await shop.pool.fetchval("SELECT customer_id FROM identities WHERE kind = 'user' AND value = $1", member)
    assert isinstance(found, int)
    return found


async def leave_traces(shop: Shop) -> None:
    """What a year leaves behind: failed events, refused bodies, saved answers, messages to other servers, audit entries."""
    pool, body = shop.pool, f'{{"userId": "{GONE[0]}"}}'.encode()
    reception = Reception(source_id=1, trusted=False, received_at=NOW)
    failed = fail_event(body, reception, EventFailure("missing_event", "No name."))
    about_another = fail_event(body.replace(b"gone", b"stays"), reception, EventFailure("missing_event", "No name."))
    for each in (failed, about_another):
        await pool.execute(
            "INSERT INTO failed_events (event_id, source_id, received_at, code, reason, raw) VALUES ($1, 1, $2, $3, 'r', $4)",
            each.event_id, NOW, each.code, each.raw,
        )  # fmt: skip
    await pool.execute(
        "INSERT INTO refused_requests (refused_at, path, status, code, message, size, body) VALUES ($1, '/v1/t', 401, 'c', 'm', 1, $2)",
        NOW, body,
    )  # fmt: skip
    await pool.execute(
        "INSERT INTO idempotency_keys (api_key_id, key, fingerprint, status, body, created_at) VALUES (1, 'k', 'f', 200, $1, $2)",
        body, NOW,
    )  # fmt: skip
    await pool.execute(
        "INSERT INTO webhook_messages (message_id, type, at, body) VALUES ('w', 't', $1, $2)", NOW, body.decode()
    )
    await pool.execute("INSERT INTO imported_rows (row_key) SELECT unnest($1::uuid[])", keys_about(GONE[0]))
    await pool.execute("INSERT INTO imported_rows (row_key) SELECT unnest($1::uuid[])", keys_about("member-stays-1"))
    await pool.execute(
        "INSERT INTO audit_log (at, actor, action, object, detail) VALUES ($1, 'a', 'look', $2, $3)",
        NOW, GONE[0], {"member": GONE[0]},
    )  # fmt: skip


async def erase(shop: Shop, rights: Rights) -> int:
    erasure = await rights.erase(await number_of(shop, GONE[0]), by="owner", reason="asked")
    assert await rights.work() == 0, "intake processes may not know yet"
    shop.clock.advance(SETTLED)
    assert await rights.work() == 1
    return erasure


async def dump(pool: asyncpg.Pool) -> str:
    """Everything in every table, as text; bytes as what they spell."""
    tables = await pool.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    found = []
    for (table,) in tables:
        for row in await pool.fetch(f"SELECT t::text AS whole, t.* FROM {table} AS t"):
            found += [
                row["whole"],
                *(value.decode("utf-8", "replace") for value in row.values() if isinstance(value, bytes)),
            ]
    return "\n".join(found)


def files_mention(home: Path, names: Sequence[str]) -> list[str]:
    found = [path for path in home.rglob("*") if path.is_file()]
    return [str(path) for path in found if any(name.encode() in path.read_bytes() for name in names)]


def numbers_in_files(home: Path) -> set[int]:
    """Customers in any file of lake and frame, in force or not."""
    found: set[int] = set()
    for path in home.rglob("*.parquet"):
        if "customer_id" in (names := pl.read_parquet_schema(path)) and names:
            found |= set(pl.read_parquet(path, columns=["customer_id"]).get_column("customer_id"))
    for path in home.rglob("*.arrow"):
        found |= set(pl.read_ipc(path, columns=["customer_id"]).get_column("customer_id"))
    return found


async def numbers(shop: Shop) -> set[int]:
    async with shop.pool.acquire() as connection:
        return set(await erasures.whole_person(connection, customer_id=await number_of(shop, GONE[0])))


async def test_nothing_is_left_of_an_erased_person(shop: Shop, tmp_path: Path) -> None:
    await leave_traces(shop)
    own = await numbers(shop)
    assert own & numbers_in_files(tmp_path)
    before = await shop.row("member-stays-1")
    rights = rights_of(shop)
    erasure = await rights.get(await erase(shop, rights))
    text = await dump(shop.pool)
    assert [name for name in GONE if name in text] == []
    assert not own & numbers_in_files(tmp_path)
    assert files_mention(tmp_path, GONE) == []
    assert erasure.finished_at is not None
    assert erasure.removed["history"] > 0
    left = {row[0] for row in await shop.pool.fetch("SELECT row_key FROM imported_rows")}
    assert left == set(keys_about("member-stays-1"))
    assert await shop.row("member-stays-1") == before
    assert '{"userId": "member-stays-1-7731"}' in text or "member-stays" in text


async def test_a_phone_that_went_to_another_forgets_who_was_heard_at_it(shop: Shop) -> None:
    for minute, (member, phone) in enumerate([(GONE[0], GONE[1]), ("member-stays-1", "phone-stays-1")]):
        call = {"type": "track", "event": "Application Opened", "userId": member, "anonymousId": phone}
        context = {"device": {"token": "token-shared"}}
        await shop.send("app", call | {"context": context}, at=NOW + timedelta(minutes=minute - 5))
    await shop.refresh.run_until_current()
    own = await numbers(shop)
    await erase(shop, rights_of(shop))
    text = await dump(shop.pool)
    assert [name for name in GONE if name in text] == []
    heard = await shop.pool.fetch("SELECT heard, heard_ids FROM devices WHERE address = 'token-shared'")
    assert [each["anonymous_id"] for row in heard for each in row["heard"]] == ["phone-stays-1"]
    assert not {f"u{number}" for number in own} & set(heard[0]["heard_ids"])
    call = {"type": "track", "event": "Signed Out", "userId": "member-stays-1", "anonymousId": "phone-stays-1"}
    await shop.send("app", call | {"context": {"device": {"token": "token-shared"}}}, at=NOW)
    await shop.refresh.run_until_current()
    assert await shop.device("token-shared") == ("member-stays-1", "signed_out")


async def test_old_batches_do_not_bring_a_person_back(shop: Shop) -> None:
    await erase(shop, rights_of(shop))
    door = Ingest(shop.pool, shop.clock, sift=Sieve(shop.pool, shop.clock).sift)
    await door.start()
    await door.take([again(call) for call in calls(*GONE)], received_at=shop.clock.now())
    broken = fail_event(
        f'{{"anonymousId": "{GONE[1]}"}}'.encode(), RECEPTION, EventFailure("missing_event", "No name.")
    )
    await door.take([], [broken], received_at=shop.clock.now())
    await door.stop()
    assert await shop.pool.fetchval("SELECT count(*) FROM event_log WHERE user_id = $1", GONE[0]) == 0
    assert GONE[1] not in await dump(shop.pool)


async def test_a_member_whose_number_came_as_a_number_is_gone_too(shop: Shop) -> None:
    await shop.send("server", {"type": "identify", "userId": "7731", "anonymousId": "phone-7731"})
    await shop.refresh.run_until_current()
    own = [b'{"userId": 7731}', b'{"userId": 7731.0, "event": NaN}', b'[{"userId":7731},{"userId":8}]']
    others = [b'{"userId": 77310}', b'{"userId": 8, "total": 7731}']
    await keep_failed(shop.pool, *own, *others)
    await shop.pool.execute(
        """INSERT INTO refused_requests (refused_at, path, status, code, message, size, body)
        SELECT $1, '/v1/t', 401, 'c', 'm', 1, unnest($2::bytea[])""",
        NOW, [*own, *others],
    )  # fmt: skip
    rights = rights_of(shop)
    await rights.erase(await number_of(shop, "7731"), by="owner")
    shop.clock.advance(SETTLED)
    assert await rights.work() == 1
    kept = {row[0] for row in await shop.pool.fetch("SELECT raw FROM failed_events")}
    assert kept == {*others, b'[{"userId":8}]'}
    assert {row[0] for row in await shop.pool.fetch("SELECT body FROM refused_requests")} == set(others)
    late = [failed(raw) for raw in (*own, *others)]
    left = (await Sieve(shop.pool, shop.clock).sift([], late))[1]
    assert {event.raw for event in left} == {*others, b'[{"userId":8}]'}


async def keep_failed(pool: asyncpg.Pool, *raws: bytes) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await events.append(connection, [], [failed(raw) for raw in raws], received_at=NOW)


def failed(raw: bytes) -> FailedEvent:
    code = "batch_too_long" if raw.startswith(b"[") else "missing_event"
    return fail_event(raw, RECEPTION, EventFailure(code, "No."))


async def test_a_replay_does_not_bring_a_person_back(shop: Shop) -> None:
    """Failed events that were kept after the erasure: by a release before, or out of a backup."""
    await erase(shop, rights_of(shop))
    gone, other = (
        b'{"type":"track","event":"Own","messageId":"%s","userId":"%s"}' % (name, name)
        for name in (GONE[0].encode(), b"member-new")
    )
    await keep_failed(shop.pool, gone, b"[%s,%s]" % (gone, other))
    replays = Replays(
        shop.pool, shop.clock, rules_of=TrackingPlans(shop.pool, shop.clock).rules_of, forget=forget_failed
    )
    await replays.ask(Wanted(), actor="owner")
    while await replays.work():
        pass
    stored = await shop.pool.fetch("SELECT user_id FROM event_log WHERE event = 'Own'")
    assert [row["user_id"] for row in stored] == ["member-new"]
    assert GONE[0] not in await dump(shop.pool)


async def test_the_first_requests_wait_for_the_list_together(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await erase(shop, rights_of(shop))
    sieve, old, asked = Sieve(shop.pool, shop.clock), again(calls(*GONE)[0]), []

    async def read_key(connection: Connection) -> bytes | None:
        asked.append(connection)
        await asyncio.sleep(0.05)
        return await read(connection)

    read = erasures.read_key
    monkeypatch.setattr(erasures, "read_key", read_key)
    sifted = await asyncio.gather(*(sieve.sift([old], []) for _ in range(5)))
    assert [kept for kept, _ in sifted] == [[]] * 5
    assert len(asked) == 1


async def test_nothing_passes_while_the_list_cannot_be_read(shop: Shop) -> None:
    await erase(shop, rights_of(shop))
    sieve, old = Sieve(shop.pool, shop.clock), again(calls(*GONE)[0])
    await shop.pool.execute("ALTER TABLE erased_ids RENAME TO elsewhere")
    for found in await asyncio.gather(*(sieve.sift([old], []) for _ in range(3)), return_exceptions=True):
        assert isinstance(found, Unavailable)
    await shop.pool.execute("ALTER TABLE elsewhere RENAME TO erased_ids")
    assert (await sieve.sift([old], []))[0] == []
    await shop.pool.execute("ALTER TABLE erased_ids RENAME TO elsewhere")
    shop.clock.advance(REMEMBERED)
    with pytest.raises(Unavailable):
        await sieve.sift([old], [])


async def test_what_comes_by_another_way_leaves_the_log_again(shop: Shop) -> None:
    await erase(shop, rights_of(shop))
    await shop.send(
        "import", order(GONE[0], "o-late"), {"type": "alias", "userId": "member-new", "previousId": GONE[0]}
    )
    await shop.send("import", order("member-new", "o-new"))
    await shop.refresh.run_until_current()
    assert GONE[0] not in await dump(shop.pool)
    assert (await shop.row("member-new"))["orders"] == 1


async def test_without_the_list_old_batches_bring_a_person_back(shop: Shop) -> None:
    await erase(shop, rights_of(shop))
    await shop.pool.execute("DELETE FROM erased_ids")
    await shop.send("import", order(GONE[0], "o-late"))
    await shop.refresh.run_until_current()
    assert GONE[0] in await dump(shop.pool)


async def test_a_run_that_dies_is_done_again(shop: Shop, tmp_path: Path) -> None:
    async def die(_: str) -> int:
        raise OSError("the disk went away")

    erasure_id = await rights_of(shop, [die]).erase(await number_of(shop, GONE[0]), by="owner")
    shop.clock.advance(SETTLED)
    assert await rights_of(shop, [die]).work() == 0
    assert (await rights_of(shop).get(erasure_id)).error == "the disk went away"
    assert await rights_of(shop).work() == 1
    assert [name for name in GONE if name in await dump(shop.pool)] == []


async def test_a_batch_of_erased_persons_alone_is_no_lost_lake(shop: Shop) -> None:
    """It leaves no row, so that the lake has not heard of it; what comes after it is moved all the same."""
    await erase(shop, rights_of(shop))
    await shop.send("app", *(call | {"messageId": f"late-{call['messageId']}"} for call in calls(*GONE)))
    assert await shop.refresh.waiting() == 4
    assert (await shop.refresh.run_once()).events == 0
    assert (await shop.refresh.waiting(), (await shop.refresh.run_once()).events) == (0, 0)
    await shop.send("server", order("member-stays-1", "o-later"))
    assert (await shop.refresh.run_once()).events == 1
    assert (await shop.row("member-stays-1"))["orders"] == 2


async def test_an_erased_person_is_not_found_again(shop: Shop) -> None:
    rights, number = rights_of(shop), await number_of(shop, GONE[0])
    await erase(shop, rights)
    for asked in (rights.erase(number, by="owner"), rights.disclose(number, by="owner")):
        with pytest.raises(NotFound):
            await asked


async def test_disclosure_holds_everything(shop: Shop) -> None:
    document = await rights_of(shop).disclose(await number_of(shop, GONE[0]), by="owner")
    told = msgspec.json.decode(document)
    assert {each["value"] for each in told["ids"]} == set(GONE[:3])
    assert told["person"]["traits"]["email"] == f"{GONE[0]}@mail.example"
    assert [each["address"] for each in told["devices"]] == [GONE[3]]
    assert [(each["purpose"], each["granted"]) for each in told["consents"]] == [("marketing", True)]
    assert len(told["events"]) == 7
    assert len(told["history"]) >= 4
    assert not re.search("stays", document.decode())


RECEPTION = Reception(source_id=1, trusted=False, received_at=NOW + timedelta(days=1))


def again(call: dict[str, Any]) -> Event:
    event = read_event(msgspec.json.encode(call | {"timestamp": NOW.isoformat()}), RECEPTION)
    assert isinstance(event, Event)
    return event
