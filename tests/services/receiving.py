"""A door without HTTP: calls are read by their source's rules and written to the log."""

from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec

from backend.clock import FixedClock
from backend.services.failed_events import FailedEvents
from backend.services.replays import Replays, Wanted
from backend.services.sources import Sources
from backend.services.tracking_plans import TrackingPlans
from backend.store import events
from segments.envelope import Event
from segments.intake import Reception, read_event
from segments.plan import Plan, read_plan
from segments.tokens import TokenCheck, TokenMode, Verdict

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)

STRICT: dict[str, Any] = {
    "events": [{"name": "Own", "properties": [{"path": "size", "type": "integer", "required": True}]}]
}
"""Own has a size."""
LOOSE: dict[str, Any] = {"events": [{"name": "Own", "properties": [{"path": "size", "type": "integer"}]}]}
"""Own may have a size."""


class Door:
    """One app's source, its plan, its failed events."""

    def __init__(self, pool: asyncpg.Pool, source_id: int, **options: Any) -> None:
        self.pool = pool
        self.source_id = source_id
        self.clock = FixedClock(NOW)
        self.plans = TrackingPlans(pool, self.clock)
        self.failed = FailedEvents(pool)
        fresh = TrackingPlans(pool, self.clock, remember=NOW - NOW)
        self.replays = Replays(pool, self.clock, rules_of=fresh.rules_of, **options)

    @classmethod
    async def open(cls, pool: asyncpg.Pool, *, name: str = "app", kind: str = "app", **options: Any) -> "Door":
        """A new source."""
        made = await Sources(pool, FixedClock(NOW)).create(name, kind=kind)
        return cls(pool, made.source_id, **options)

    async def plan(self, document: Any, *, on_violation: str = "keep", ga4_names: bool = False) -> int:
        """Put a plan in force."""
        stands = await self.plans.get(self.source_id)
        await self.plans.decide(self.source_id, on_violation=on_violation, ga4_names=ga4_names, actor="test")
        plan: Plan = read_plan(document)
        return await self.plans.save(self.source_id, plan, actor="test", based_on=stands.version)

    async def send(
        self,
        *calls: dict[str, Any] | bytes,
        shared: dict[str, Any] | None = None,
        call: str | None = None,
        verdict: Verdict | None = None,
    ) -> events.Appended:
        """Take in calls as one request; ``verdict`` is what their customer token proves, where tokens are enforced."""
        tokens = None
        if verdict is not None:
            tokens = TokenCheck(mode=TokenMode.ENFORCE, read=lambda _: verdict, shared="a token")
        reception = Reception(
            source_id=self.source_id,
            trusted=False,
            received_at=self.clock.now(),
            context=shared,
            call=call,
            tokens=tokens,
            rules=await self.plans.rules_of(self.source_id),
        )
        read = [read_event(raw if isinstance(raw, bytes) else msgspec.json.encode(raw), reception) for raw in calls]
        good = [each for each in read if isinstance(each, Event)]
        bad = [each for each in read if not isinstance(each, Event)]
        async with self.pool.acquire() as connection, connection.transaction():
            return await events.append(connection, good, bad, received_at=reception.received_at)

    async def replay(self, **wanted: Any) -> Any:
        """Replay to the end."""
        asked = await self.replays.ask(Wanted(**wanted), actor="mika@joren.example")
        while await self.replays.work(asked.replay_id):
            pass
        return await self.replays.replay(asked.replay_id)

    async def rows(self, what: str = "message_id") -> list[Any]:
        """A column of the log in its order."""
        return [row[0] for row in await self.pool.fetch(f"SELECT {what} FROM event_log ORDER BY seq")]

    async def counters(self) -> tuple[int, int, int]:
        """Stored, repeated and failed of everything that was ever sent."""
        sums = "SELECT sum(stored)::int, sum(repeated)::int, sum(failed)::int FROM event_counts"
        return tuple(await self.pool.fetchrow(sums))  # type: ignore[return-value]


def own(message_id: str, **properties: Any) -> dict[str, Any]:
    """A call of the event Own."""
    return {
        "type": "track",
        "event": "Own",
        "userId": "u",
        "messageId": message_id,
        "timestamp": NOW.isoformat(),
        "properties": properties,
    }
