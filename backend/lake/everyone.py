"""The facts of everyone who counts, or of a sample of them, for what is worked out of all customers together when a rule asks."""

import polars as pl

from backend.lake.asked_sources import Standing
from backend.lake.frame_view import FrameView
from backend.lake.sample import EVENTS as SAMPLED
from backend.lake.sample import Sampled
from backend.lake.tables import Lake
from segments.customers import ON_RECORD
from segments.events import EventName
from segments.history import under_survivors
from segments.membership import population
from segments.metrics.facts import Facts
from segments.metrics.lifecycle import thresholds_for
from segments.metrics.purchase_days import DAYS, NETS
from segments.metrics.worked_out import OF_SAMPLE
from segments.reduce.bitmaps import read_as
from segments.windows import Window

_READ = ("customer_id", "test_account", DAYS, NETS, *ON_RECORD)
"""Columns of the frame that what follows from everyone is worked out of."""

_ANSWERED = (str(EventName.SURVEY_ANSWERED),)


def facts_of_everyone(lake: Lake, view: FrameView, standing: Standing) -> Facts:
    """History and frame as of the frame's day, as figures read them; nothing is read yet."""
    tests = view.frame.filter(pl.col("test_account").fill_null(value=False)).select("customer_id")

    def counted(rows: pl.LazyFrame) -> pl.LazyFrame:
        merged = under_survivors(rows, standing.survivors)
        return merged.join(tests, on="customer_id", how="anti") if standing.exclude_test_accounts else merged

    whole = _is_whole(view, standing)
    return Facts(
        days=counted(lake.customer_days()),
        today=view.day,
        calendar=standing.calendar,
        events=counted(lake.events()),
        raw_since=lake.raw_since(),
        verified=view.verified if whole else None,
        frame=population(view.frame, exclude_test_accounts=standing.exclude_test_accounts) if whole else None,
        thresholds=standing.thresholds,
    )


def sampled_facts(
    name: str, sampled: Sampled, places: pl.Series, *, lake: Lake, view: FrameView, standing: Standing
) -> pl.DataFrame | None:
    """A column of `segments.customers.ASKED`, of the people of a sample as though they were everyone; blocks.

    None where that tells nothing of everyone, or while rows of the frame are being made anew.

    Args:
        name: one of `segments.metrics.worked_out.OF_SAMPLE`.
        sampled: the sample.
        places: where its people stand among the stored rows.
        lake: everyone's history, of which only the thresholds are told where none are stored.
        view: the frame.
        standing: what the shop defines.
    """
    if not _is_whole(view, standing):
        return None
    people = view.rows.select(_READ).collect()[places].lazy()
    used = thresholds_for(facts_of_everyone(lake, view, standing), Window(view.day, view.day))
    facts = Facts(
        days=pl.LazyFrame(),
        today=view.day,
        calendar=standing.calendar,
        events=sampled.events(_ANSWERED, SAMPLED) if name == "nps_score" else None,
        verified=view.verified,
        frame=population(people, exclude_test_accounts=standing.exclude_test_accounts),
        thresholds=(used,),
    )
    found = OF_SAMPLE[name](facts, view.day)
    return None if found is None else found.collect()


def _is_whole(view: FrameView, standing: Standing) -> bool:
    """Whether figures may rely on every row of the frame."""
    return view.figures == read_as(standing.calendar.week_starts)
