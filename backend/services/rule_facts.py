"""What PostgreSQL answers for rules: the shop's definitions, the send ledger, and static lists."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg
import polars as pl

from backend.clock import Clock
from backend.lake.asked_sources import Rows, Standing
from backend.store import customers, life_cycle, shop
from backend.store import rule_facts as store
from backend.store.pool import Connection
from campaigns.attribution import window_end
from campaigns.messages import Launched
from segments.shop_traits import read_trait


@dataclass(slots=True)
class RuleFacts:
    """See `backend.lake.asked.Sources`."""

    pool: asyncpg.Pool
    clock: Clock
    _version: int = 0
    _survivors: dict[int, int] = field(default_factory=dict)

    async def standing(self) -> Standing:
        """The shop's definitions as they stand."""
        now = self.clock.now()
        async with self.pool.acquire() as connection:
            settings = await shop.read_settings(connection)
            await self._learn_merges(connection)
            return Standing(
                now=now,
                calendar=settings.calendar,
                exclude_test_accounts=settings.exclude_test_accounts,
                thresholds=tuple(life_cycle.thresholds_of(row) for row in await life_cycle.list_versions(connection)),
                traits={trait.column: trait for trait in map(read_trait, settings.segment_traits)},
                merge_version=self._version,
                survivors=self._survivors,
                ledger=await store.ledger_mark(connection, now=now),
                lists=await store.list_revisions(connection),
            )

    async def received(self, campaigns: list[int] | None, customers: Sequence[int]) -> pl.DataFrame:
        """``campaign_id``, ``customer_id``, ``at`` of the first accepted push of each campaign."""
        async with self.pool.acquire() as connection:
            return await store.list_received(connection, campaigns=campaigns, customers=customers)

    async def hand_received(self, campaigns: list[int] | None, to: Rows) -> None:
        """The same of everyone."""
        async with self.pool.acquire() as connection:
            await store.hand_received(connection, campaigns=campaigns, to=to)

    async def last_pushes(self, customers: Sequence[int]) -> pl.DataFrame:
        """``customer_id``, ``at`` of the last accepted push."""
        async with self.pool.acquire() as connection:
            return await store.list_last_pushes(connection, customers=customers)

    async def hand_last_pushes(self, to: Rows) -> None:
        """The same of everyone."""
        async with self.pool.acquire() as connection:
            await store.hand_last_pushes(connection, to=to)

    async def launched(self, campaigns: list[int] | None) -> list[Launched]:
        """Campaigns that were launched."""
        async with self.pool.acquire() as connection:
            rows = await store.list_launched(connection, campaigns=campaigns)
        return [
            Launched(
                campaign_id=row["campaign_id"],
                conversion_event=row["conversion_event"],
                planned_at=row["planned_at"],
                ends_at=window_end(row["planned_at"], row["conversion_days"]),
            )
            for row in rows
        ]

    async def arms(self, campaigns: list[int], customers: Sequence[int]) -> pl.DataFrame:
        """``campaign_id``, ``customer_id``, ``arm`` of those in an arm of a campaign."""
        async with self.pool.acquire() as connection:
            return await store.list_arms(connection, campaigns=campaigns, customers=customers)

    async def hand_arms(self, campaigns: list[int], to: Rows) -> None:
        """The same of everyone."""
        async with self.pool.acquire() as connection:
            await store.hand_arms(connection, campaigns=campaigns, to=to)

    async def trait(self, name: str) -> pl.DataFrame:
        """``customer_id``, ``value`` (JSON) of everyone who has a trait."""
        async with self.pool.acquire() as connection:
            return await store.list_trait(connection, name=name)

    async def on_list(self, list_id: int) -> pl.DataFrame:
        """``customer_id`` of everyone on a static list."""
        async with self.pool.acquire() as connection:
            return await store.list_on_list(connection, list_id=list_id)

    async def _learn_merges(self, connection: Connection) -> None:
        """Most members of an app were merged once: only what is new is asked for."""
        version = await customers.merge_version(connection)
        if version != self._version:
            new = await customers.list_merges(connection, after=self._version)
            self._survivors = {**self._survivors, **dict(new)}
            self._version = version
