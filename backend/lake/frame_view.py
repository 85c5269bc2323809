"""One state of the customer frame, as whoever asks it sees it."""

from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl

from segments.rules.masks import Masks
from segments.sampling import NEAR

SUPERSEDED = "superseded"
CURRENT = ~pl.col(SUPERSEDED)
"""Whether a stored row is in force."""

OF_ROWS = (SUPERSEDED, NEAR)
"""Columns of stored rows that are no facts of a customer."""


@dataclass(frozen=True, slots=True)
class FrameView:
    """One consistent state of the frame.

    Attributes:
        frame: one row per customer; its column ``as_of`` is `day` in every row, whenever the row was made. A behaviour that
            is watched (`segments.watched`) is a column once every row was made with it.
        rows: every stored row, older ones of the same customers among them, which `current` tells apart; with the column `NEAR`.
        as_of: the moment up to which events are in it: when it was made, or when the refresh last found nothing newer.
        made_at: when it was made.
        seq: the last event of the log that is in it.
        customers: how many rows.
        day: the business day of `made_at`.
        figures: what figures may rely on in every row; empty while rows are being made anew.
        weighty: weighty events that anybody has reported.
        verified: those of them for which the word of a trusted source stands.
        masks: whom of `rows` conditions hold of, as far as they were asked.
        raw_since: the first business day of which raw history is all there; None where it is, or nobody asked for any.
    """

    frame: pl.LazyFrame
    rows: pl.LazyFrame
    as_of: datetime
    made_at: datetime
    seq: int
    customers: int
    day: date
    figures: str = ""
    weighty: frozenset[str] = frozenset()
    verified: frozenset[str] = frozenset()
    masks: Masks = field(default_factory=Masks, compare=False)
    raw_since: date | None = None

    @property
    def current(self) -> pl.Expr:
        """Over `rows`: whether it is a row of the frame."""
        return CURRENT
