"""The calendar: what has no day of its own stands beside it, and what has one does not."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.agenda import Known, listening
from campaigns.campaign import Content, Draft, State, Text
from campaigns.steps import Send, Step, Wait
from campaigns.trigger import Once, OnDate, OnEvent, Recurring, Trigger

STEPS: tuple[Step, ...] = (Wait(time=timedelta(days=1)), Send(content=Content(ja=Text("お茶", "入荷しました"))))
WEEKLY = Recurring(rrule="FREQ=WEEKLY", starts_at=datetime(2026, 11, 20, 1, tzinfo=UTC))


@pytest.mark.parametrize("steps", [(), STEPS])
@pytest.mark.parametrize(
    ("trigger", "stands"),
    [(OnEvent(event="Store Visited"), True), (Once(), False), (WEEKLY, False), (OnDate(date="birthday"), False)],
)
def test_only_what_an_event_or_a_change_begins_listens(trigger: Trigger, steps: tuple[Step, ...], stands: bool) -> None:
    draft = Draft(name="Tea", segment_id=1, trigger=trigger, steps=steps)
    known = Known(campaign_id=1, name="Tea", state=State.SENDING, draft=draft)
    assert bool([*listening([known])]) is stands
