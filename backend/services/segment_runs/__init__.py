"""Segments: kept as versioned rules, looked at on the customer frame.

The frame is asked off the event loop; names come from PostgreSQL for the ten people who are shown and nobody else.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import date
from typing import Any

import asyncpg
import polars as pl

from backend.clock import Clock
from backend.errors import NotFound
from backend.services.segment_runs.explaining import explanation_of, row_for
from backend.services.segment_runs.kept import read_kept
from backend.services.segment_runs.rows import person_of, read_all, read_names, read_stored, stored_of
from backend.services.segment_runs.saving import Change
from backend.store import people, shop
from backend.store import segments as store
from backend.store.rules import resolve_rule, resolve_rules
from backend.store.segment_uses import read_uses
from campaigns.shop import ShopSettings
from segments.frame import Glance, Progress, QuickFrame
from segments.membership import members, population
from segments.overview import Explanation, ListedSegment, Person, Preview, StoredSegment
from segments.preview import Count, look_soon, people_of, sizes
from segments.raw_members import known_since
from segments.rules.describe import describe
from segments.rules.rule import Rule
from segments.uses import SegmentUses


class SegmentRuns:
    """Segments and who is in them."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, frame: QuickFrame) -> None:
        self._pool = pool
        self._clock = clock
        self._frame = frame

    async def stored(self, *, archived: bool = False) -> list[StoredSegment]:
        """All segments by name; nothing is counted."""
        async with self._pool.acquire() as connection:
            return await read_all(connection, archived=archived)

    async def list(self, *, archived: bool = False, kept: bool = False) -> list[ListedSegment]:
        """All segments with their sizes, by name; the frame is read once for all of them.

        Args:
            archived: those that are put away too.
            kept: the sizes that memberships were last kept with, where there are any; else everything is counted now.
        """
        async with self._pool.acquire() as connection:
            stored = await read_all(connection, archived=archived)
            settings = await shop.read_settings(connection)
            rules = await resolve_rules(connection, [(each.segment.id, each.segment.rule) for each in stored])
            known = await read_kept(connection, stored, rules) if kept else {}
        asked = [rule for each, rule in zip(stored, rules, strict=True) if each.segment.id not in known]
        view, tests = await self._frame.read_for(asked), settings.exclude_test_accounts
        counts = iter(await asyncio.to_thread(sizes, view, asked, exclude_test_accounts=tests))
        total = await asyncio.to_thread(people_of, view, exclude_test_accounts=tests) if known else 0
        return [
            ListedSegment(stored=each, count=known[each.segment.id].count(total))
            if each.segment.id in known
            else ListedSegment(stored=each, count=next(counts))
            for each in stored
        ]

    async def get(self, segment_id: int, *, version: int | None = None) -> StoredSegment:
        """A segment with one version of its rule, the present one by default.

        Raises:
            NotFound: no such segment or version.
        """
        async with self._pool.acquire() as connection:
            return await read_stored(connection, segment_id, version)

    async def versions(self, segment_id: int) -> Sequence[StoredSegment]:
        """Every version of a segment, the present one first.

        Raises:
            NotFound: no such segment.
        """
        async with self._pool.acquire() as connection:
            rows = await store.list_versions(connection, segment_id=segment_id)
            settings, names = await shop.read_settings(connection), await read_names(connection)
        if not rows:
            raise NotFound(f"There is no segment {segment_id}.", code="segment_not_found")
        return [stored_of(row, settings.currency, names) for row in rows]

    async def find(self, name: str) -> StoredSegment:
        """The segment of a name.

        Raises:
            NotFound: no segment has that name.
        """
        async with self._pool.acquire() as connection:
            segment_id = await store.find_segment(connection, name=name.strip())
            if segment_id is None:
                raise NotFound(f'No segment is called "{name}".', code="segment_not_found")
            return await read_stored(connection, segment_id, None)

    async def uses(self, segment_id: int) -> SegmentUses:
        """What goes by a segment.

        Raises:
            NotFound: no such segment.
        """
        async with self._pool.acquire() as connection:
            await read_stored(connection, segment_id, None)
            return await read_uses(connection, segment_id=segment_id)

    async def create(self, name: str, rule: Rule, *, actor: str) -> StoredSegment:
        """A new segment.

        Raises:
            BadInput: a name that cannot be taken, or a rule that asks for a segment or list that is not there.
            Conflict: the name is taken.
        """
        async with self._changing(actor) as change:
            return await read_stored(change.connection, await change.create(name, rule), None)

    async def save(
        self,
        segment_id: int,
        *,
        name: str,
        rule: Rule,
        actor: str,
        expected_version: int | None = None,
        confirm: bool = False,
    ) -> StoredSegment:
        """Give a segment another name or rule; a changed rule is a new version.

        Args:
            segment_id: the segment.
            name: its name from now on.
            rule: its rule from now on.
            actor: who asks for it.
            expected_version: the version the editor began with; None does not check.
            confirm: change the rule although campaigns that wait, or other segments, go by it.

        Raises:
            NotFound: no such segment.
            BadInput: a name that cannot be taken, or a rule that asks for a segment or list that is not there, or for itself.
            SegmentUsed: it is not confirmed; who goes by it is told.
            Conflict: the name is taken, the segment is archived, or somebody else changed it meanwhile.
        """
        async with self._changing(actor) as change:
            await change.save(segment_id, name=name, rule=rule, expected_version=expected_version, confirm=confirm)
            return await read_stored(change.connection, segment_id, None)

    async def archive(self, segment_id: int, *, actor: str) -> None:
        """Put a segment away. Its versions stay, and so do the campaigns that used them.

        Raises:
            NotFound: no such segment.
            Conflict: a campaign is scheduled, sending or paused on it, or a live segment asks for it.
        """
        async with self._changing(actor) as change:
            await change.archive(segment_id)

    async def restore(self, segment_id: int, *, actor: str) -> None:
        """Take an archived segment back.

        Raises:
            NotFound: no such segment.
            BadInput: its rule asks for a segment or list that is archived.
        """
        async with self._changing(actor) as change:
            await change.restore(segment_id)

    async def count(self, segment_id: int) -> Count:
        """How large a segment is now.

        Raises:
            NotFound: no such segment.
        """
        _, rule, settings = await self._resolved(segment_id, None)
        return (await self._counts([rule], settings))[0]

    async def preview(self, rule: Rule, *, by: str = "rank", soon: bool = False) -> Preview:
        """What a rule would hold, kept or not.

        Args:
            rule: any rule.
            by: one of `segments.preview.PICTURES`.
            soon: what has to be counted first is estimated (``about``), and counted meanwhile; `progress` tells when it is.
        """
        async with self._pool.acquire() as connection:
            settings = await shop.read_settings(connection)
            whole, names = await resolve_rule(connection, rule), await read_names(connection)
        glance = await (self._frame.read_soon([whole]) if soon else self._exactly(whole))
        view, tests = glance.view, settings.exclude_test_accounts
        found = await asyncio.to_thread(look_soon, glance, whole, by=by, exclude_test_accounts=tests)
        return Preview(
            count=Count(
                size=found.size,
                total=found.total,
                reachable=found.reachable,
                as_of=view.as_of,
                known_since=known_since(whole, view.raw_since, day=view.day),
            ),
            by=by,
            groups=found.groups,
            sample=await self._named(found.sample),
            sentence_ja=describe(rule, "ja", currency=settings.currency, names=names["ja"]),
            sentence_en=describe(rule, "en", currency=settings.currency, names=names["en"]),
            about=found.about,
        )

    async def progress(self, rule: Rule) -> Progress:
        """Whether `preview` has no more need of estimates; where it has, everyone is being counted, unless that failed.

        What failed is begun again by `preview`.
        """
        async with self._pool.acquire() as connection:
            whole = await resolve_rule(connection, rule)
        return await self._frame.progress([whole])

    async def _exactly(self, rule: Rule) -> Glance:
        return Glance(await self._frame.read_for([rule]))

    async def members(self, segment_id: int, *, version: int | None = None) -> pl.LazyFrame:
        """Frame rows of a segment's members, by one version of its rule; nothing is read yet.

        Raises:
            NotFound: no such segment or version.
        """
        _, rule, settings = await self._resolved(segment_id, version)
        view = await self._frame.read_for([rule])
        return members(population(view.frame, exclude_test_accounts=settings.exclude_test_accounts), rule)

    async def holding(self, rule: Rule, customer_ids: Collection[int]) -> frozenset[int]:
        """Of some customers those of whom a rule holds as of now; nobody of whom there are no facts yet.

        Raises:
            RuleError: it asks for a segment that there is not.
        """
        async with self._pool.acquire() as connection:
            whole = await resolve_rule(connection, rule)
        view = await self._frame.read_for([whole])
        own = view.frame.filter(pl.col("customer_id").is_in(sorted(customer_ids)))
        found = await asyncio.to_thread(members(own, whole).select("customer_id").collect)
        return frozenset(found.get_column("customer_id"))

    async def known_since(self, segment_id: int) -> date | None:
        """See `segments.raw_members`: whether who is in a segment hangs on history that was dropped.

        Raises:
            NotFound: no such segment.
        """
        _, rule, _ = await self._resolved(segment_id, None)
        view = await self._frame.read_for([rule])
        return known_since(rule, view.raw_since, day=view.day)

    async def explain(self, segment_id: int, *, customer_id: int) -> Explanation:
        """Why a customer is or is not in a segment, condition by condition.

        Raises:
            NotFound: no such segment, or no facts about the customer yet.
        """
        stored, rule, settings = await self._resolved(segment_id, None)
        view = await self._frame.read_for([rule])
        found = await asyncio.to_thread(row_for(rule, view.frame, customer_id).collect)
        async with self._pool.acquire() as connection:
            here = await people.names_of(connection, customer_ids=[customer_id])
            names = await read_names(connection)
        if found.is_empty() or not here:
            raise NotFound(
                f"There are no facts about customer {customer_id} yet: send an event, or wait for the next refresh.",
                code="customer_not_found",
            )
        row = found.row(0, named=True)
        return explanation_of(stored, rule, row, view=view, settings=settings, names=names)

    @contextlib.asynccontextmanager
    async def _changing(self, actor: str) -> AsyncIterator[Change]:
        async with self._pool.acquire() as connection, connection.transaction():
            yield Change(connection, actor, self._clock.now())

    async def _resolved(self, segment_id: int, version: int | None) -> tuple[StoredSegment, Rule, ShopSettings]:
        """A segment, its rule with those of the segments that it asks for, and the settings."""
        async with self._pool.acquire() as connection:
            stored = await read_stored(connection, segment_id, version)
            rule = await resolve_rule(connection, stored.segment.rule, segment_id=segment_id)
            return stored, rule, await shop.read_settings(connection)

    async def _counts(self, rules: Sequence[Rule], settings: ShopSettings) -> Sequence[Count]:
        view = await self._frame.read_for(rules)
        return await asyncio.to_thread(sizes, view, rules, exclude_test_accounts=settings.exclude_test_accounts)

    async def _named(self, rows: Sequence[dict[str, Any]]) -> tuple[Person, ...]:
        async with self._pool.acquire() as connection:
            names = await people.names_of(connection, customer_ids=[row["customer_id"] for row in rows])
        return tuple(person_of(row, known) for row in rows if (known := names.get(row["customer_id"])) is not None)
