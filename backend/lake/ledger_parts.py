"""What campaigns did to everyone, for rules: worked out of some customers at a time, so that memory is bounded.

PostgreSQL gives its rows in no order of customers, once: they are laid by customer as they come, and beside them the lake's
events that count.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TypeAlias

import polars as pl

from backend.lake.asked_sources import Rows, Sources, Standing
from backend.lake.ledger_rows import COLUMNS, days_since, events_of, kept, named
from backend.lake.parting import PLACE, Parting
from backend.lake.schemas import Table
from backend.lake.shelf import Shelf
from backend.lake.tables import Lake
from campaigns import messages
from campaigns.messages import Launched
from segments.events import EventName
from segments.history import to_survivors, under_survivors
from segments.rules.behaviour import CAMPAIGN_CONVERTED, CAMPAIGN_OPENED, CAMPAIGN_RECEIVED, Behaviour
from segments.rules.packing import pack_occurrences
from segments.windows import Window

_PUSHES = pl.Schema({"customer_id": pl.Int64(), "at": pl.Datetime("us", "UTC")})
_RECEIVED = pl.Schema({**_PUSHES, "campaign_id": pl.Int32()})
_ARMS = pl.Schema({"customer_id": pl.Int64(), "campaign_id": pl.Int32(), "arm": pl.String()})

_Part: TypeAlias = Mapping[str, pl.LazyFrame]


@dataclass(frozen=True, slots=True)
class WholeLedger:
    """The ledger of everyone.

    Attributes:
        sources: who was sent what.
        lake: everyone's events.
        standing: merges, calendar, and the moment from which minutes count back.
        verified: weighty events for which the word of a trusted source stands.
        scratch: a folder for rows while they are worked on, and for what was found.
    """

    sources: Sources
    lake: Lake
    standing: Standing
    verified: frozenset[str]
    scratch: Path

    async def behaviour(self, behaviour: Behaviour) -> pl.DataFrame:
        """``customer_id`` and the columns of a behaviour of `segments.rules.behaviour.LEDGER_EVENTS`, in the order of `PLACE`."""
        campaigns = await self.sources.launched(named(behaviour))
        with Parting(self.scratch, events=events_of(campaigns)) as parting:
            happened = await self._laid(behaviour, campaigns, parting)

            def packed(part: _Part) -> pl.LazyFrame:
                return pack_occurrences(kept(happened(part), behaviour, self.standing), behaviour)

            each = len(campaigns) if behaviour.event == CAMPAIGN_CONVERTED else 1
            return await asyncio.to_thread(self._worked_out, parting, packed, each=each)

    async def days_since_push(self, day: date) -> pl.DataFrame:
        """``customer_id`` and ``days_since_push``: business days from the last accepted push to ``day``, in the order of `PLACE`."""
        with Parting(self.scratch, events=()) as parting:
            await self._lay(parting, "pushes", _PUSHES, self.sources.hand_last_pushes)
            calendar = self.standing.calendar
            return await asyncio.to_thread(
                self._worked_out, parting, lambda part: days_since(part["pushes"], day, calendar)
            )

    async def _laid(
        self, behaviour: Behaviour, campaigns: list[Launched], parting: Parting
    ) -> Callable[[_Part], pl.LazyFrame]:
        """Lay down what a behaviour follows from; gives what finds its occurrences in a part."""
        if behaviour.event == CAMPAIGN_RECEIVED:
            await self._lay(parting, "pushes", _RECEIVED, partial(self.sources.hand_received, named(behaviour)))
            return lambda part: messages.received(part["pushes"])
        await asyncio.to_thread(parting.add, "events", self._events(behaviour, campaigns))
        if behaviour.event == CAMPAIGN_OPENED:
            return lambda part: messages.opened(part["events"], campaigns)
        numbers = [one.campaign_id for one in campaigns]
        await self._lay(parting, "arms", _ARMS, partial(self.sources.hand_arms, numbers))

        def converted(part: _Part) -> pl.LazyFrame:
            succeeded = messages.succeeded(part["events"], campaigns, verified=self.verified)
            return messages.converted(succeeded, part["arms"])

        return converted

    async def _lay(
        self, parting: Parting, name: str, schema: pl.Schema, hand: Callable[[Rows], Awaitable[None]]
    ) -> None:
        """Lay down rows of PostgreSQL as they come, merges applied."""
        merged = to_survivors(self.standing.survivors)
        with parting.laying(name, schema) as lay:
            await hand(lambda rows: lay(merged(rows.lazy()).select(*schema).collect()))

    def _events(self, behaviour: Behaviour, campaigns: list[Launched]) -> pl.LazyFrame:
        """Everyone's events that campaigns may count, merges applied."""
        columns = [column for column in COLUMNS if column != "business_day"]
        if not campaigns:
            return self.lake.rows_in(Table.EVENTS, ()).select(columns)
        opened = behaviour.event == CAMPAIGN_OPENED
        counted = [str(EventName.PUSH_TAPPED)] if opened else messages.counted_for(campaigns)
        calendar = self.standing.calendar
        first = calendar.business_day(min(one.planned_at for one in campaigns))
        last = calendar.business_day(max(one.ends_at for one in campaigns))
        events = self.lake.events(Window(first, last)).filter(pl.col("event").is_in(counted)).select(columns)
        return under_survivors(events, self.standing.survivors)

    def _worked_out(self, parting: Parting, columns: Callable[[_Part], pl.LazyFrame], *, each: int = 1) -> pl.DataFrame:
        """Some customers after the others; blocks. ``each``: campaigns that every event is looked at for."""

        def found() -> Iterator[pl.DataFrame]:
            for _, part in parting.parts({}, upto=0, each=each):
                yield columns(part).sort(PLACE).collect()

        return Shelf(self.scratch).lay(found())
