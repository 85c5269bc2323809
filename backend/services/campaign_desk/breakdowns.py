"""A campaign's report by store, language, platform or segment: people, devices, opens, sales and effect of each part."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol, TypeAlias

import asyncpg
import polars as pl

from backend.errors import BadInput
from backend.services.campaign_desk.reports import Facts, Gathered, follow, gather, read_ledger, variants_of
from backend.services.campaign_desk.rows import draft_of, read
from campaigns.figures import CampaignBreakdown
from campaigns.outcomes import under_survivors
from campaigns.report import People
from campaigns.results import Results, Slice, judged, tally, tally_by
from campaigns.standing import devices_by, people_by

By: TypeAlias = Literal["store", "language", "platform", "segment"]
BREAKDOWNS: tuple[By, ...] = ("store", "language", "platform", "segment")
MOST_SLICES = 30
"""Parts that are told apart; smaller ones are put together."""
OTHERS = "(others)"
INSIDE, OUTSIDE = "inside", "outside"
"""Labels of who was in a segment and who was not."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """What people are parted by.

    Attributes:
        frame: ``customer_id`` and ``label``, each customer once, merges applied.
        basis: of when it is: ``launch`` or ``today``.
        rest: the label of everybody else; None where theirs is not known.
    """

    frame: pl.LazyFrame
    basis: Literal["launch", "today"]
    rest: str | None = None


class Labels(Protocol):
    """What people are parted by."""

    async def of(self, by: By, *, day: date, at: datetime, segment_id: int | None, survivors: pl.LazyFrame) -> Labelled:
        """Each person's label before a business day, where that is known, else as of today.

        Raises:
            NotFound: no such segment.
        """
        ...


class CampaignBreakdowns:
    """Reports by a label of the people."""

    def __init__(self, pool: asyncpg.Pool, *, facts: Facts, labels: Labels) -> None:
        self._pool = pool
        self._facts = facts
        self._labels = labels

    async def report(self, campaign_id: int, by: By, *, segment_id: int | None = None) -> CampaignBreakdown:
        """The figures of one campaign by a label.

        Raises:
            NotFound: no such campaign, or segment.
            BadInput: nothing can be parted so.
        """
        if by not in BREAKDOWNS or (by == "segment") != (segment_id is not None):
            raise BadInput(
                f"A report is parted by {', '.join(BREAKDOWNS)}; by segment it names one.",
                code="bad_breakdown",
                field="by",
            )
        async with self._pool.acquire() as connection:
            row = await read(connection, campaign_id)
        as_of = await asyncio.to_thread(self._facts.as_of)
        standing, devices = await read_ledger(self._pool, campaign_id)
        gathered = await gather(self._pool, row, self._facts, standing=standing, devices=devices)
        if gathered is None:
            return CampaignBreakdown(campaign_id=campaign_id, by=by, basis="launch", as_of=as_of, slices=())
        at: datetime = row["planned_at"] or as_of
        labelled = await self._labels.of(
            by, day=gathered.launch_day, at=at, segment_id=segment_id, survivors=gathered.survivors
        )
        variants = variants_of(draft_of(row))
        slices = await asyncio.to_thread(_slices, gathered, labelled, facts=self._facts, variants=variants, as_of=as_of)
        return CampaignBreakdown(
            campaign_id=campaign_id,
            by=by,
            basis=labelled.basis,
            as_of=as_of,
            slices=slices or (),
            dropped=slices is None,
        )


def _slices(
    gathered: Gathered, labelled: Labelled, *, facts: Facts, variants: list[str], as_of: datetime
) -> tuple[Slice, ...] | None:
    followed = follow(gathered, facts)
    if followed is None:
        return None
    standing = under_survivors(gathered.standing.lazy(), gathered.survivors)
    kept = _largest(standing, labelled)
    people = people_by(standing, kept)
    states = devices_by(under_survivors(gathered.devices.lazy(), gathered.survivors), kept)
    counted = tally_by(followed.join(kept, on="customer_id", how="left"), variants=variants)
    among = sum(1 for each in counted.values() if each.control.arm.customers and each.treated.arm.customers)
    nobody = tally(followed.limit(0), variants=variants)
    return tuple(
        Slice(
            label=label,
            people=people[label],
            devices=states.get(label, {}),
            results=_told(counted.get(label, nobody), gathered, as_of, among),
        )
        for label in _in_order(people)
    )


def _told(results: Results, gathered: Gathered, as_of: datetime, among: int) -> Results:
    return judged(results, ends_at=gathered.ends_at, as_of=as_of, growing=gathered.growing, among=max(1, among))


def _largest(standing: pl.LazyFrame, labelled: Labelled) -> pl.LazyFrame:
    """Labels of the campaign's people, the smallest parts put together where there are too many."""
    people = standing.select("customer_id").unique()
    named = people.join(labelled.frame.select("customer_id", "label"), on="customer_id", how="left")
    theirs = (
        named.with_columns(pl.col("label").fill_null(pl.lit(labelled.rest, pl.String()))).drop_nulls("label").collect()
    )
    sizes = theirs.group_by("label").len().sort(["len", "label"], descending=[True, False])
    if sizes.height <= MOST_SLICES:
        return theirs.lazy()
    large = sizes.head(MOST_SLICES - 1).get_column("label")
    kept = pl.when(pl.col("label").is_in(large.implode())).then("label").otherwise(pl.lit(OTHERS))
    return theirs.lazy().with_columns(kept.alias("label"))


def _in_order(people: Mapping[str | None, People]) -> list[str | None]:
    """Largest first; those put together, and those of whom nothing is known, last."""
    return sorted(people, key=lambda label: (label is None, label == OTHERS, -people[label].targeted, label or ""))
