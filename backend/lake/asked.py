"""The customer frame with everything that rules ask beside its stored columns.

What a rule needs is known from the rule (`segments.rules.references`): behaviours that no stored column answers, static
lists, facts that depend on everyone, the send ledger. Each is worked out once for the frame as it stands, kept
(`backend.lake.kept_columns`), and laid beside the frame row by row: a join would cost every question more than all else.
"""

import asyncio
import contextlib
import itertools
import tempfile
import threading
import time
from collections.abc import Collection, Hashable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import msgspec
import polars as pl
import pyarrow as pa

from backend.lake.asked_keys import Key, Moment, Slow, asked_traits, conditions_on, keys_of, stamp_of, traits_of
from backend.lake.asked_sources import Sources, Standing
from backend.lake.behaviours import Behaviours
from backend.lake.beside import laid_beside
from backend.lake.counting import Counting
from backend.lake.everyone import column_of_everyone
from backend.lake.frame import CustomerFrame
from backend.lake.frame_view import OF_ROWS, FrameView
from backend.lake.kept_columns import DEAR, ROOM, Held, KeptColumns, Made
from backend.lake.ledger_parts import WholeLedger
from backend.lake.parting import PLACE
from backend.lake.sample import FOLDER, Sample
from backend.lake.sampled_columns import SampledColumns
from backend.lake.shelf import Shelf
from backend.lake.tables import Lake
from segments.frame import Glance, Progress
from segments.history import under_survivors
from segments.raw_members import asks_raw
from segments.rules.behaviour import Behaviour, source_of
from segments.rules.references import list_column
from segments.rules.rule import Condition, Rule, conditions_of
from segments.shop_traits import ShopTrait, cell

LASTS = 20
"""What depends on everyone may outlive the frame it was worked out of, where it took long (`DEAR`): so many times that long, ..."""

LONGEST = 300.0
"""... and for how many seconds at the most."""

RECENT = timedelta(minutes=2)
"""What was counted so long ago at the most still answers at once, as of then."""


class AskedFrame:
    """The frame of one folder for whoever asks rules.

    Args:
        frame: the stored columns.
        lake: history.
        sources: what PostgreSQL answers.
        scratch: a folder on a disk, not in memory, for what is being worked out and what is kept of it; the system's own by default.
        room: bytes that are kept of what was worked out.
    """

    def __init__(
        self, frame: CustomerFrame, lake: Lake, sources: Sources, *, scratch: Path | None = None, room: int = ROOM
    ) -> None:
        self._frame = frame
        self._lake = lake
        self._sources = sources
        self._kept = KeptColumns(room)
        folder = Path(tempfile.gettempdir()) if scratch is None else scratch
        self._scratch = folder
        self._shelf = Shelf(folder)
        self._behaviours = Behaviours(lake, folder)
        self._sample = Sample(lake, frame.path / FOLDER)
        self._sampled = SampledColumns(lake, sources, self._sample)
        self._counting: Counting[Key, Moment] = Counting(self._column)
        self._reading = threading.Lock()
        self._numbers = itertools.count(1)
        self._state: tuple[pl.LazyFrame, int] | None = None

    def read(self) -> FrameView:
        """The stored columns as they stand."""
        with self._reading:  # two who open the frame at once would have two of the same state
            return self._frame.read()

    async def read_for(self, rules: Collection[Rule]) -> FrameView:
        """The frame as it stands, with every column beside the stored ones that these rules need.

        The rules of other segments that they ask for have to be in their places (`segments.rules.references.resolve`).
        """
        view = await asyncio.to_thread(self.read)
        columns = {*view.frame.collect_schema()}
        keys: list[Key] = keys_of(rules, columns)
        if not (keys or traits_of(rules) - columns):
            return view
        moment = Moment(view, self._number(view), await self._sources.standing())
        keys += asked_traits(rules, columns, moment.standing)
        return await self._with(keys, rules, moment)

    async def read_soon(self, rules: Collection[Rule]) -> Glance:
        """As `read_for`; what would have to be worked out of everyone is asked of the sample, where there is one that can tell.

        It is counted of everyone meanwhile, or brought up to date where it was counted a moment ago.
        """
        keys, moment = await self._asked_now(rules)
        slow = self._uncounted(keys, moment)
        if not slow:
            return Glance(await self.read_for(rules))
        earlier = self._counted_before(slow, moment)
        if earlier is not None:
            self._counting.begin(slow, moment)
            return Glance(await self._with(keys, rules, earlier))
        pending = conditions_on(slow, rules)
        for _ in range(2):
            # Replaced in between: those in its place are read. Damaged: nothing depends on a sample, and its writer says so.
            with contextlib.suppress(OSError, pa.ArrowException):
                answer = await self._sampled.ask(pending, moment.view, moment.standing)
                if answer is None:
                    break
                view = await self._with([key for key in keys if key not in slow], rules, moment)
                self._counting.begin(slow, moment)
                return Glance(view, *answer)
        return Glance(await self.read_for(rules))

    async def progress(self, rules: Collection[Rule]) -> Progress:
        """Whether `read_soon` would answer for everyone now; where it would not, that is being counted, unless it failed."""
        keys, moment = await self._asked_now(rules)
        slow = self._uncounted(keys, moment)
        if not slow or self._counted_before(slow, moment) is not None:
            return Progress.COUNTED
        if self._counting.has_failed(slow):
            return Progress.FAILED
        self._counting.begin(slow, moment)
        return Progress.COUNTING

    async def _asked_now(self, rules: Collection[Rule]) -> tuple[list[Key], Moment]:
        view = await asyncio.to_thread(self.read)
        moment = Moment(view, self._number(view), await self._sources.standing())
        columns = {*view.frame.collect_schema()}
        return keys_of(rules, columns) + asked_traits(rules, columns, moment.standing), moment

    def _uncounted(self, keys: Collection[Key], moment: Moment) -> list[Slow]:
        """What would have to be worked out of everyone: behaviours, the ledger, and what follows from everyone."""
        asked = [key for key in keys if isinstance(key, Behaviour | str)]
        return [key for key in asked if not self._kept.has(("beside", key), (moment.state, stamp_of(key, moment)))]

    def _counted_before(self, keys: Collection[Slow], moment: Moment) -> Moment | None:
        """The moment of which all of these stand beside the frame, if that was just now."""
        held = [self._kept.held(("beside", key)) for key in keys]
        moments = [one.notes for one in held if one is not None and isinstance(one.notes, Moment)]
        if len(moments) < len(held) or len({one.state for one in moments}) != 1:
            return None
        before = moments[0]
        recent = moment.standing.now - before.standing.now < RECENT and before.view.day == moment.view.day
        return before if recent else None

    async def _with(self, keys: Collection[Key], rules: Collection[Rule], moment: Moment) -> FrameView:
        """The frame of a moment with some columns beside it."""
        view = moment.view
        columns = {*view.frame.collect_schema()}
        asked = [(await self._column(key, moment)).lazy() for key in keys]
        # After the rows: of a day that is dropped in between the note is too many, not missing.
        since = await asyncio.to_thread(self._lake.raw_since) if any(map(asks_raw, rules)) else None
        rows = pl.concat([view.rows, *asked], how="horizontal")
        masks = view.masks.beside(self._stamps(rules, columns, moment))
        frame = rows.filter(view.current).drop(OF_ROWS)
        return replace(view, rows=rows, frame=frame, masks=masks, raw_since=since)

    def _stamps(self, rules: Collection[Rule], columns: Collection[str], moment: Moment) -> dict[Condition, Hashable]:
        """Of each condition that asks for more than the stored columns, what its answer depends on."""
        conditions = {condition for rule in rules for condition in conditions_of(rule)}
        asked = {one: keys_of([one], columns) + asked_traits([one], columns, moment.standing) for one in conditions}
        return {one: tuple(stamp_of(key, moment) for key in keys) for one, keys in asked.items() if keys}

    def _number(self, view: FrameView) -> int:
        """The number of the frame's state: as long as nothing was written a reader gives the very same frame."""
        if self._state is None or self._state[0] is not view.frame:
            self._state = (view.frame, next(self._numbers))
        return self._state[1]

    async def _column(self, key: Key, moment: Moment) -> pl.DataFrame:
        """What is asked, a row for each stored row, in their order."""
        stamp = stamp_of(key, moment)

        async def laid(_: Held | None) -> Made:
            rows = await self._kept.get(("rows", key), stamp, lambda held: self._rows(key, moment, held))
            return await asyncio.to_thread(laid_beside, moment.view.rows, rows, self._shelf), moment

        return await self._kept.get(("beside", key), (moment.state, stamp), laid)

    async def _rows(self, key: Key, moment: Moment, held: Held | None) -> Made:
        """``customer_id`` and the columns of those of whom there is anything to say, in the order of `PLACE`."""
        if isinstance(key, Behaviour):
            return await self._behaviour_rows(key, moment, held)
        if not isinstance(key, str):
            return await self._told_rows(key, moment.standing), None
        standing, view = moment.standing, moment.view
        if key == "days_since_push":
            return await self._ledger(moment).days_since_push(view.day), None
        if held is not None and _outlives(held, stamp_of(key, moment)):
            return held.rows, None
        column = partial(column_of_everyone, lake=self._lake, view=view, standing=standing, scratch=self._scratch)
        return await asyncio.to_thread(column, key), None

    async def _behaviour_rows(self, behaviour: Behaviour, moment: Moment, held: Held | None) -> Made:
        if source_of(behaviour) != "ledger":
            return await asyncio.to_thread(self._behaviours.rows, behaviour, moment.view, moment.standing, held)
        return await self._ledger(moment).behaviour(behaviour), None

    def _ledger(self, moment: Moment) -> WholeLedger:
        return WholeLedger(self._sources, self._lake, moment.standing, moment.view.verified, self._scratch)

    async def _told_rows(self, key: ShopTrait | int, standing: Standing) -> pl.DataFrame:
        """What PostgreSQL tells of people: a trait, or who stands on a list."""
        if isinstance(key, ShopTrait):
            return (await asyncio.to_thread(_read_trait, key, await self._sources.trait(key.name))).sort(PLACE)
        people = under_survivors((await self._sources.on_list(key)).lazy(), standing.survivors).unique()
        return people.with_columns(pl.lit(value=True).alias(list_column(key))).sort(PLACE).collect()


def _read_trait(trait: ShopTrait, rows: pl.DataFrame) -> pl.DataFrame:
    values = [cell(trait, msgspec.json.decode(value)) for value in rows.get_column("value")]
    return rows.select("customer_id", pl.Series(trait.column, values, trait.dtype))


def _outlives(held: Held, stamp: Hashable) -> bool:
    """Whether what was held still answers though the frame is another one: it was dear, and is not old."""
    same = isinstance(held.stamp, tuple) and isinstance(stamp, tuple) and held.stamp[:-1] == stamp[:-1]
    return same and held.took > DEAR and time.monotonic() - held.made < min(held.took * LASTS, LONGEST)
