"""What a stranger can do who took the write key out of the app: the five attacks of the threat model, played through.

He sends over HTTP to the running intake, with every kind of token he could have: none, one that he signed himself, and the
good one of his own membership. The refresh then turns it into people, devices and figures, and nothing of the victim's is
his. Docs: decisions/0009-whose-device.md and 0011-customer-tokens.md.
"""

from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import asyncpg
import pytest

from backend.services.customer_tokens.tokens import CustomerTokens
from segments import intake
from segments.tokens import TokenMode
from tests.api.conftest import Intake
from tests.fixtures.customer_tokens import Issuer
from tests.services.refreshing import Shop, identify, opened, order, phone, track

SHOP = Issuer()
FORGER = Issuer(number=1)

TOKENS: tuple[dict[str, Any], ...] = (
    {},
    {"userToken": FORGER.token("victim")},
    {"userToken": SHOP.token("stranger")},
)
"""None, one he signed himself, and the good one of his own membership."""
MODES = [mode.value for mode in TokenMode]


@dataclass
class House:
    """A shop with a member, whose phone is known; and a stranger at the door."""

    intake: Intake
    shop: Shop
    numbers: Any = field(default_factory=count)

    async def send(self, key: str, *events: dict[str, Any], context: Any = None) -> None:
        batch = [{"messageId": f"m{next(self.numbers)}", **event} for event in events]
        answer = await self.intake.send({"batch": batch, "context": context or {}}, auth=(key, ""))
        assert answer.status_code == 200

    async def till(self, *events: dict[str, Any]) -> None:
        await self.send(self.intake.till.write_key, *events)

    async def member(self, *events: dict[str, Any]) -> None:
        await self.send(self.intake.app.write_key, *events, context={"userToken": SHOP.token("victim")})

    async def stranger(self, *events: dict[str, Any]) -> None:
        """The same with each token he could have."""
        for token in TOKENS:
            await self.send(self.intake.app.write_key, *events, context=token)
        await self.shop.refresh.run_once()

    async def traits(self, user_id: str) -> Any:
        return await self.shop.pool.fetchval("SELECT traits FROM customers WHERE user_id = $1", user_id)


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def house(intake: Intake, tmp_path: Path, mode: str) -> House:
    tokens, source_id = intake.services.customer_tokens, intake.app.source_id
    await tokens.add_key(source_id, public_key=SHOP.public, kid="k1")
    await tokens.set_mode(source_id, mode=mode)
    house = House(intake, Shop(intake.services.pool, tmp_path))
    rank = track("Membership Rank Changed", user="victim", rank="gold")
    await house.till(identify(user="victim", anonymous="a-victim", name="常連 花子", push_consent=True))
    await house.till(rank, order("o1", 1000, user="victim"), track("Coupon Redeemed", user="victim", coupon_id="c1"))
    await house.member(opened(user="victim", anonymous="a-victim", token="own"))
    await house.till(identify(user="stranger"))
    await house.shop.refresh.run_once()
    return house


async def test_the_members_second_phone_is_live_by_his_token_alone(house: House, mode: str) -> None:
    await house.member(opened(user="victim", anonymous="a-second", token="second"))
    await house.shop.refresh.run_once()
    assert await house.shop.device("second") == ("victim", "unproven" if mode == "off" else "live")


async def test_a_overwrite_the_victims_rank(house: House, mode: str) -> None:
    await house.stranger(
        identify(user="victim", rank="none", name="だれか"),
        identify(user="victim", anonymous="a-stranger", push_consent=False),
        track("Membership Rank Changed", user="victim", rank="none"),
        track("Consent Changed", user="victim", granted=False),
    )
    row = await house.shop.row("victim")
    assert row["rank"] == "gold"
    sure = "SELECT bool_and(verified = (source_id <> $1)) FROM consent_words"
    assert await house.shop.pool.fetchval(sure, house.intake.app.source_id)
    if mode == "enforce":
        assert (await house.traits("victim"))["name"] == "常連 花子"
        assert row["consented"] is True


async def test_b_receive_the_victims_pushes(house: House) -> None:
    evil = {"device": {"token": "evil", "id": "own-device"}}
    await house.stranger(
        opened(anonymous="a-stranger", token="evil"),
        identify(user="victim", anonymous="a-stranger", token="evil"),
        opened(user="victim", token="evil"),
        {"type": "alias", "userId": "victim", "previousId": "a-stranger", "context": phone("evil")},
        {"type": "alias", "userId": "victim", "previousId": "stranger", "context": phone("evil")},
        {"type": "group", "groupId": "g", "userId": "victim", "context": evil},
    )
    assert await house.shop.device("own") == ("victim", "live")
    owner, state = await house.shop.device("evil")
    assert (owner, state) != ("victim", "live")


async def test_c_merge_profiles(house: House) -> None:
    pool = house.shop.pool
    before = await pool.fetch("SELECT customer_id, user_id FROM customers WHERE user_id IS NOT NULL ORDER BY 1")
    await house.stranger(
        {"type": "alias", "userId": "stranger", "previousId": "victim"},
        {"type": "alias", "userId": "victim", "previousId": "stranger"},
        {"type": "alias", "anonymousId": "a-stranger", "previousId": "victim"},
        identify(user="victim", anonymous="a-stranger"),
        identify(user="stranger", anonymous="a-victim"),
    )
    merged = "SELECT count(*) FROM customers WHERE user_id IS NOT NULL AND merged_into IS NOT NULL"
    assert await pool.fetchval(merged) == 0
    after = await pool.fetch("SELECT customer_id, user_id FROM customers WHERE user_id IS NOT NULL ORDER BY 1")
    assert after == before
    owner = "SELECT user_id FROM identities AS i JOIN customers USING (customer_id) WHERE i.value = 'a-victim'"
    assert await pool.fetchval(owner) == "victim"


async def test_d_inflate_the_figures(house: House, mode: str) -> None:
    before = await house.shop.row("victim")
    money = [
        *(order(f"x{n}", 1_000_000, user=user) for n, user in enumerate(("victim", "stranger", "nobody"))),
        {**order("x9", 1_000_000, user="x"), "userId": None, "anonymousId": "a-stranger"},
        track("Points Earned", user="victim", points=1_000_000),
        track("Coupon Redeemed", user="stranger", coupon_id="c1"),
        track("Order Refunded", user="victim", order_id="o1", total=1000),
        track("Order Refunded", user="stranger", order_id="o1", total=1_000_000),
        track("Order Cancelled", user="stranger", order_id="o1"),
    ]
    await house.stranger(*money, *(opened(user="victim") for _ in range(20)))
    after, frame = await house.shop.row("victim"), house.shop.frame.read().frame.collect()
    assert frame.get_column("spend").sum() == 1000
    assert frame.get_column("orders").sum() == 1
    if mode == "enforce":
        assert {column: after[column] for column in before} == before
        untrusted = (
            "SELECT count(*) FROM event_log WHERE event = 'Order Completed' AND NOT trusted AND user_id <> 'stranger'"
        )
        assert await house.shop.pool.fetchval(untrusted) == 0
    assert await no_public_key_is_trusted_with_money(house.shop.pool)


async def no_public_key_is_trusted_with_money(pool: asyncpg.Pool) -> bool:
    statement = """
        SELECT count(*) FROM event_log JOIN sources USING (source_id)
        WHERE kind = 'app' AND trusted AND event IN ('Order Completed', 'Points Earned', 'Coupon Redeemed', 'Order Refunded')
    """
    return bool(await pool.fetchval(statement) == 0)


@pytest.mark.parametrize("mode", ["enforce"], indirect=True)
async def test_saboteur_without_the_check_the_victims_name_is_lost(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CustomerTokens, "check_for", AsyncMock(return_value=None))
    await house.stranger(identify(user="victim", name="だれか"))
    assert (await house.traits("victim"))["name"] == "だれか"


@pytest.mark.parametrize("mode", ["enforce"], indirect=True)
async def test_saboteur_where_a_token_proves_money_the_stranger_pays_himself(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "may_state", lambda _: True)
    await house.stranger(order("x1", 1_000_000, user="stranger"))
    assert (await house.shop.row("stranger"))["spend"] == 1_000_000
    assert not await no_public_key_is_trusted_with_money(house.shop.pool)


@pytest.mark.parametrize("mode", ["enforce"], indirect=True)
async def test_e_fill_the_disk(house: House) -> None:
    """Bodies have a cap, a blind retry is kept once, and a key has a limit, beyond which nothing is written."""
    door, key = house.intake, house.intake.app.write_key
    large = {"batch": [track("Store Visited", user="victim", x="x" * 1024) for _ in range(2000)]}
    assert (await door.send(large, auth=(key, ""))).status_code == 413
    pool = house.shop.pool
    for _ in range(20):
        same = {"batch": [{"messageId": "again", **opened(user="victim")}], "context": TOKENS[1]}
        assert (await door.send(same, auth=(key, ""))).status_code == 200
    assert await pool.fetchval("SELECT count(*) FROM failed_events") == 1
    await pool.execute("UPDATE sources SET key_limit = 60")
    house.intake.services.sources._known.clear()
    answers = []
    for number in range(30):
        flood = [{"messageId": f"{number}-{n}", **opened(user="victim")} for n in range(10)]
        answers.append((await door.send({"batch": flood}, auth=(key, ""))).status_code)
    assert set(answers) == {200, 429}
    assert await pool.fetchval("SELECT count(*) FROM failed_events") == 1 + 10 * answers.count(200) <= 1 + 130
