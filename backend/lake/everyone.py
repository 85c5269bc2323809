"""The facts of everyone who counts, for what is worked out of all customers together when a rule asks."""

import polars as pl

from backend.lake.asked_sources import Standing
from backend.lake.frame_view import FrameView
from backend.lake.tables import Lake
from segments.history import under_survivors
from segments.membership import population
from segments.metrics.facts import Facts
from segments.reduce.bitmaps import read_as


def facts_of_everyone(lake: Lake, view: FrameView, standing: Standing) -> Facts:
    """History and frame as of the frame's day, as figures read them; nothing is read yet."""
    tests = view.frame.filter(pl.col("test_account").fill_null(value=False)).select("customer_id")

    def counted(rows: pl.LazyFrame) -> pl.LazyFrame:
        merged = under_survivors(rows, standing.survivors)
        return merged.join(tests, on="customer_id", how="anti") if standing.exclude_test_accounts else merged

    events = counted(lake.events())
    whole = view.figures == read_as(standing.calendar.week_starts)
    return Facts(
        days=counted(lake.customer_days()),
        today=view.day,
        calendar=standing.calendar,
        events=events,
        raw_since=lake.raw_since(),
        verified=view.verified if whole else None,
        frame=population(view.frame, exclude_test_accounts=standing.exclude_test_accounts) if whole else None,
        thresholds=standing.thresholds,
    )
