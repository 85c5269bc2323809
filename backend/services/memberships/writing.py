"""One round's writing: what differs from what is kept, as changes with their moment, new bits, new sizes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from backend.services.memberships.book import REACH, Book, Kept
from backend.store import memberships as store
from backend.store.memberships import State
from backend.store.pool import Connection
from segments import bits
from segments.bits import Difference, Numbers, Table, Truths
from segments.customers import View
from segments.keeping import Cause, moment


@dataclass(frozen=True, slots=True)
class _Pages:
    """Some segments before and after, with everyone who can be reached in the same blocks.

    Attributes:
        everybody: the blocks hold everybody who was or is in one of the segments.
    """

    kept: Sequence[Kept]
    before: Table
    after: Table
    reach_before: Table
    reach_after: Table
    everybody: bool


@dataclass(frozen=True, slots=True)
class Round:
    """One round: its transaction, what is kept, the frame that is read, and the moment that is written down."""

    connection: Connection
    book: Book
    view: View
    now: datetime
    watch: Callable[[str], None]

    async def write_everybody(self, kept: Sequence[Kept], customers: Numbers, holds: Iterable[Truths]) -> None:
        """All customers that there are, and for one segment after the other whether each is in it."""
        places = {one.segment_id: place for place, one in enumerate(kept)}
        rows = await store.read_blocks(self.connection, segment_ids=list(places))
        blocks = np.union1d(bits.numbers(row[1] for row in rows), bits.blocks_of(customers))
        before = bits.table([(places[row[0]], *row[1:]) for row in rows], lists=len(kept), blocks=blocks)
        after = bits.packed(customers, holds, lists=len(kept), blocks=blocks)
        reach = after if kept[0].segment_id == REACH else await self._reach(blocks)
        causes = [self.book.why(one, self.view.day, self.now) or Cause.TIME for one in kept]
        await self._write(_Pages(kept, before, after, reach, reach, everybody=True), causes, {})

    async def write_touched(self, kept: Sequence[Kept], customers: Numbers, holds: Truths, *, at_once: int) -> None:
        """These customers are in those of the segments, reach first, for which they hold (segment × customer), and in no others.

        Args:
            kept: the segments.
            customers: ascending, each once.
            holds: whether they are in each.
            at_once: rows of bits that may be held in memory.
        """
        blocks = bits.blocks_of(customers)
        reach = await self._reach(blocks)
        reach_after = bits.changed(reach, customers, holds[:1])
        merged, _ = await store.list_gone(self.connection, customer_ids=customers.tolist())
        step = max(1, at_once // len(blocks))
        for start in range(0, len(kept), step):
            chunk = kept[start : start + step]
            before = await self._table(chunk, blocks)
            after = bits.changed(before, customers, holds[start : start + step])
            pages = _Pages(chunk, before, after, reach, reach_after, everybody=False)
            await self._write(pages, [Cause.FACTS] * len(chunk), merged)

    def _moment(self, one: Kept) -> str:
        return moment(one.moves, day=self.view.day, now=self.now)

    async def _reach(self, blocks: Numbers) -> Table:
        rows = await store.read_blocks(self.connection, segment_ids=[REACH], blocks=blocks.tolist())
        return bits.table(rows, lists=1, blocks=blocks)

    async def _table(self, kept: Sequence[Kept], blocks: Numbers) -> Table:
        places = {one.segment_id: place for place, one in enumerate(kept)}
        rows = await store.read_blocks(self.connection, segment_ids=list(places), blocks=blocks.tolist())
        return bits.table([(places[row[0]], *row[1:]) for row in rows], lists=len(kept), blocks=blocks)

    async def _write(self, pages: _Pages, causes: Sequence[Cause], merged: Mapping[int, int]) -> None:
        # Nothing is told of reach, and of those who were in a segment when it was first looked at.
        told = [one.segment_id != REACH and one.segment_id in self.book.states for one in pages.kept]
        found = bits.difference(pages.before, pages.after, told=np.array(told, np.bool_))
        rows = [(pages.kept[place].segment_id, block, row) for place, block, row in found.rows]
        await store.put_blocks(self.connection, rows=rows)
        self.watch("bits")
        counted = await self._without_erased(found)
        await store.add_changes(self.connection, runs=self._runs(pages, counted, causes, merged), at=self.now)
        self.watch("changes")
        states = self._states(pages)
        await store.put_states(self.connection, states, now=self.now)
        self.watch("states")
        await store.add_days(self.connection, rows=self._days(states, pages, counted))

    async def _without_erased(self, found: Difference) -> Difference:
        """The changes without those of erased persons."""
        if not len(found.customers):
            return found
        _, erased = await store.list_gone(self.connection, customer_ids=np.unique(found.customers).tolist())
        told = ~np.isin(found.customers, bits.numbers(erased))
        return Difference(found.rows, found.places[told], found.customers[told], found.entered[told])

    def _runs(
        self, pages: _Pages, found: Difference, causes: Sequence[Cause], merged: Mapping[int, int]
    ) -> Iterator[store.Run]:
        """The changes of each segment, and after all of these those of merged customers and of their survivors."""
        of_merges: list[store.Run] = []
        ends = np.searchsorted(found.places, np.arange(len(pages.kept) + 1))
        for place, kept in enumerate(pages.kept):
            here = slice(int(ends[place]), int(ends[place + 1]))
            customers, entered = found.customers[here], found.entered[here]
            by_merge = _by_merge(customers, entered, merged)
            who = store.Run(
                kept.segment_id, kept.version, causes[place].value, customers[~by_merge], entered[~by_merge]
            )
            if len(who.customers):
                yield who
            if by_merge.any():
                of_merges.append(
                    replace(who, cause=Cause.MERGE.value, customers=customers[by_merge], entered=entered[by_merge])
                )
        yield from of_merges

    def _states(self, pages: _Pages) -> list[State]:
        """New states, of some customers only where they are others."""
        found = []
        for one, size, reachable in zip(pages.kept, *_sizes(pages), strict=True):
            old = None if pages.everybody else self.book.states[one.segment_id]
            if old is not None and not (size or reachable):
                continue
            found.append(
                State(
                    segment_id=one.segment_id,
                    version=one.version,
                    basis=one.basis,
                    moment=self._moment(one) if old is None else old.moment,
                    everyone=self.book.everyone,
                    size=size if old is None else old.size + size,
                    reachable=reachable if old is None else old.reachable + reachable,
                )
            )
        return found

    def _days(
        self, states: Sequence[State], pages: _Pages, found: Difference
    ) -> Iterator[tuple[int, date, int, int, int, int]]:
        day = self.book.calendar.business_day(self.now)
        lists = len(pages.kept)
        entered = np.bincount(found.places[found.entered], minlength=lists)
        departed = np.bincount(found.places[~found.entered], minlength=lists)
        turns = {one.segment_id: (int(entered[at]), int(departed[at])) for at, one in enumerate(pages.kept)}
        sized = {one.segment_id: (one.size, one.reachable) for one in states}
        for number, turned in turns.items():
            old = self.book.states.get(number)
            size = sized.get(number) or (old and (old.size, old.reachable))
            changed = any(turned) or old is None or size != (old.size, old.reachable)
            if number != REACH and size and changed:
                yield (number, day, *size, *turned)


def _by_merge(customers: Numbers, entered: Truths, merged: Mapping[int, int]) -> Truths:
    """Whether a change follows from a merge: one who was merged leaves, and his survivor enters in his place."""
    if not merged:
        return np.zeros(len(customers), np.bool_)
    gone = ~entered & np.isin(customers, bits.numbers(merged))
    survivors = bits.numbers(merged[one] for one in customers[gone].tolist())
    return gone | (entered & np.isin(customers, survivors))


def _sizes(pages: _Pages) -> tuple[list[int], list[int]]:
    """Members, and those who can be reached: all of them where everybody was looked at, otherwise how many more than before."""
    sizes = bits.counts(pages.after)
    reached = bits.counts(pages.after, pages.reach_after.bits[0])
    if not pages.everybody:
        sizes -= bits.counts(pages.before)
        reached -= bits.counts(pages.before, pages.reach_before.bits[0])
    return sizes.tolist(), reached.tolist()
