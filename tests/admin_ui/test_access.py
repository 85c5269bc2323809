"""Accounts, sign-in, throttling and the life of a session, on a real PostgreSQL."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest
from argon2 import PasswordHasher

from backend.clock import FixedClock
from backend.errors import BadInput, Conflict
from backend.services.access.sessions import FAILURES_PER_ACCOUNT, FAILURES_PER_NETWORK, Access, Refused, Throttled
from tests.admin_ui.conftest import PASSWORD, add

WRONG = "a wrong long password"


async def enter(
    access: Access, *, email: str = "viewer@joren.example", password: str = PASSWORD, network: str = "10.0.0.1"
) -> Any:
    return await access.sign_in(email=email, password=password, network=network)


async def test_the_right_password_begins_a_session(services: SimpleNamespace, pool: asyncpg.Pool) -> None:
    await add(services, "viewer")
    token, session = await enter(services.access, email=" Viewer@JOREN.example ")
    assert session.administrator.email == "viewer@joren.example"
    found = await services.access.session(token)
    assert found is not None
    assert found.administrator == session.administrator
    kept = await pool.fetchval("SELECT token_hash FROM admin_sessions")
    assert token.encode() not in kept
    assert await services.access.session(token[:-1] + "x") is None


async def test_every_sign_in_has_a_token_and_a_key_of_its_own(services: SimpleNamespace) -> None:
    await add(services, "viewer")
    (one, first), (two, second) = [await enter(services.access) for _ in range(2)]
    assert one != two
    assert first.csrf_key != second.csrf_key


@pytest.mark.parametrize("email", ["viewer@joren.example", "nobody@joren.example", "gone@joren.example"])
async def test_wrong_unknown_and_disabled_get_the_same_answer(services: SimpleNamespace, email: str) -> None:
    await add(services, "viewer")
    gone = await services.access.create(
        email="gone@joren.example", name="x", role="viewer", password=PASSWORD, actor="t"
    )
    await services.access.set_disabled(gone.administrator.admin_id, disabled=True, actor="t")
    password = PASSWORD if email.startswith("gone") else WRONG
    with pytest.raises(Refused, match=r"^The address or the password is wrong\.$"):
        await enter(services.access, email=email, password=password)


async def test_unknown_people_cost_as_many_hashes_as_known_ones(pool: asyncpg.Pool, clock: FixedClock) -> None:
    class Counting(PasswordHasher):
        checked = 0

        def verify(self, *values: Any) -> Any:
            Counting.checked += 1
            return super().verify(*values)

    access = Access(pool, clock, hasher=Counting(time_cost=1, memory_cost=8, parallelism=1))
    await access.create(email="viewer@joren.example", name="x", role="viewer", password=PASSWORD, actor="t")
    costs = []
    for email in ("viewer@joren.example", "nobody@joren.example"):
        Counting.checked = 0
        with pytest.raises(Refused):
            await enter(access, email=email, password=WRONG)
        costs.append(Counting.checked)
    assert costs == [1, 1]


async def test_an_account_is_throttled_across_processes(
    services: SimpleNamespace, pool: asyncpg.Pool, clock: FixedClock
) -> None:
    await add(services, "viewer")
    elsewhere = Access(pool, clock, hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    for attempt in range(FAILURES_PER_ACCOUNT):
        with pytest.raises(Refused):
            await enter([services.access, elsewhere][attempt % 2], password=WRONG, network=f"10.0.1.{attempt}")
    with pytest.raises(Throttled):
        await enter(elsewhere)
    clock.advance(timedelta(minutes=16))
    assert await enter(elsewhere)


async def test_a_volley_of_attempts_does_not_slip_past_the_count(services: SimpleNamespace) -> None:
    await add(services, "viewer")
    tries = [enter(services.access, password=WRONG, network=f"10.0.2.{n}") for n in range(3 * FAILURES_PER_ACCOUNT)]
    said = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, Refused) for each in said) == FAILURES_PER_ACCOUNT
    assert sum(isinstance(each, Throttled) for each in said) == 2 * FAILURES_PER_ACCOUNT


async def test_a_network_is_throttled_whatever_it_guesses(services: SimpleNamespace) -> None:
    await add(services, "viewer")
    for number in range(FAILURES_PER_NETWORK):
        with pytest.raises(Refused):
            await enter(services.access, email=f"n{number}@joren.example", network=f"2001:db8::{number:x}")
    with pytest.raises(Throttled):
        await enter(services.access, network="2001:db8::ffff")
    assert await enter(services.access, network="2001:db8:0:1::1")


async def test_a_success_forgets_the_failures_of_the_account(services: SimpleNamespace) -> None:
    await add(services, "viewer")
    for _ in range(2):
        for _ in range(FAILURES_PER_ACCOUNT - 1):
            with pytest.raises(Refused):
                await enter(services.access, password=WRONG)
        assert await enter(services.access)


async def test_a_session_dies_idle_and_of_age(services: SimpleNamespace, clock: FixedClock) -> None:
    await add(services, "viewer")
    idle, _ = await enter(services.access)
    clock.advance(timedelta(minutes=31))
    assert await services.access.session(idle) is None
    busy, _ = await enter(services.access)
    for _ in range(35):
        clock.advance(timedelta(minutes=20))
        assert await services.access.session(busy) is not None
    clock.advance(timedelta(minutes=21))
    assert await services.access.session(busy) is None


async def test_a_session_dies_at_sign_out_and_when_disabled(services: SimpleNamespace) -> None:
    await add(services, "viewer")
    token, session = await enter(services.access)
    other, _ = await enter(services.access)
    await services.access.sign_out(session)
    assert await services.access.session(token) is None
    await services.access.set_disabled(session.administrator.admin_id, disabled=True, actor="t")
    assert await services.access.session(other) is None
    await services.access.set_disabled(session.administrator.admin_id, disabled=False, actor="t")
    assert await services.access.session(other) is None
    assert await enter(services.access)


async def test_a_changed_password_ends_the_other_sessions(services: SimpleNamespace) -> None:
    await add(services, "viewer")
    mine, session = await enter(services.access)
    theirs, _ = await enter(services.access)
    with pytest.raises(BadInput, match="current") as wrong:
        await services.access.change_password(session, current=WRONG, new="another honest password")
    assert wrong.value.field == "current"
    await services.access.change_password(session, current=PASSWORD, new="another honest password")
    assert await services.access.session(mine) is not None
    assert await services.access.session(theirs) is None
    with pytest.raises(Refused):
        await enter(services.access)
    assert await enter(services.access, password="another honest password")


async def test_a_hash_is_renewed_when_the_parameters_change(pool: asyncpg.Pool, clock: FixedClock) -> None:
    old = Access(pool, clock, hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    await old.create(email="viewer@joren.example", name="x", role="viewer", password=PASSWORD, actor="t")
    new = Access(pool, clock, hasher=PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    await enter(new)
    assert "m=16,t=2" in await pool.fetchval("SELECT password_hash FROM admins")
    assert await enter(new)


async def test_the_parameters_are_those_owasp_asks_for(pool: asyncpg.Pool, clock: FixedClock) -> None:
    access = Access(pool, clock)
    await access.create(email="viewer@joren.example", name="x", role="viewer", password=PASSWORD, actor="t")
    assert (await pool.fetchval("SELECT password_hash FROM admins")).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_a_generated_password_signs_in(services: SimpleNamespace) -> None:
    created = await services.access.create(email="viewer@joren.example", name="x", role="viewer", actor="t")
    assert created.password is not None
    assert await enter(services.access, password=created.password)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "a b@c.example"}, "email"),
        ({"name": " "}, "name"),
        ({"role": "owner"}, "role"),
        ({"language": "fr"}, "language"),
        ({"password": "elevenchars"}, "password"),
        ({"password": "aaaaaaaaaaaaaaaa"}, "password"),
        ({"password": "Password1234"}, "password"),
        ({"email": "longlonglocal@x.example", "password": "longlonglocal1"}, "password"),
        ({"password": "x" * 257}, "password"),
    ],
)
async def test_what_cannot_be_taken_is_named(services: SimpleNamespace, change: dict[str, str], field: str) -> None:
    sound = {"email": "viewer@joren.example", "name": "x", "role": "viewer", "password": PASSWORD}
    with pytest.raises(BadInput) as refused:
        await services.access.create(**{**sound, **change}, actor="t")
    assert refused.value.field == field


async def test_an_address_is_taken_once_whatever_its_case(services: SimpleNamespace) -> None:
    await add(services, "viewer")
    with pytest.raises(Conflict) as taken:
        await services.access.create(email="VIEWER@joren.example", name="x", role="viewer", actor="t")
    assert taken.value.field == "email"


async def test_the_last_administrator_stays(services: SimpleNamespace) -> None:
    await add(services, "administrator")
    (only,) = await services.access.administrators()
    with pytest.raises(Conflict):
        await services.access.set_role(only.admin_id, role="viewer", actor="t")
    with pytest.raises(Conflict):
        await services.access.set_disabled(only.admin_id, disabled=True, actor="t")
    second = await services.access.create(email="b@joren.example", name="b", role="administrator", actor="t")
    await services.access.set_role(only.admin_id, role="viewer", actor="t")
    with pytest.raises(Conflict):
        await services.access.set_disabled(second.administrator.admin_id, disabled=True, actor="t")


async def test_setting_up_again_keeps_the_account(services: SimpleNamespace) -> None:
    values = {"email": "viewer@joren.example", "name": "x", "role": "viewer"}
    first = await services.access.put_administrator(**values, password=PASSWORD)
    again = await services.access.put_administrator(**values, password="another honest password")
    assert first.admin_id == again.admin_id
    assert await enter(services.access, password="another honest password")


async def test_what_was_done_is_written_down(services: SimpleNamespace, pool: asyncpg.Pool) -> None:
    await add(services, "viewer")
    await enter(services.access)
    rows = await pool.fetch("SELECT actor, action FROM audit_log ORDER BY audit_id")
    assert [tuple(row) for row in rows] == [
        ("test", "administrator.create"),
        ("viewer@joren.example", "administrator.sign_in"),
    ]
