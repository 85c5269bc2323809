"""The facts of everyone who counts, or of a sample of them, for what is worked out of all customers together when a rule asks."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl

from backend.lake.asked_sources import Standing
from backend.lake.frame_view import FrameView
from backend.lake.parting import PLACE, Parting
from backend.lake.sample import EVENTS as SAMPLED
from backend.lake.sample import Sampled
from backend.lake.shelf import Shelf, parts_of
from backend.lake.tables import Lake
from segments.customers import ON_RECORD
from segments.events import EventName
from segments.history import under_survivors
from segments.membership import population
from segments.metrics.facts import Facts
from segments.metrics.lifecycle import thresholds_for
from segments.metrics.purchase_days import DAYS, NETS
from segments.metrics.worked_out import OF_EVERYONE, OF_SAMPLE, nps_answers, nps_score
from segments.reduce.bitmaps import read_as
from segments.windows import Window

_READ = ("customer_id", "test_account", DAYS, NETS, *ON_RECORD)
"""Columns of the frame that what follows from everyone is worked out of."""

FEW = 250_000
"""Rows that are put in order in memory: to lay so few by customer takes longer than all else."""

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


def column_of_everyone(name: str, *, lake: Lake, view: FrameView, standing: Standing, scratch: Path) -> pl.DataFrame:
    """``customer_id`` and a column of `segments.customers.ASKED`, of everyone, in the order of `PLACE`; blocks.

    Worked out some customers after the others, in the order of the frame or of history; what stands between two passes lies in
    files of ``scratch``.
    """
    facts = replace(facts_of_everyone(lake, view, standing), lay=Shelf(scratch).lay)
    if name in OF_EVERYONE:
        return _by_place(OF_EVERYONE[name](facts, view.day), pl.LazyFrame.collect, scratch)
    answers = nps_answers(facts, view.day)
    told = answers.collect_batches(chunk_size=FEW, maintain_order=False, engine="streaming")
    none = pl.DataFrame(schema=answers.collect_schema())
    return _by_place(itertools.chain([none], told), nps_score, scratch)


def _by_place(
    parts: Iterator[pl.DataFrame], told: Callable[[pl.LazyFrame], pl.DataFrame], scratch: Path
) -> pl.DataFrame:
    """What is ``told`` of rows of customers, which come in any order: by customer, some after the others where they are many."""
    begun, rows = [next(parts)], 0
    for part in parts:
        begun.append(part)
        rows += part.height
        if rows > FEW:
            break
    else:
        return told(pl.concat(begun).lazy()).sort(PLACE)
    with Parting(scratch, events=()) as parting:
        with parting.laying("rows", begun[0].schema) as lay:
            for part in itertools.chain(begun, parts):
                lay(part)
        return Shelf(scratch).lay(told(part["rows"]).sort(PLACE) for _, part in parting.parts({}, upto=0))


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
    people = _rows_at(view.rows.select(_READ).collect(), places).lazy()
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
    return OF_SAMPLE[name](facts, view.day)


def _rows_at(rows: pl.DataFrame, places: pl.Series) -> pl.DataFrame:
    """Rows at places in order, file by file: out of all files at once Polars takes lists only after it has copied them together."""
    found, begin, first = [rows.clear()], 0, 0
    for part in parts_of(rows):
        end = int(places.search_sorted(first + part.height, side="left"))
        found.append(part[places.slice(begin, end - begin) - first])
        begin, first = end, first + part.height
    return pl.concat(found)


def _is_whole(view: FrameView, standing: Standing) -> bool:
    """Whether figures may rely on every row of the frame."""
    return view.figures == read_as(standing.calendar.week_starts)
