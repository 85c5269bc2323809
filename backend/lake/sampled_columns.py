"""What rules ask beside the frame, of the people of a sample: behaviours, the ledger, and what follows from everyone."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import polars as pl

from backend.lake.asked_keys import Slow, slow_parts
from backend.lake.asked_sources import Sources, Standing
from backend.lake.behaviours import sampled_rows
from backend.lake.beside import beside
from backend.lake.everyone import sampled_facts
from backend.lake.frame_view import FrameView
from backend.lake.ledger_rows import COLUMNS, Ledger, events_of
from backend.lake.sample import Sample, Sampled
from backend.lake.tables import Lake
from campaigns.messages import Launched
from segments.rules.behaviour import Behaviour, source_of
from segments.rules.compile import compile_rule
from segments.rules.packing import pack_occurrences
from segments.rules.rule import Condition

Answer: TypeAlias = tuple[pl.Series, dict[Condition, pl.Series]]
"""Where the people of a sample stand among the stored rows, and of whom of them each condition holds."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A sample, where its people stand among the stored rows, and ``customer_id`` and ``as_of`` of each."""

    sampled: Sampled
    places: pl.Series
    people: pl.DataFrame


class SampledColumns:
    """Columns of the people of one lake's sample.

    Args:
        lake: history.
        sources: what PostgreSQL answers.
        sample: the people.
    """

    def __init__(self, lake: Lake, sources: Sources, sample: Sample) -> None:
        self._lake = lake
        self._sources = sources
        self._sample = sample

    async def ask(self, conditions: Collection[Condition], view: FrameView, standing: Standing) -> Answer | None:
        """Whom of the sample some conditions hold of; None where there is none, or it cannot tell."""
        found = await asyncio.to_thread(self._people, view, standing)
        if found is None:
            return None
        people = found.people
        for key in {part for condition in conditions for part in slow_parts(condition)}:
            rows = await self._rows(key, found, view, standing)
            if rows is None:
                return None
            people = people.hstack(await asyncio.to_thread(beside, people.lazy(), rows))
        columns = people.schema
        holds = {one: people.select(holds=compile_rule(one, columns)).to_series() for one in conditions}
        return found.places, holds

    def _people(self, view: FrameView, standing: Standing) -> _Found | None:
        sampled = self._sample.at(standing.survivors)
        if sampled is None:
            return None
        places = self._sample.places(sampled, view.rows, view.current)
        return _Found(sampled, places, view.rows.select("customer_id", "as_of").collect()[places])

    async def _rows(self, key: Slow, found: _Found, view: FrameView, standing: Standing) -> pl.DataFrame | None:
        """``customer_id`` and the columns of those of whom there is anything to say."""
        if isinstance(key, Behaviour) and source_of(key) != "ledger":
            return await asyncio.to_thread(sampled_rows, key, found.sampled, view, now=standing.now)
        ledger = self._ledger(found, view, standing)
        if isinstance(key, Behaviour):
            happened = await ledger.rows(key)
            return await asyncio.to_thread(pack_occurrences(happened.lazy(), key).collect)
        if key == "days_since_push":
            return await ledger.days_since_push(view.day)
        facts = partial(sampled_facts, lake=self._lake, view=view, standing=standing)
        return await asyncio.to_thread(facts, key, found.sampled, found.places)

    def _ledger(self, found: _Found, view: FrameView, standing: Standing) -> Ledger:
        """The ledger of these people, under every number of theirs."""
        own, merged = found.people.get_column("customer_id"), found.sampled.people.numbers
        others = merged.filter(pl.col("survivor").is_in(own.implode())).get_column("customer_id")

        def events(campaigns: list[Launched]) -> pl.LazyFrame:
            return found.sampled.events(events_of(campaigns), COLUMNS)

        return Ledger(self._sources, standing, view.verified, events, pl.concat([own, others]).to_list())
