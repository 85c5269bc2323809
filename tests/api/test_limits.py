"""Limits at the door: whose address counts, what a refusal looks like to SDKs, and that nothing is lost by it."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from backend.api.gate import forwarded_for, network_of
from backend.asgi import create_app
from backend.clock import FixedClock
from backend.settings import BadSettings, Settings, read
from backend.wiring import IntakeServices, open_intake
from tests.api.conftest import NOW, living, track

PHONE, OTHER, PROXY = "8.8.4.4", "9.9.9.9", "10.1.2.3"
LIMIT = 60

Open = Callable[..., AbstractAsyncContextManager[tuple[httpx.AsyncClient, IntakeServices, str]]]


@pytest.fixture
def opened(settings: Settings) -> Open:
    """A server whose peer is the address given, with limits."""

    @asynccontextmanager
    async def open_at(peer: str, **changes: object) -> AsyncIterator[tuple[httpx.AsyncClient, IntakeServices, str]]:
        limited = replace(settings, **{"address_limit": LIMIT, **changes})  # type: ignore[arg-type]
        async with open_intake(limited, clock=FixedClock(NOW)) as services:
            key = (await services.sources.create("limited")).write_key
            server = create_app(services, "intake")
            transport = httpx.ASGITransport(server, raise_app_exceptions=False, client=(peer, 40000))
            async with (
                living(server),
                httpx.AsyncClient(transport=transport, base_url="http://joren.example") as client,
            ):
                yield client, services, key

    return open_at


async def statuses(client: httpx.AsyncClient, key: str, count: int, **headers: str) -> list[int]:
    """The answers to so many single events."""
    found = []
    for number in range(count):
        body = track(f"m{number}")
        answer = await client.post("/v1/track", json=body, auth=(key, ""), headers=headers)
        found.append(answer.status_code)
    return found


async def test_beyond_the_limit_sdks_are_told_to_come_again_and_lose_nothing(opened: Open) -> None:
    async with opened(PHONE) as (client, services, key):
        batch = {"batch": [track(f"b{number}") for number in range(LIMIT + 30)], "writeKey": key}
        assert (await client.post("/v1/batch", json=batch)).status_code == 200
        later = {"batch": [track("late")], "writeKey": key}
        refused = await client.post("/v1/batch", json=later)
        assert (refused.status_code, refused.headers["content-type"]) == (429, "application/json")
        assert refused.json()["code"] == "rate_limited"
        assert isinstance(refused.json()["message"], str)
        wait = refused.headers["retry-after"]
        assert wait.isdecimal()
        assert 1 <= int(wait) <= 300
        assert isinstance(services.clock, FixedClock)
        services.clock.advance(timedelta(seconds=int(wait)))
        assert (await client.post("/v1/batch", json=later)).status_code == 200
        assert await services.pool.fetchval("SELECT count(*) FROM event_log") == LIMIT + 31


async def test_the_long_way_through_the_framework_is_limited_as_well(opened: Open) -> None:
    async with opened(PHONE) as (client, _, key):
        found = await statuses(client, key, LIMIT + 20, Origin="https://shop.example")
        assert (found[0], found[-1]) == (200, 429)


async def test_a_forwarded_address_of_a_stranger_is_ignored(opened: Open) -> None:
    async with opened(PHONE) as (client, _, key):
        found = [
            (await statuses(client, key, 1, **{"X-Forwarded-For": f"9.9.{number}.9", "Forwarded": "for=9.9.9.9"}))[0]
            for number in range(LIMIT + 20)
        ]
        assert found.count(200) <= LIMIT + 3 + 1
        assert found[-1] == 429


async def test_behind_a_named_proxy_each_client_has_a_limit_of_its_own(opened: Open) -> None:
    proxies = (ipaddress.ip_network("10.0.0.0/8"),)
    async with opened(PROXY, trusted_proxies=proxies) as (client, _, key):
        spoofing = await statuses(client, key, LIMIT + 20, **{"X-Forwarded-For": f"{OTHER}, {PHONE}"})
        assert spoofing[-1] == 429
        assert await statuses(client, key, 1, **{"X-Forwarded-For": f"{PHONE}, {OTHER}"}) == [200]


async def test_of_a_repeated_header_the_proxys_own_counts(opened: Open) -> None:
    proxies = (ipaddress.ip_network(PROXY),)
    async with opened(PROXY, trusted_proxies=proxies) as (client, _, key):
        for origin in ([], [("Origin", "https://shop.example")]):
            found = []
            for number in range(LIMIT + 20):
                headers = [("X-Forwarded-For", f"9.9.{number}.9"), ("X-Forwarded-For", PHONE), *origin]
                answer = await client.post("/v1/track", json=track(f"m{number}"), auth=(key, ""), headers=headers)
                found.append(answer.status_code)
            assert found[-1] == 429


async def test_a_private_address_is_a_proxy_that_nobody_named_and_shuts_nobody_out(opened: Open) -> None:
    async with opened(PROXY) as (client, _, key):
        assert set(await statuses(client, key, LIMIT + 20)) == {200}


async def test_a_key_has_a_limit_of_its_own_whatever_the_address(opened: Open) -> None:
    async with opened(PROXY, key_limit=LIMIT) as (client, services, key):
        found = await statuses(client, key, LIMIT + 20)
        assert found[-1] == 429
        other = (await services.sources.create("other")).write_key
        assert await statuses(client, other, 1) == [200]


async def test_a_sources_own_limits_go_before_the_defaults(opened: Open) -> None:
    async with opened(PHONE) as (client, services, key):
        await services.pool.execute("UPDATE sources SET address_limit = 0 WHERE name = 'limited'")
        assert set(await statuses(client, key, LIMIT + 20)) == {200}


async def test_two_servers_share_the_limit(opened: Open, settings: Settings) -> None:
    async with opened(PHONE) as (client, services, key):
        twin = replace(settings, address_limit=LIMIT)
        async with open_intake(twin, clock=FixedClock(NOW)) as others:
            server = create_app(others, "intake")
            transport = httpx.ASGITransport(server, client=(PHONE, 40001))
            async with (
                living(server),
                httpx.AsyncClient(transport=transport, base_url="http://joren.example") as second,
            ):
                found = await asyncio.gather(statuses(client, key, LIMIT), statuses(second, key, LIMIT))
        assert services.pool is not others.pool
        assert LIMIT <= sum(each.count(200) for each in found) <= LIMIT + 2 * (3 + 1)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        (PHONE, "1.2.3.4", PHONE),
        (PROXY, "", PROXY),
        (PROXY, "1.2.3.4", "1.2.3.4"),
        (PROXY, "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (PROXY, "6.6.6.6, 1.2.3.4, 10.9.9.9", "1.2.3.4"),
        (PROXY, "6.6.6.6, 1.2.3.4 , ,10.9.9.9,", "1.2.3.4"),
        (PROXY, "1.2.3.4:5678", "1.2.3.4"),
        (PROXY, "[2001:4860::1]:5678", "2001:4860::1"),
        (PROXY, "1.2.3.4, nonsense", "nonsense"),
        (f"::ffff:{PROXY}", "1.2.3.4", "1.2.3.4"),
        (PROXY, "1.2.3.4, ::ffff:10.9.9.9", "1.2.3.4"),
        ("nonsense", "1.2.3.4", "nonsense"),
    ],
)
def test_the_client_is_the_last_address_that_no_named_proxy_vouches_for(peer: str, forwarded: str, client: str) -> None:
    assert forwarded_for(peer, forwarded, (ipaddress.ip_network("10.0.0.0/8"),)) == client


@pytest.mark.parametrize(
    ("address", "network"),
    [
        (PHONE, PHONE),
        ("::ffff:8.8.4.4", PHONE),
        ("2001:4860:1:2:3:4:5:6", "2001:4860:1:2::/64"),
        ("127.0.0.1", None),
        ("10.0.0.1", None),
        ("100.64.0.1", None),
        ("::1", None),
        ("fe80::1", None),
        ("nonsense", None),
    ],
)
def test_a_subscriber_counts_once_and_private_addresses_not_at_all(address: str, network: str | None) -> None:
    assert network_of(address) == network


def test_settings_say_what_is_wrong_with_a_limit_or_a_proxy() -> None:
    given = {"JOREN_TRUSTED_PROXIES": "10.0.0.0/8, 192.168.1.1", "JOREN_ADDRESS_LIMIT": "0", "JOREN_KEY_LIMIT": "5"}
    settings = read(given)
    assert [str(each) for each in settings.trusted_proxies] == ["10.0.0.0/8", "192.168.1.1/32"]
    assert (settings.address_limit, settings.key_limit, settings.api_limit) == (0, 5, 6_000)
    for name, value in (("JOREN_TRUSTED_PROXIES", "proxy"), ("JOREN_ADDRESS_LIMIT", "-1"), ("JOREN_API_LIMIT", "many")):
        with pytest.raises(BadSettings, match=name):
            read({name: value})
