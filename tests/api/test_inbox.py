"""The inbox over HTTP, on the ledger that launches and sends: whose it is, what is in it, what nobody may see."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from campaigns.content import Content, Text
from tests.api.conftest import Intake
from tests.fixtures.customer_tokens import Issuer
from tests.fixtures.shop_floor import ShopFloor

SHOP = Issuer()
STRANGER = Issuer(number=1)
CONTENT = Content(ja=Text("{{ 姓 }}様へ", "紅茶の季節です"), en=Text("Tea", "It is the season"))


class App:
    """The shop's app on somebody's phone."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self.floor = ShopFloor(intake.services.pool, clock=intake.services.clock)

    async def get(self, member: str | None, token: str | None = None, **query: Any) -> httpx.Response:
        """Ask for the inbox of whoever is signed in."""
        return await self.intake.client.get("/v1/inbox", params=query, **self._as(member, token))

    async def read(self, member: str, *ids: str) -> httpx.Response:
        """Note what was read; without ids, everything."""
        body = {"ids": list(ids)} if ids else {}
        return await self.intake.client.post("/v1/inbox/read", json=body, **self._as(member, None))

    def _as(self, member: str | None, token: str | None) -> dict[str, Any]:
        signed = token or (SHOP.token(member, at=self.floor.clock.now()) if member else None)
        headers = {"X-User-Token": signed} if signed else {}
        return {"headers": headers, "auth": (self.intake.app.write_key, "")}

    async def titles(self, member: str) -> list[str]:
        answer = await self.get(member)
        assert answer.status_code == 200, answer.text
        return [message["title"] for message in answer.json()["messages"]]


@pytest.fixture
async def app(intake: Intake) -> App:
    tokens = intake.services.customer_tokens
    await tokens.add_key(intake.app.source_id, public_key=SHOP.public, kid="k1")
    await tokens.set_mode(intake.app.source_id, mode="report")
    app = App(intake)
    await app.floor.settings()
    return app


async def sent(app: App, people: int = 2, **changes: Any) -> list[str]:
    """A campaign that went out; gives the members."""
    ids = await app.floor.people(people, family_name="佐藤")
    await app.floor.launched(content=CONTENT, **changes)
    await app.floor.drain()
    return await know(app, ids)


async def know(app: App, ids: list[int]) -> list[str]:
    """Let these customers sign in; gives their member numbers."""
    rows = await app.floor.pool.fetch("SELECT user_id FROM customers WHERE customer_id = ANY ($1)", ids)
    await app.floor.pool.execute(
        """INSERT INTO identities (kind, value, customer_id, proven, linked_at)
           SELECT 'user', user_id, customer_id, true, now() FROM customers ON CONFLICT DO NOTHING"""
    )
    return [row["user_id"] for row in rows]


async def test_a_push_is_kept_and_read_once(app: App) -> None:
    one, other = await sent(app)
    page = (await app.get(one)).json()
    assert page["unread"] == 1
    assert page["next"] is None
    (message,) = page["messages"]
    assert (message["title"], message["body"], message["read_at"]) == ("佐藤様へ", "紅茶の季節です", None)
    assert (await app.read(one, message["id"])).json() == {"unread": 0}
    app.floor.clock.advance(timedelta(minutes=1))
    assert (await app.read(one)).json() == {"unread": 0}
    again = (await app.get(one)).json()
    assert (again["unread"], again["messages"][0]["read_at"]) == (0, "2026-04-01T03:00:00Z")
    assert (await app.get(other)).json()["unread"] == 1


async def test_who_refuses_pushes_or_has_no_phone_finds_it_and_control_does_not(app: App) -> None:
    refusing = await app.floor.people(1, consent=False, family_name="佐藤")
    phoneless = await app.floor.people(1, phones=0, family_name="佐藤")
    members = await sent(app, people=40, holdout_percent=50.0)
    pool = app.floor.pool
    arms = dict(await pool.fetch("SELECT c.user_id, p.arm FROM campaign_people p JOIN customers c USING (customer_id)"))
    shown = {member: bool(await app.titles(member)) for member in members}
    assert shown == {member: arms[member] == "treated" for member in members}
    assert len(set(shown.values())) == 2
    for number in (*refusing, *phoneless):
        user = await pool.fetchval("SELECT user_id FROM customers WHERE customer_id = $1", number)
        assert await app.titles(user) == ["佐藤様へ"]


async def test_of_a_campaign_cancelled_before_it_went_out_nothing_is_shown(app: App) -> None:
    ids = await app.floor.people(2)
    await app.floor.consent(ids[:1], granted=False)
    refusing = await app.floor.pool.fetchval("SELECT user_id FROM customers WHERE customer_id = $1", ids[0])
    stopped, ended = [await app.floor.launched(name, content=CONTENT) for name in ("stopped", "ended")]
    await app.floor.desk.cancel(stopped, by="test")
    await app.floor.deliveries.deliver()
    await app.floor.desk.cancel(ended, by="test")
    await know(app, ids)
    page = (await app.get(refusing)).json()
    assert [message["id"].split("-")[0] for message in page["messages"]] == [str(ended)]
    assert page["unread"] == 1
    await app.read(refusing)
    assert await app.floor.pool.fetchval("SELECT count(*) FROM inbox_reads") == 1


async def test_nobody_opens_anothers_inbox(app: App) -> None:
    one, _ = await sent(app)
    key = app.intake.app.write_key
    assert (await app.get(None)).status_code == 401
    assert (await app.get(one, STRANGER.token(one, at=app.floor.clock.now()))).status_code == 401
    late = SHOP.token(one, at=app.floor.clock.now() - timedelta(hours=2))
    assert (await app.get(one, late)).status_code == 401
    assert (await app.get(one, "x" * 5000)).status_code == 401
    assert (await app.intake.client.get("/v1/inbox", headers={"X-User-Token": SHOP.token(one)})).status_code == 401
    secret = await app.intake.client.get("/v1/inbox", auth=(app.intake.till.write_key, ""))
    assert (secret.status_code, secret.json()["code"]) == (403, "secret_key_in_app")
    await app.intake.services.customer_tokens.set_mode(app.intake.app.source_id, mode="off")
    off = await app.get(one)
    assert (off.status_code, off.json()["code"]) == (403, "tokens_off")
    assert key not in off.text


async def test_an_unknown_member_has_an_empty_inbox_and_bad_input_is_said(app: App) -> None:
    await sent(app)
    assert (await app.get("nobody")).json() == {"messages": [], "unread": 0, "next": None}
    assert (await app.read("nobody", "1-1-0")).json() == {"unread": 0}
    for fault in (
        await app.get("u0-1", before="rubbish"),
        await app.get("u0-1", before="é"),
        await app.read("u0-1", "x"),
    ):
        assert (fault.status_code, fault.json()["code"]) in {(400, "bad_cursor"), (400, "bad_message_id")}
    assert (await app.get("u0-1", size=0)).status_code == 400


async def test_anothers_message_cannot_be_marked_as_read(app: App) -> None:
    members = await sent(app, people=2, holdout_percent=0.0)
    (message,) = (await app.get(members[0])).json()["messages"]
    await app.floor.people(1)
    await app.read("u40-1", message["id"])
    assert await app.floor.pool.fetchval("SELECT count(*) FROM inbox_reads") == 0


async def test_pages_follow_each_other_and_old_messages_go(app: App) -> None:
    members = await sent(app, people=1, name="first")
    for name in ("second", "third"):
        app.floor.clock.advance(timedelta(days=40))
        await app.floor.launched(name, content=Content(ja=Text(name, "x")))
        await app.floor.drain()
    first = (await app.get(members[0], size=1)).json()
    second = (await app.get(members[0], size=1, before=first["next"])).json()
    assert [page["messages"][0]["title"] for page in (first, second)] == ["third", "second"]
    third = (await app.get(members[0], size=1, before=second["next"])).json()
    assert [each["title"] for each in third["messages"]] == ["佐藤様へ"]
    app.floor.clock.advance(timedelta(days=20))
    assert await app.titles(members[0]) == ["third", "second"]


async def test_a_merged_account_keeps_its_messages_each_once(app: App) -> None:
    one, other = await sent(app)
    pool = app.floor.pool
    await pool.execute(
        """UPDATE customers SET merged_into = (SELECT customer_id FROM customers WHERE user_id = $1) WHERE user_id = $2""",
        one,
        other,
    )
    assert await app.titles(one) == await app.titles(other) == ["佐藤様へ"]
    assert (await app.read(other)).json() == {"unread": 0}
    assert (await app.get(one)).json()["unread"] == 0
