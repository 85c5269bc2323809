"""A campaign as JSON: read strictly, with the place of every fault, and written so that it reads back as the same."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from campaigns.campaign import Draft, check_draft
from campaigns.content import Button, Content, Override, Text, Variant
from campaigns.definition import from_json, to_json
from campaigns.errors import DraftIncomplete
from campaigns.trigger import OnDate, OnEvent, OnSegment, Recurring, Reentry, Trigger
from segments.rules.behaviour import Match
from tests.campaigns.drafts import DRAFTS

SMALLEST: dict[str, Any] = {"name": "Tea", "segment_id": 1, "content": {"ja": {"title": "t", "body": "b"}}}
TEA = Content(ja=Text("t", "b"))


@settings(max_examples=60)
@given(DRAFTS)
def test_what_is_written_reads_back_as_the_same_and_stands(draft: Draft) -> None:
    assert from_json(json.loads(json.dumps(to_json(draft)))) == draft
    check_draft(draft)


def test_what_is_as_usual_is_not_written() -> None:
    assert to_json(from_json(SMALLEST)) == SMALLEST
    assert from_json(SMALLEST) == Draft(name="Tea", segment_id=1, content=TEA)


@pytest.mark.parametrize(
    ("more", "field", "reason"),
    [
        ({"nam": 1}, "", "unknown field `nam`"),
        ({"content": {"ja": {"title": "t"}}}, "content.ja", "missing required field `body`"),
        ({"content": {"fr": {}}}, "content", "unknown field `fr`"),
        ({"content": {"ja": {"title": 1, "body": "b"}}}, "content.ja.title", "expected `str`, got `int`"),
        ({"trigger": {"kind": "daily"}}, "trigger.kind", "invalid value 'daily'"),
        ({"trigger": {"kind": "event"}}, "trigger", "missing required field `event`"),
        ({"trigger": {"kind": "event", "event": "x", "delay": "soon"}}, "trigger.delay", "duration"),
        ({"variants": [{"name": "A", "share": "50", "content": {}}]}, "variants[0].share", "expected `float`"),
        ({"holdout_percent": 91}, "holdout_percent", "<= 90"),
        ({"priority": "urgent"}, "priority", "invalid enum value 'urgent'"),
        ({"own_zone": "yes"}, "own_zone", "expected `bool`"),
        ({"scheduled_at": "2026-12-01T10:00:00"}, "scheduled_at", "timezone"),
    ],
)
def test_a_fault_has_its_place_and_reason(more: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(DraftIncomplete) as refused:
        from_json(SMALLEST | more)
    assert refused.value.field == field
    assert reason in refused.value.message


NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - that is the fault
NOON = datetime(2026, 1, 1, 3, tzinfo=UTC)
HALF = Variant(name="A", share=50, content=TEA)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"segment_id": None}, "segment_id"),
        ({"trigger": OnSegment(segment_id=1)}, "segment_id"),
        ({"trigger": Recurring(rrule="FREQ=DAILY", starts_at=NAIVE)}, "trigger.starts_at"),
        ({"trigger": Recurring(rrule="FREQ=DAILY", starts_at=NOON, until=NAIVE)}, "trigger.until"),
        ({"trigger": OnEvent(event=" ")}, "trigger.event"),
        ({"trigger": OnEvent(event="Campaign Opened")}, "trigger.event"),
        ({"trigger": OnEvent(event="Order Completed", where={"shop": "x"})}, "trigger.where.shop"),
        ({"trigger": OnEvent(event="Order Completed", where={"amount": 1})}, "trigger.where.amount"),
        ({"trigger": OnEvent(event="x", delay=timedelta(days=91))}, "trigger.delay"),
        ({"trigger": OnDate(date="wedding")}, "trigger.date"),
        ({"trigger": OnDate(date="trait:")}, "trigger.date"),
        ({"trigger": OnDate(date="joined", days=-1)}, "trigger.days"),
        ({"trigger": OnDate(date="birthday", days=4000)}, "trigger.days"),
        ({"trigger": OnDate(date="birthday", at="25:00")}, "trigger.at"),
        ({"reentry": Reentry(mode="after")}, "reentry.days"),
        ({"variants": (HALF,)}, "variants"),
        ({"variants": (HALF, HALF)}, "variants[1].name"),
        ({"variants": (HALF, Variant(name="B", share=49, content=TEA))}, "variants"),
        ({"variants": (HALF, Variant(name="B", share=50, content=Content()))}, "variants[1].content"),
        ({"rate_per_minute": 0}, "rate_per_minute"),
        ({"goal_target": 0.0}, "goal_target"),
        ({"hypothesis": "x" * 1001}, "hypothesis"),
        ({"tags": ("a", "a")}, "tags"),
        ({"tags": ("a", " b")}, "tags[1]"),
        ({"content": Content(ja=Text("t", "b"), image="http://x/y.png")}, "content.image"),
        ({"content": Content(ja=Text("t", "b"), badge=-1)}, "content.badge"),
        ({"content": Content(ja=Text("t", "b"), sound="../x")}, "content.sound"),
        ({"content": Content(ja=Text("t", "b"), buttons=(Button(id="Go!", ja="行く"),))}, "content.buttons[0].id"),
        ({"content": Content(ja=Text("t", "b"), buttons=(Button(id="go"),))}, "content.buttons[0].ja"),
        ({"content": Content(ja=Text("t", "b"), ios=Override(link="x"))}, "content.ios.link"),
        ({"content": Content(ja=Text("t", "b"), ios=Override(en=Text("t", "b")))}, "content.ios.en"),
    ],
)
def test_what_cannot_stand_names_the_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(DraftIncomplete) as refused:
        check_draft(replace(Draft(name="Tea", segment_id=1, content=TEA), **change))
    assert refused.value.field == field


def test_filters_are_those_of_segment_rules() -> None:
    trigger = OnEvent(event="Order Completed", where={"amount": {">=": 1000}, "store": "S1"})
    assert trigger.filters == (Match("store", "in", ("S1",)), Match("amount", ">=", 1000))
    assert OnEvent(event="Order Completed").filters == ()


@pytest.mark.parametrize("trigger", [OnEvent(event="Ring"), OnSegment(segment_id=2)])
def test_who_is_begun_one_by_one_needs_no_audience(trigger: Trigger) -> None:
    draft = Draft(name="Tea", segment_id=None, content=TEA, trigger=trigger)
    check_draft(draft)
    assert draft.runs_on


@pytest.mark.parametrize(
    ("reentry", "hours", "allowed"),
    [
        (Reentry(), 0, True),
        (Reentry(mode="never"), 10_000, False),
        (Reentry(mode="after", days=1), 23, False),
        (Reentry(mode="after", days=1), 24, True),
    ],
)
def test_who_may_enter_again(reentry: Reentry, hours: int, *, allowed: bool) -> None:
    assert reentry.allows(NOON, NOON + timedelta(hours=hours)) is allowed
    assert reentry.allows(None, NOON)


def test_a_platform_gets_what_differs_there() -> None:
    ios = Override(ja=Text("i", "b"), sound="chime.wav")
    content = Content(ja=Text("t", "b"), en=Text("e", "b"), link="https://shop.example", ios=ios)
    on_ios = content.on("ios")
    assert (on_ios.ja, on_ios.en, on_ios.sound, on_ios.link) == (Text("i", "b"), content.en, "chime.wav", content.link)
    assert content.on("android") is content.on(None) is content
    assert Button(id="go", ja="行く").label("en") == "行く"
