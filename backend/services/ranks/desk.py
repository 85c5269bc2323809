"""The desk of the rank rules: keeps versions, works drafts out before they are saved, and finds one person's way."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Protocol

import asyncpg
import msgspec
import narwhals as nw
import polars as pl

from backend.clock import Clock
from backend.errors import BadInput, Conflict, NotFound
from backend.lake.manifest import Manifest
from backend.services.ranks.values import Mover, PersonalRank, RankCount, RankPreview
from backend.store import access, customers, people, shop
from backend.store import rank_rules as store
from backend.store.pool import Connection
from segments.customers import StoredFrame
from segments.history import History, under_survivors
from segments.rank_rules import RankRules, RankVersion, in_force, next_day, problems
from segments.rank_walk import Step
from segments.reduce.customers import RANKING
from segments.reduce.days import BUCKETS
from segments.reduce.ranks import ranks_of
from segments.reduce.trust import only_verified

MOST_LOOKED_AT = 100_000
"""People that a preview walks through; of more it takes every second, third …"""

SAMPLE = 10
LONGEST_NOTE = 200
FURTHEST = timedelta(days=366)
"""How far ahead rules may begin: further lies a slip of the keyboard, and a preview that walks through centuries."""


class MarkedFrame(StoredFrame, Protocol):
    """The customer frame and what its writer noted beside it."""

    def manifest(self) -> Manifest:
        """Its marks name the events that trusted sources report."""
        ...


@dataclass(frozen=True, slots=True)
class _History:
    """Facts of some people: rows of customer_days, and who they are."""

    days: pl.LazyFrame
    asked: list[int] = field(default_factory=list)

    def on(self, day: date) -> pl.LazyFrame:
        """Everybody, asked about as of one day."""
        rows = [(number, day) for number in self.asked]
        return pl.LazyFrame(rows, schema={"customer_id": pl.Int64, "as_of": pl.Date}, orient="row")


class RankDesk:
    """The rank rules of a shop, by version."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, lake: History, frame: MarkedFrame) -> None:
        self._pool = pool
        self._clock = clock
        self._lake = lake
        self._frame = frame

    async def versions(self) -> tuple[RankVersion, ...]:
        """Every version, the first one first."""
        async with self._pool.acquire() as connection:
            return await store.list_versions(connection)

    async def today(self) -> date:
        """The business day that is running."""
        async with self._pool.acquire() as connection:
            return await self._today(connection)

    async def current(self) -> RankVersion | None:
        """The version in force today; None where ranks are not computed."""
        async with self._pool.acquire() as connection:
            return in_force(await store.list_versions(connection), await self._today(connection))

    async def save(
        self, rules: RankRules, *, valid_from: date | None = None, note: str = "", actor: str
    ) -> RankVersion:
        """Keep a new version. It holds from a day on, and no rank of a day before changes.

        Args:
            rules: the rules.
            valid_from: since when they hold; None for today. The first version may begin in the past.
            note: why, for those who read the history of versions.
            actor: who asks for it.

        Raises:
            BadInput: something that cannot be taken; ``field`` names it.
            Conflict: it would begin in the past, where other rules hold.
        """
        _check(rules, note)
        async with self._pool.acquire() as connection, connection.transaction():
            await store.lock(connection)
            known, today = await store.list_versions(connection), await self._today(connection)
            begins = _begin(valid_from, today)
            if known and begins < today:
                sentence = "Ranks of the past stay as they were: new rules begin today or later."
                raise Conflict(sentence, code="ranks_past", field="valid_from")
            version = RankVersion(
                version=1 + max((each.version for each in known), default=0),
                valid_from=begins,
                rules=rules,
                note=note.strip(),
                saved_at=self._clock.now(),
                saved_by=actor,
            )
            await store.insert(connection, version)
            await self._audit(connection, version, actor)
            return version

    async def preview(self, rules: RankRules, *, valid_from: date | None = None) -> RankPreview:
        """What rules would do from a day on: people per rank, who rises, who falls. Nothing is kept.

        Raises:
            BadInput: something that cannot be taken; ``field`` names it.
        """
        _check(rules, "")
        async with self._pool.acquire() as connection:
            known, today = await store.list_versions(connection), await self._today(connection)
        begins = _begin(valid_from, today)
        first_day = max(begins, today)
        history, one_in = await self._everybody()
        drafted = RankVersion(version=1 + len(known), valid_from=first_day if known else begins, rules=rules)
        draft = [*(each for each in known if each.valid_from <= first_day), drafted]
        review = next_day(rules.demotion_dates, first_day - timedelta(days=1))
        reviewed = first_day if review is None else review + timedelta(days=rules.grace_days)
        looks = [(known, first_day), (draft, first_day), (draft, reviewed)]
        ranks = [await asyncio.to_thread(_ranks_on, history, versions, day) for versions, day in looks]
        return await self._told(rules, first_day, reviewed, ranks, one_in)

    async def person(self, customer_id: int) -> PersonalRank:
        """Where one person stands, and how he came there.

        Raises:
            NotFound: no such customer.
        """
        async with self._pool.acquire() as connection:
            survivor = (await customers.read_survivors(connection, customer_ids=[customer_id])).get(customer_id)
            if survivor is None:
                raise NotFound(f"There is no customer {customer_id}.", code="customer_not_found")
            absorbed = await customers.read_absorbed(connection, survivors=[survivor])
            known, today = await store.list_versions(connection), await self._today(connection)
        row = await asyncio.to_thread(self._row, survivor)
        reported: dict[str, Any] = {"reported": row.get("rank"), "reported_since": row.get("rank_since")}
        version = in_force(known, today)
        if version is None:
            return PersonalRank(**reported)
        history = await asyncio.to_thread(self._history, [survivor, *absorbed], absorbed)
        stands, steps = await asyncio.to_thread(_walked, history, known, today)
        if not stands:
            return PersonalRank(**reported)
        return _personal(stands[0], steps, version, today, reported)

    def _row(self, customer_id: int) -> dict[str, Any]:
        found = self._frame.read().frame.filter(pl.col("customer_id") == customer_id)
        rows = found.select("rank", "rank_since").collect().to_dicts()
        return rows[0] if rows else {}

    async def _everybody(self) -> tuple[_History, int]:
        view = await asyncio.to_thread(self._frame.read)
        one_in = -(-view.customers // MOST_LOOKED_AT) or 1
        async with self._pool.acquire() as connection:
            merges = dict(await customers.list_merges(connection))
            settings = await shop.read_settings(connection)
        chosen = view.frame.filter(pl.col("customer_id") % one_in == 0)
        if settings.exclude_test_accounts:
            chosen = chosen.filter(~pl.col("test_account").fill_null(value=False))
        ids = (await asyncio.to_thread(chosen.select("customer_id").collect)).get_column("customer_id").to_list()
        absorbed = {gone: survivor for gone, survivor in merges.items() if survivor % one_in == 0}
        return await asyncio.to_thread(self._history, ids, absorbed), one_in

    def _history(self, customer_ids: Sequence[int], absorbed: dict[int, int]) -> _History:
        """What ranks follow from, of some people under their present numbers."""
        everyone = sorted({*customer_ids, *absorbed})
        buckets = {number % BUCKETS for number in everyone}
        days = self._lake.customer_days(buckets).filter(pl.col("event").is_in(list(RANKING)))
        asked = pl.LazyFrame({"customer_id": everyone}, schema={"customer_id": pl.Int64})
        own = under_survivors(days.join(asked, on="customer_id", how="semi"), absorbed)
        verified = self._frame.manifest().marks.get("verified", [])
        counted: pl.LazyFrame = only_verified(nw.from_native(own), verified=verified).to_native()
        return _History(counted.collect().lazy(), [number for number in customer_ids if number not in absorbed])

    async def _told(
        self, rules: RankRules, first_day: date, reviewed: date, ranks: list[dict[int, str]], one_in: int
    ) -> RankPreview:
        before, _, after = ranks
        place = {name: number for number, name in enumerate(rules.names)}
        moved = {who: place[after[who]] - place[before[who]] for who in sorted(after) if before.get(who) in place}
        rising, falling = [who for who, by in moved.items() if by > 0], [who for who, by in moved.items() if by < 0]
        shown = [*rising[:SAMPLE], *falling[:SAMPLE]]
        async with self._pool.acquire() as connection:
            names = await people.names_of(connection, customer_ids=shown)

        def mover(who: int) -> Mover:
            name = names[who]["display_name"] or names[who]["user_id"]
            return Mover(customer_id=who, name=name, before=before.get(who), after=after[who])

        return RankPreview(
            first_day=first_day,
            reviewed=reviewed,
            people=len(after),
            one_in=one_in,
            ranks=_counts(rules, ranks),
            rise=len(rising),
            fall=len(falling),
            newly=len(after) - len(moved),
            rising=tuple(mover(who) for who in rising[:SAMPLE] if who in names),
            falling=tuple(mover(who) for who in falling[:SAMPLE] if who in names),
        )

    async def _today(self, connection: Connection) -> date:
        return (await shop.read_settings(connection)).calendar.business_day(self._clock.now())

    async def _audit(self, connection: Connection, version: RankVersion, actor: str) -> None:
        detail = {
            "valid_from": version.valid_from.isoformat(),
            "rules": msgspec.to_builtins(version.rules),
            "note": version.note,
        }
        await access.write_audit(
            connection,
            at=self._clock.now(),
            actor=actor,
            action="ranks.save",
            target=f"rank rules {version.version}",
            detail=detail,
        )


def _begin(valid_from: date | None, today: date) -> date:
    if valid_from is not None and valid_from > today + FURTHEST:
        raise BadInput("Rules begin at most a year ahead.", code="bad_ranks", field="valid_from")
    return valid_from or today


def _check(rules: RankRules, note: str) -> None:
    for name, sentence in problems(rules).items():
        raise BadInput(sentence, code="bad_ranks", field=name)
    if len(note) > LONGEST_NOTE:
        raise BadInput(f"A note has up to {LONGEST_NOTE} characters.", code="bad_ranks", field="note")


def _ranks_on(history: _History, versions: Sequence[RankVersion], day: date) -> dict[int, str]:
    """Everybody's rank on a day."""
    if in_force(versions, day) is None:
        return {}
    stands, _ = ranks_of(history.days, history.on(day), versions)
    return dict(stands.select("customer_id", "computed_rank").iter_rows())


def _walked(
    history: _History, versions: Sequence[RankVersion], today: date
) -> tuple[list[dict[str, Any]], tuple[Step, ...]]:
    stands, steps = ranks_of(history.days, history.on(today), versions)
    return stands.to_dicts(), tuple(Step(*row) for row in steps.select("day", "rank").iter_rows())


def _personal(
    stands: dict[str, Any], steps: tuple[Step, ...], version: RankVersion, today: date, reported: dict[str, Any]
) -> PersonalRank:
    rules = version.rules
    above = rules.names.index(stands["computed_rank"]) + 1
    return PersonalRank(
        rank=stands["computed_rank"],
        since=stands["computed_rank_since"],
        next_rank=rules.names[above] if above < len(rules.names) else None,
        to_next=stands["to_next_rank"],
        criterion=str(rules.criterion),
        until=rules.counted_until(today),
        steps=steps,
        **reported,
    )


def _counts(rules: RankRules, ranks: list[dict[int, str]]) -> tuple[RankCount, ...]:
    gone = sorted({name for held in ranks for name in held.values()} - {*rules.names})
    counted = [[list(held.values()).count(name) for held in ranks] for name in (*rules.names, *gone)]
    return tuple(
        RankCount(rank=name, before=before, first_day=first, reviewed=after)
        for name, (before, first, after) in zip((*rules.names, *gone), counted, strict=True)
    )
