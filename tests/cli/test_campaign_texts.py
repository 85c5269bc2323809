"""A report in the terminal says what its interval may be used for."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from backend.cli.campaign_texts import tell_report
from campaigns.effect import Arm, judge
from campaigns.overview import CampaignReport
from campaigns.report import People

ENDS = datetime(2026, 7, 7, 3, tzinfo=UTC)
SUMMARY = SimpleNamespace(
    campaign_id=1,
    name="Tea",
    state="sent",
    paused_reason=None,
    failed_reason=None,
    segment_id=1,
    segment_name="Once",
    targeted=0,
    control=0,
    accepted=0,
    tags=(),
)


@pytest.mark.parametrize(("as_of", "so_far"), [(ENDS - timedelta(days=6), True), (ENDS, False)])
def test_the_interval_before_and_after_the_end(as_of: datetime, so_far: bool) -> None:
    effect = judge(Arm(90, 9), Arm(10, 1), ends_at=ENDS, as_of=as_of)
    report = SimpleNamespace(
        summary=SUMMARY, people=People(), removed=(), devices={}, opens=None, effect=effect, dropped=False
    )
    told = tell_report(cast("CampaignReport", report))
    assert "too small for a verdict" in told
    assert "Difference +0.0 points, 95 % interval [" in told
    assert told.endswith("(so far; valid whenever you look)") is so_far
