"""What the people of a campaign are parted by in its report: where history, the frame and the ledger of memberships meet."""

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from backend.errors import BadInput
from backend.lake.frame import CustomerFrame
from backend.lake.tables import Lake
from backend.services.campaign_desk.breakdowns import INSIDE, OUTSIDE, By, Labelled
from backend.services.memberships.looking import MembershipLedger
from backend.services.segment_runs import SegmentRuns
from campaigns.outcomes import under_survivors
from campaigns.standing import stores_before


@dataclass(frozen=True, slots=True)
class CampaignLabels:
    """Each person's store, language, platform, or whether she was in a segment."""

    frame: CustomerFrame
    lake: Lake
    segment_runs: SegmentRuns
    memberships: MembershipLedger

    async def of(self, by: By, *, day: date, at: datetime, segment_id: int | None, survivors: pl.LazyFrame) -> Labelled:
        """See `backend.services.campaign_desk.breakdowns.Labels`."""
        if segment_id is not None:
            return await self._segment(segment_id, at)
        if by == "store":
            return Labelled(stores_before(under_survivors(self.lake.customer_days(), survivors), day=day), "launch")
        return Labelled(self.frame.read().frame.select("customer_id", pl.col(by).alias("label")), "today")

    async def _segment(self, segment_id: int, at: datetime) -> Labelled:
        """Who was in it at the launch, where that is known still; else who is now."""
        try:
            numbers = await self.memberships.members_at(segment_id, at)
        except BadInput:
            found = await self.segment_runs.members(segment_id)
            return Labelled(_inside(found.select("customer_id")), "today", rest=OUTSIDE)
        return Labelled(_inside(pl.LazyFrame({"customer_id": numbers})), "launch", rest=OUTSIDE)


def _inside(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.select(pl.col("customer_id").cast(pl.Int64), pl.lit(INSIDE).alias("label"))
