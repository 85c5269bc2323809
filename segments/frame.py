"""Where rules are asked: the customer frame with every column that they need."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import polars as pl

from segments import customers
from segments.customers import StoredFrame
from segments.rules.masks import Masks
from segments.rules.rule import Condition, Rule


class View(customers.View, Protocol):
    """The customer frame at one moment, with what is known of it already."""

    @property
    def masks(self) -> Masks:
        """Whom conditions hold of, of `rows`."""
        ...


class Frame(StoredFrame, Protocol):
    """The customer frame for whoever asks rules."""

    async def read_for(self, rules: Collection[Rule]) -> View:
        """The frame as it stands, with every column beside the stored ones that these rules need.

        Segments that they ask for have to be in their places (`segments.rules.references.resolve`).
        """
        ...


@dataclass(frozen=True, slots=True)
class Glance:
    """What can be said of rules at once.

    Attributes:
        view: everyone, with every column that their conditions need, but for those that are still being counted.
        places: where the people of a sample (`segments.sampling`) stand among ``view.rows``.
        sampled: of each condition that is still being counted whether it holds of them, one after the other; empty where none is.
    """

    view: View
    places: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.UInt32))
    sampled: Mapping[Condition, pl.Series] = field(default_factory=dict)


class Progress(StrEnum):
    """How far the count of everyone has come, of what was estimated."""

    COUNTED = "counted"
    COUNTING = "counting"
    FAILED = "failed"


class QuickFrame(Frame, Protocol):
    """The customer frame for whoever would rather know about how many now than how many exactly in some seconds."""

    async def read_soon(self, rules: Collection[Rule]) -> Glance:
        """As `read_for`, but what would take long is asked of a sample, and counted of everyone meanwhile.

        What could not be counted the last time is begun again.
        """
        ...

    async def progress(self, rules: Collection[Rule]) -> Progress:
        """Whether `read_soon` would answer for everyone now; where it would not, that is being counted, unless it failed."""
        ...
