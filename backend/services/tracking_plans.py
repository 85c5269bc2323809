"""Tracking plans: which events are expected of a source, kept in versions, and ready for the door."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import asyncpg
import msgspec

from backend.clock import Clock
from backend.errors import BadInput, Conflict, NotFound, Unavailable
from backend.store import access
from backend.store import plans as store
from backend.store.outages import OUTAGES
from backend.store.pool import Connection, briefly
from segments.plan import BadPlan, Plan, check_plan, read_plan
from segments.source_rules import OPEN, SourceRules
from segments.violations import CompiledPlan

VERSIONS = 50
"""Versions that a list shows."""


class OnViolation(StrEnum):
    """What becomes of an event that breaks its source's plan."""

    KEEP = "keep"
    """It is stored, with its violations."""
    QUARANTINE = "quarantine"
    """It is kept as a failed event, until the plan or the app is mended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlan:
    """A source and its plan; ``plan`` and ``version`` are None where it has none."""

    source_id: int
    name: str
    kind: str
    revoked_at: datetime | None
    on_violation: OnViolation
    ga4_names: bool
    plan: Plan | None
    version: int | None
    saved_at: datetime | None
    saved_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanVersion:
    """One version in a list."""

    version: int
    saved_at: datetime
    saved_by: str


@dataclass(frozen=True, slots=True)
class _Known:
    at: datetime
    version: int | None
    rules: SourceRules


class TrackingPlans:
    """Keeps plans and gives the door what it needs of them, remembered for ``remember``."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, remember: timedelta = timedelta(seconds=2)) -> None:
        self._pool = pool
        self._clock = clock
        self._remember = remember
        self._known: dict[int, _Known] = {}

    async def rules_of(self, source_id: int) -> SourceRules:
        """How the source's events are read; a plan is compiled once a version.

        Raises:
            Unavailable: the database does not answer.
        """
        known, now = self._known.get(source_id), self._clock.now()
        if known is not None and now - known.at < self._remember:
            return known.rules
        known = await self._look_up(source_id, known, now)
        self._known[source_id] = known
        return known.rules

    async def _look_up(self, source_id: int, known: _Known | None, now: datetime) -> _Known:
        try:
            async with briefly(self._pool) as connection:
                record = await store.read_rules(connection, source_id=source_id, known=known.version if known else None)
        except OUTAGES as error:
            raise Unavailable("The database does not answer. Send this again later.") from error
        if record is None:
            return _Known(now, None, OPEN)
        plan = known.rules.plan if known and known.version == record["plan_version"] else None
        if record["document"] is not None:
            plan = CompiledPlan(msgspec.convert(record["document"], Plan))
        quarantine = record["on_violation"] == OnViolation.QUARANTINE
        rules = SourceRules(plan=plan, quarantine=quarantine, ga4_names=record["ga4_names"])
        return _Known(now, record["plan_version"], rules)

    async def list(self) -> tuple[SourcePlan, ...]:
        """Every source, oldest first."""
        async with self._pool.acquire() as connection:
            return tuple(_source_plan(record) for record in await store.list_plans(connection))

    async def get(self, source_id: int) -> SourcePlan:
        """One source.

        Raises:
            NotFound: there is none of that number.
        """
        async with self._pool.acquire() as connection:
            records = await store.list_plans(connection, source_id=source_id)
        if not records:
            raise NotFound(f"There is no source {source_id}.")
        return _source_plan(records[0])

    async def named(self, name: str) -> SourcePlan:
        """One source by its name.

        Raises:
            NotFound: there is none of that name.
        """
        for source in await self.list():
            if source.name == name:
                return source
        raise NotFound(f"There is no source named {name}.")

    async def save(self, source_id: int, plan: Plan, *, actor: str, based_on: int | None) -> int:
        """Keep a plan as the source's next version, in force on every process within seconds; gives its number.

        Args:
            source_id: whose plan it is.
            plan: the whole plan.
            actor: who asks for it.
            based_on: the version that the change was made from, None for none.

        Raises:
            BadInput: the plan contradicts itself.
            Conflict: somebody else saved another version meanwhile.
            NotFound: there is no such source.
        """
        try:
            check_plan(plan)
        except BadPlan as error:
            raise BadInput(error.message, code="bad_plan", field="plan") from None
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            if (await _lock(connection, source_id))["plan_version"] != based_on:
                raise Conflict("Somebody else saved this plan meanwhile: look at it again.", code="plan_changed")
            version = await store.add_version(
                connection, source_id=source_id, document=msgspec.to_builtins(plan), now=now, actor=actor
            )
            detail = {"version": version, "events": len(plan.events), "closed": plan.closed}
            await _audit(connection, "plan.save", source_id, at=now, actor=actor, detail=detail)
        self._known.pop(source_id, None)
        return version

    async def drop(self, source_id: int, *, actor: str) -> None:
        """Check the source's events no longer. Its versions stay.

        Raises:
            NotFound: there is no such source.
        """
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            before = await _lock(connection, source_id)
            await store.drop(connection, source_id=source_id)
            await _audit(
                connection, "plan.drop", source_id, at=now, actor=actor, detail={"version": before["plan_version"]}
            )
        self._known.pop(source_id, None)

    async def decide(self, source_id: int, *, on_violation: str, ga4_names: bool, actor: str) -> None:
        """Say what becomes of a violation, and whether the source sends GA4's names.

        Raises:
            BadInput: neither keep nor quarantine.
            NotFound: there is no such source.
        """
        if on_violation not in list(OnViolation):
            raise BadInput("A violation is kept (keep) or quarantined (quarantine).", field="on_violation")
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            before = await _lock(connection, source_id)
            await store.decide(connection, source_id=source_id, on_violation=on_violation, ga4_names=ga4_names)
            after = {"on_violation": on_violation, "ga4_names": ga4_names}
            changed = {
                name: {"from": before[name], "to": value} for name, value in after.items() if before[name] != value
            }
            await _audit(connection, "plan.decide", source_id, at=now, actor=actor, detail=changed)
        self._known.pop(source_id, None)

    async def versions(self, source_id: int) -> tuple[PlanVersion, ...]:
        """The latest versions, newest first."""
        async with self._pool.acquire() as connection:
            records = await store.list_versions(connection, source_id=source_id, limit=VERSIONS)
        return tuple(PlanVersion(**dict(record)) for record in records)

    async def version(self, source_id: int, version: int) -> Plan:
        """One version.

        Raises:
            NotFound: there is none of that number.
        """
        async with self._pool.acquire() as connection:
            document = await store.get_version(connection, source_id=source_id, version=version)
        if document is None:
            raise NotFound(f"There is no version {version} of this plan.")
        return read_plan(document)


async def _lock(connection: Connection, source_id: int) -> asyncpg.Record:
    record = await store.lock_source(connection, source_id=source_id)
    if record is None:
        raise NotFound(f"There is no source {source_id}.")
    return record


async def _audit(
    connection: Connection, action: str, source_id: int, *, at: datetime, actor: str, detail: Mapping[str, object]
) -> None:
    target = f"source {source_id}"
    await access.write_audit(connection, at=at, actor=actor, action=action, target=target, detail=detail)


def _source_plan(record: asyncpg.Record) -> SourcePlan:
    values = dict(record)
    document = values.pop("document")
    on_violation = OnViolation(values.pop("on_violation"))
    return SourcePlan(plan=None if document is None else read_plan(document), on_violation=on_violation, **values)
