"""A customer frame held in memory, for services that read one."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from segments.frame import Glance, Progress
from segments.rules.masks import Masks
from segments.rules.rule import Rule
from tests.segments.rules.people import frame_of

AS_OF = datetime(2026, 6, 30, 3, tzinfo=UTC)


@dataclass
class HeldView:
    frame: pl.LazyFrame
    as_of: datetime = AS_OF
    current: pl.Expr = field(default_factory=lambda: pl.lit(value=True))
    masks: Masks = field(default_factory=Masks)
    raw_since: date | None = None

    @property
    def day(self) -> date:
        return self.as_of.date()

    @property
    def rows(self) -> pl.LazyFrame:
        return self.frame


class HeldFrame:
    """Gives the same rows to everyone who reads."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._view = HeldView(frame_of(rows).lazy())

    def read(self) -> HeldView:
        return self._view

    async def read_for(self, _: Collection[Rule]) -> HeldView:
        return self._view

    async def read_soon(self, _: Collection[Rule]) -> Glance:
        return Glance(self._view)

    async def progress(self, _: Collection[Rule]) -> Progress:
        return Progress.COUNTED
