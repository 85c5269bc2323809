"""Keeps the members of every live segment: who entered and who left is written down with its moment, each once.

After a refresh only customers whose frame row is new are looked at, for all segments in one pass. Everybody is looked at for
a segment that is new or says something else, and for one that moves with time when its time has come.

A round is one transaction that holds the writer's row from its first statement to its last: two rounds cannot overlap, and
one that dies leaves everything as it was, the queue of customers among it. A round that is run again writes nothing twice,
because only differences to what is kept are written. See docs/decisions/0020-membership-ledger.md.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

import asyncpg
import numpy as np
import polars as pl
import structlog

from backend.clock import Clock
from backend.services.memberships.book import Book, Books, Kept
from backend.services.memberships.writing import Round
from backend.store import memberships as store
from backend.store.pool import Connection
from segments import bits
from segments.bits import Numbers, Truths
from segments.customers import View
from segments.keeping import holding, read_columns
from segments.membership import population
from segments.rules.rule import Rule


class Frame(Protocol):
    """Where the customer frame is read from."""

    def read(self) -> View:
        """The frame as it stands."""
        ...

    async def read_for(self, rules: Sequence[Rule]) -> View:
        """The newest frame with the columns that rules need."""
        ...


MOST_TOUCHED = 100_000
"""More touched customers than these are looked at with everybody."""

MOST_ROWS = 65_536
"""Rows of bits that are held in memory at once, 64 MB."""

BETWEEN_NOTES = timedelta(seconds=2)
"""While nothing changes, up to when that is true is noted no more often than this."""

log = structlog.get_logger(__name__)


class Memberships:
    """The keeper of memberships. Any number may exist; one at a time works.

    Args:
        pool: the database.
        clock: tells when somebody entered.
        frame: what rules are asked of.
        keep_changes: how long it is remembered who entered and left when.
        most_touched: see `MOST_TOUCHED`.
        watch: told before every step; for tests.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Clock,
        frame: Frame,
        *,
        keep_changes: timedelta = timedelta(days=400),
        most_touched: int = MOST_TOUCHED,
        watch: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._frame = frame
        self._keep_changes = keep_changes
        self._most_touched = most_touched
        self._watch = watch
        self._books = Books()
        self._failing: set[tuple[int, str]] = set()

    async def work(self) -> int:
        """One round; gives how many segments or customers were looked at, 0 when memberships are as true as the frame."""
        async with self._pool.acquire() as connection, connection.transaction():
            writer = await store.lock_writer(connection)
            if writer is None:
                return 0
            self._watch("locked")
            done = await self._round(connection, writer)
            self._watch("written")
        self._watch("committed")
        return done

    async def work_until_current(self) -> int:
        """Rounds until there is nothing to do; gives what they looked at together."""
        total = 0
        while done := await self.work():
            total += done
        return total

    async def forget_changes(self) -> int:
        """Forget who entered and left longer ago than is kept; gives how many changes went."""
        before, gone, more = self._clock.now() - self._keep_changes, 0, True
        while more:
            async with self._pool.acquire() as connection:
                piece, more = await store.forget_changes(connection, before=before)
            gone += piece
        return gone

    async def _round(self, connection: Connection, writer: store.Writer) -> int:
        # The queue first and the frame after it: so every row that is taken out of the queue is in the frame that is read.
        touched = await store.read_queue(connection, limit=self._most_touched + 1)
        if len(touched) > self._most_touched:
            await store.look_at_everyone(connection)
            return len(touched)
        book, view, now = await self._books.read(connection, writer), self._frame.read(), self._clock.now()
        if not view.figures:  # there is no frame yet, or it is being made anew and lacks most customers
            return 0
        if unknown := self._askable(book.unknown(view.day, now)):
            return await self._everybody(connection, book, unknown[: _fitting(view)])
        # Those who were touched before the others: so what they did is told as the reason, and told soon.
        if touched:
            return await self._touched(connection, book, touched)
        if behind := self._askable(book.behind(view.day, now)):
            return await self._everybody(connection, book, behind[: _fitting(view)])
        if writer.as_of is None or view.as_of - writer.as_of >= BETWEEN_NOTES:
            await store.set_as_of(connection, as_of=view.as_of, seq=view.seq)
        return 0

    def _askable(self, kept: Sequence[Kept]) -> Sequence[Kept]:
        return [one for one in kept if (one.segment_id, one.basis) not in self._failing]

    async def _everybody(self, connection: Connection, book: Book, stale: Sequence[Kept]) -> int:
        """Look at everybody for some segments."""
        current, asked, held = await self._ask(connection, book, stale, None)
        if asked:
            customers = held.get_column("customer_id").to_numpy().astype(np.int64)
            holds = (held.get_column(str(place)).to_numpy() for place in range(len(asked)))
            await current.write_everybody(asked, customers, holds)
        return len(stale)

    async def _touched(self, connection: Connection, book: Book, touched: dict[int, int]) -> int:
        """Look at these customers for every segment for which nobody else can have entered or left."""
        customers = bits.numbers(touched)
        known = self._askable(book.kept)
        await store.mark_unknown(connection, segment_ids=book.resting())
        current, asked, held = await self._ask(connection, book, known, customers)
        await current.write_touched(asked, customers, _truths(held, customers), at_once=MOST_ROWS)
        self._watch("clear")
        await store.clear_queue(connection, done=touched)
        return len(touched)

    async def _ask(
        self, connection: Connection, book: Book, kept: Sequence[Kept], customers: Numbers | None
    ) -> tuple[Round, Sequence[Kept], pl.DataFrame]:
        """Everybody, or some customers, by all rules in one pass; without the rules that this frame cannot answer.

        Such a rule is left as it is until it is another one or the process is.
        """
        self._watch("evaluate")
        view = await self._frame.read_for([one.rule for one in kept])
        people = population(view.frame, exclude_test_accounts=book.exclude_test_accounts)
        current = Round(connection, book, view, self._clock.now(), self._watch)
        try:
            held = await asyncio.to_thread(_held, people, [one.rule for one in kept], customers)
        except pl.exceptions.PolarsError:
            fit = [one for one in kept if await self._can_be_asked(people, one)]
            await store.mark_unknown(connection, segment_ids=[one.segment_id for one in kept if one not in fit])
            kept, held = fit, await asyncio.to_thread(_held, people, [one.rule for one in fit], customers)
        self._watch("evaluated")
        return current, kept, held

    async def _can_be_asked(self, people: pl.LazyFrame, one: Kept) -> bool:
        try:
            await asyncio.to_thread(holding(people.head(0), [one.rule]).collect)
        except pl.exceptions.PolarsError as error:
            log.warning("segment_not_kept", segment_id=one.segment_id, error=str(error).splitlines()[0])
            self._failing.add((one.segment_id, one.basis))
            return False
        return True


def _fitting(view: View) -> int:
    """For how many segments everybody is looked at in one round."""
    blocks = -(-max(view.customers, 1) // bits.BLOCK)
    return max(1, MOST_ROWS // blocks)


def _held(people: pl.LazyFrame, rules: Sequence[Rule], customers: Numbers | None) -> pl.DataFrame:
    """``customer_id`` and a column a rule."""
    if customers is None:
        return holding(people, rules).collect()
    # Their rows first: the files of the frame are asked one filter each, and the rules see only these customers.
    wanted = pl.col("customer_id").is_in(pl.Series(customers).implode())
    return holding(people.filter(wanted).select(read_columns(people, rules)).collect().lazy(), rules).collect()


def _truths(held: pl.DataFrame, customers: Numbers) -> Truths:
    """Rule × customer; whoever has no row is in nothing."""
    asked = pl.DataFrame({"customer_id": customers})
    whole = asked.join(held, on="customer_id", how="left", maintain_order="left").drop("customer_id")
    found: Truths = whole.fill_null(value=False).to_numpy().T
    return found
