"""A refresh on a database and folders of its own, and events to feed it."""

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import polars as pl

from backend.clock import FixedClock
from backend.lake.asked import AskedFrame
from backend.lake.frame import CustomerFrame
from backend.lake.tables import Lake
from backend.services.refresh.loop import Refresh
from backend.services.rule_facts import RuleFacts
from backend.store import events
from segments.envelope import Event
from segments.intake import Reception, read_event

NOW = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
"""Noon of the business day 2026-04-01 in Tokyo."""


class Shop:
    """An installation without its servers: append events, refresh, look."""

    def __init__(self, pool: asyncpg.Pool, home: Path, **options: Any) -> None:
        self.pool = pool
        self.clock = FixedClock(NOW)
        self.lake = Lake(home / "lake")
        self.frame = CustomerFrame(home / "frame")
        self.asked = AskedFrame(self.frame, self.lake, RuleFacts(pool, self.clock))
        self.refresh = Refresh(pool, self.clock, self.lake, self.frame, **options)
        self._numbers = count(1)

    async def source(self, name: str, kind: str) -> int:
        """A source of a kind."""
        statement = "INSERT INTO sources (name, kind) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET name = $1 RETURNING source_id"
        return int(await self.pool.fetchval(statement, name, kind))

    async def send(self, kind: str, *calls: dict[str, Any], at: datetime | None = None) -> None:
        """Take in calls over a source of that kind, as one request."""
        source_id = await self.source("joren" if kind == "system" else f"the {kind}", kind)
        moment = at or self.clock.now()
        reception = Reception(source_id=source_id, trusted=kind != "app", received_at=self.clock.now())
        rows = []
        for call in calls:
            whole = {"messageId": f"m{next(self._numbers)}", "timestamp": moment.isoformat(), **call}
            event = read_event(msgspec.json.encode(whole), reception)
            assert isinstance(event, Event), event
            rows.append(event)
        async with self.pool.acquire() as connection, connection.transaction():
            await events.append(connection, rows, received_at=self.clock.now())

    async def row(self, user_id: str) -> dict[str, Any]:
        """The frame row of a member."""
        found = await self.pool.fetchval(
            "SELECT customer_id FROM identities WHERE kind = 'user' AND value = $1", user_id
        )
        return self.frame.read().frame.filter(pl.col("customer_id") == found).collect().row(0, named=True)

    async def device(self, address: str) -> tuple[str | None, str]:
        """Member and state of an address."""
        row = await self.pool.fetchrow(
            "SELECT c.user_id, d.state FROM devices AS d JOIN customers AS c USING (customer_id) WHERE address = $1",
            address,
        )
        assert row is not None
        return row["user_id"], row["state"]

    def lake_seqs(self) -> list[int]:
        """Seq of every event of the lake."""
        return sorted(self.lake.events().select("seq").collect().get_column("seq").to_list())

    async def log_seqs(self) -> list[int]:
        """Seq of every event of the log."""
        return [row[0] for row in await self.pool.fetch("SELECT seq FROM event_log ORDER BY seq")]

    def counted(self) -> int:
        """Occurrences in customer_days, derived rows apart."""
        rows = self.lake.customer_days().filter(~pl.col("event").is_in(["Device Seen", "Order Line"]))
        return int(rows.select(pl.col("count").sum()).collect().item() or 0)

    def pass_time(self, by: timedelta) -> None:
        """Move the clock."""
        self.clock.advance(by)


def track(event: str, *, user: str | None = None, anonymous: str | None = None, **more: Any) -> dict[str, Any]:
    """A track call; keywords beside ``context`` are properties."""
    context = more.pop("context", {})
    ids = {"userId": user, "anonymousId": anonymous}
    return {"type": "track", "event": event, **ids, "properties": more, "context": context}


def identify(
    *, user: str | None = None, anonymous: str | None = None, token: str | None = None, **traits: Any
) -> dict[str, Any]:
    """An identify call."""
    return {"type": "identify", "userId": user, "anonymousId": anonymous, "traits": traits, "context": phone(token)}


def opened(*, user: str | None = None, anonymous: str | None = None, token: str | None = None) -> dict[str, Any]:
    """The app was opened on a phone with a push address."""
    return track("Application Opened", user=user, anonymous=anonymous, context=phone(token))


def phone(token: str | None) -> dict[str, Any]:
    """The context of an app on a phone."""
    return {"device": {"token": token}, "os": {"name": "Android"}, "locale": "ja-JP"} if token else {}


def order(number: str, total: float, *, user: str, **more: Any) -> dict[str, Any]:
    """An order."""
    return track("Order Completed", user=user, order_id=number, total=total, **more)
