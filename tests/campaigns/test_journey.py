"""How people walk journeys: by cases, against a slow walker that does one step at a time, and with drawn journeys."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.campaign import check_draft
from campaigns.content import Content, Text
from campaigns.definition import from_json
from campaigns.errors import DraftIncomplete
from campaigns.journey import (
    FINISHED,
    GOAL,
    LAPS,
    TOO_LONG,
    Ask,
    Gone,
    Known,
    Moved,
    Stand,
    Visit,
    advance,
    next_local,
    occurrence_of,
)
from campaigns.journey_checks import check_steps
from campaigns.steps import (
    Awaited,
    CallWebhook,
    Exit,
    GiveCoupon,
    GoTo,
    Part,
    Send,
    SetTrait,
    SplitRule,
    SplitShare,
    Step,
    Wait,
    WaitEvent,
    WaitUntil,
)
from segments.rules.share import spot_of

NOW = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
"""Noon in Tokyo."""
WORDS = Content(ja=Text(title="ようこそ", body="はじめまして"), en=Text(title="Welcome", body="Hello"))
DAY = timedelta(days=1)
WHO = Known(customer_id=7, salt="s")
ARRIVED = Stand(due_at=NOW)

ONBOARDING: tuple[Step, ...] = (
    Send(content=WORDS),
    WaitEvent(awaited=Awaited(event="Order Completed"), timeout=3 * DAY, late="remind"),
    Exit(reason="bought"),
    Send(label="remind", content=WORDS),
    WaitUntil(at="10:00", days=1),
    SplitRule(rule={"attribute": "orders", "op": ">=", "value": 1}, otherwise="last"),
    Exit(),
    GiveCoupon(label="last", coupon_id="WELCOME"),
    SetTrait(trait="onboarded", value=True),
)


def moved(decision: object) -> Moved:
    assert isinstance(decision, Moved)
    return decision


def test_what_can_be_done_at_once_is_done_and_then_she_waits() -> None:
    found = moved(advance(ONBOARDING, ARRIVED, WHO, now=NOW))
    assert found.visits == (Visit(0, 0),)
    assert found.to == Stand(step=1, waits=True, since=NOW, due_at=NOW + 3 * DAY)


def test_an_event_that_is_waited_for_leads_on_at_once_and_its_absence_elsewhere() -> None:
    waiting = Stand(step=1, waits=True, since=NOW, due_at=NOW + 3 * DAY)
    too_early = advance(ONBOARDING, waiting, WHO, now=NOW + DAY)
    assert too_early == Moved((), waiting)
    bought = Known(customer_id=7, salt="s", happened=NOW + DAY)
    assert advance(ONBOARDING, waiting, bought, now=NOW + DAY) == Moved(
        (Visit(1, 0, "happened"), Visit(2, 0)), Gone(step=2, lap=0, reason="bought")
    )
    late = moved(advance(ONBOARDING, waiting, WHO, now=NOW + 3 * DAY))
    assert late.visits == (Visit(1, 0, "late"), Visit(3, 0))
    assert late.to == Stand(step=4, waits=True, since=NOW + 3 * DAY, due_at=datetime(2026, 11, 7, 1, 0, tzinfo=UTC))


def test_what_happened_while_nobody_got_round_to_her_counts() -> None:
    steps = (Send(content=WORDS), WaitEvent(awaited=Awaited(event="Order Completed"), timeout=DAY), Exit())
    late = moved(advance(steps, ARRIVED, WHO, now=NOW + timedelta(minutes=10)))
    assert isinstance(late.to, Stand)
    assert (late.to.since, late.to.due_at) == (NOW, NOW + DAY + timedelta(minutes=10))


def test_a_rule_is_asked_where_the_way_forks_and_decides_it() -> None:
    there = Stand(step=5, due_at=NOW)
    assert advance(ONBOARDING, there, WHO, now=NOW) == Ask(5)
    no = moved(advance(ONBOARDING, there, Known(customer_id=7, salt="s", rules={5: False}), now=NOW))
    assert [visit.step for visit in no.visits] == [5, 7, 8]
    assert no.to == Gone(step=9, lap=0, reason=FINISHED)


def test_the_goal_ends_it_wherever_she_stands() -> None:
    reached = Known(customer_id=7, salt="s", goal=True)
    assert advance(ONBOARDING, ARRIVED, reached, now=NOW) == Moved((), Gone(step=0, lap=0, reason=GOAL))


def test_a_circle_counts_laps_and_ends_at_last() -> None:
    circle = (Send(label="again", content=WORDS), Wait(time=DAY), GoTo(to="again"))
    check_steps(circle)
    back = moved(advance(circle, Stand(step=1, waits=True, due_at=NOW), WHO, now=NOW))
    assert back.visits == (Visit(1, 0), Visit(2, 0), Visit(0, 1))
    last = Stand(step=1, lap=LAPS - 1, waits=True, due_at=NOW)
    assert moved(advance(circle, last, WHO, now=NOW)).to == Gone(step=0, lap=LAPS, reason=TOO_LONG)
    assert occurrence_of(12, 0) < occurrence_of(12, LAPS - 1) < occurrence_of(13, 0)


def test_shares_are_kept_by_each_person_and_hold_over_many() -> None:
    split = (
        SplitShare(parts=(Part(percent=20, to="b"), Part(percent=80))),
        Exit(reason="a"),
        Exit(label="b", reason="b"),
    )

    def reason(customer_id: int, salt: str = "s") -> str:
        to = moved(advance(split, ARRIVED, Known(customer_id=customer_id, salt=salt), now=NOW)).to
        assert isinstance(to, Gone)
        return to.reason

    ways = [reason(number) for number in range(1, 5001)]
    assert 0.17 < ways.count("b") / 5000 < 0.23
    assert ways[:50] == [reason(number) for number in range(1, 51)]
    assert ways[:200] != [reason(number, "other") for number in range(1, 201)]


@pytest.mark.parametrize(
    ("zone", "now", "at", "expected"),
    [
        ("Asia/Tokyo", "2026-11-02T00:59:00Z", time(10), "2026-11-02T01:00:00Z"),
        ("Asia/Tokyo", "2026-11-02T01:00:00Z", time(10), "2026-11-03T01:00:00Z"),
        ("America/New_York", "2026-03-08T05:00:00Z", time(2, 30), "2026-03-08T07:30:00Z"),
        ("America/New_York", "2026-11-01T05:00:00Z", time(1, 30), "2026-11-01T05:30:00Z"),
        ("America/New_York", "2026-11-01T05:45:00Z", time(1, 30), "2026-11-02T06:30:00Z"),
        ("America/New_York", "2026-10-31T20:00:00Z", time(10), "2026-11-01T15:00:00Z"),
        ("Pacific/Apia", "2028-02-28T22:00:00Z", time(9), "2028-02-29T20:00:00Z"),
    ],
)
def test_a_time_of_day_is_the_next_one_on_the_persons_clock(zone: str, now: str, at: time, expected: str) -> None:
    found = next_local(at, zone, datetime.fromisoformat(now))
    assert found == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("steps", "field"),
    [
        ([GoTo(to="nowhere")], "steps[0].to"),
        ([Send()], "steps[0].content"),
        ([Wait(time=timedelta(seconds=59))], "steps[0].time"),
        ([WaitUntil(at="24:00")], "steps[0].at"),
        ([WaitEvent(awaited=Awaited(event=" "), timeout=DAY)], "steps[0].awaited.event"),
        ([WaitEvent(awaited=Awaited(event="Order Completed", where={"rank": "x"}), timeout=DAY)], "steps[0].awaited.where.rank"),
        ([SplitRule(rule={"attribute": "orders"})], "steps[0].rule.op"),
        ([SplitShare(parts=(Part(percent=50), Part(percent=49)))], "steps[0].parts"),
        ([GiveCoupon(coupon_id="")], "steps[0].coupon_id"),
        ([Exit(label="a"), Exit(label="a")], "steps[1].label"),
        ([CallWebhook(label="a", name="crm"), SetTrait(trait="x", value=1), GoTo(to="a")], "steps[2]"),
        ([SplitRule(label="a", rule={"list": 1}), Wait(time=DAY), SplitRule(rule={"list": 2}, otherwise="a")], None),
    ],
)  # fmt: skip
def test_what_nobody_could_walk_is_refused_with_its_place(steps: list[Step], field: str | None) -> None:
    if field is None:
        check_steps(steps)
        return
    with pytest.raises(DraftIncomplete) as caught:
        check_steps(steps)
    assert caught.value.field == field


def test_a_circle_is_refused_with_its_way() -> None:
    with pytest.raises(DraftIncomplete, match="1 → 2 → 3 → 1"):
        check_steps([SetTrait(label="a", trait="x"), CallWebhook(name="crm"), GoTo(to="a")])


def test_steps_are_json_and_back() -> None:
    written = msgspec.json.encode(ONBOARDING)
    assert msgspec.json.decode(written, type=tuple[Step, ...]) == ONBOARDING
    with pytest.raises(msgspec.ValidationError, match=r"\$\[0\]"):
        msgspec.json.decode(b'[{"kind":"wait","time":"P1D","more":1}]', type=tuple[Step, ...])


# The slow walker: one small step at a time, with a table of labels and no shortcuts.


def slow_walk(steps: Sequence[Step], stand: Stand, known: Known, now: datetime) -> tuple[list[tuple[int, int]], str]:
    labels = {step.label: place for place, step in enumerate(steps) if step.label}
    place, lap, waits = stand.step, stand.lap, stand.waits
    trail: list[tuple[int, int]] = []
    while place < len(steps):
        step = steps[place]
        if isinstance(step, Wait | WaitUntil | WaitEvent):
            ready = now >= stand.due_at or (isinstance(step, WaitEvent) and known.happened is not None)
            if not (waits and ready):
                return trail, f"waits {place}.{lap}"
        trail.append((place, lap))
        to: int = place + 1
        if isinstance(step, Exit):
            return trail, step.reason or FINISHED
        if isinstance(step, GoTo):
            to = labels[step.to]
        if isinstance(step, WaitEvent) and known.happened is None and step.late:
            to = labels[step.late]
        if isinstance(step, SplitRule) and not known.rules[place]:
            if step.otherwise is None:
                return trail, FINISHED
            to = labels[step.otherwise]
        if isinstance(step, SplitShare):
            target = step.parts[int(_drawn(step, place, known))].to
            to = place + 1 if target is None else labels[target]
        lap, place, waits = lap + (1 if to <= place else 0), to, False
    return trail, FINISHED


def _drawn(step: SplitShare, place: int, known: Known) -> int:
    spot = spot_of(known.customer_id, f"{known.salt}:{place}")
    bounds = [sum(part.percent for part in step.parts[: number + 1]) * 100 for number in range(len(step.parts))]
    return next((number for number, bound in enumerate(bounds) if spot < round(bound)), len(bounds) - 1)


@st.composite
def journeys(draw: st.DrawFn) -> tuple[Step, ...]:
    count = draw(st.integers(1, 8))
    label = st.sampled_from([f"l{number}" for number in range(count)])
    way = st.none() | label
    makers: list[Callable[[str], Step]] = [
        lambda own: Send(label=own, content=WORDS),
        lambda own: Wait(label=own, time=timedelta(hours=draw(st.integers(1, 50)))),
        lambda own: WaitUntil(label=own, at="09:30", days=draw(st.integers(0, 3))),
        lambda own: WaitEvent(label=own, awaited=Awaited(event="Store Visited"), timeout=DAY, late=draw(way)),
        lambda own: SplitRule(label=own, rule={"list": 1}, otherwise=draw(way)),
        lambda own: SplitShare(label=own, parts=(Part(percent=30, to=draw(way)), Part(percent=70, to=draw(way)))),
        lambda own: GoTo(label=own, to=draw(label)),
        lambda own: SetTrait(label=own, trait="x", value=draw(st.none() | st.integers())),
        lambda own: Exit(label=own, reason=draw(st.sampled_from(["", "enough"]))),
    ]
    return tuple(draw(st.sampled_from(makers))(f"l{number}") for number in range(count))


@settings(max_examples=150, deadline=None)
@given(
    journeys(),
    st.integers(1, 10**6),
    st.lists(st.booleans(), min_size=8, max_size=8),
    st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_walks_are_those_of_the_slow_walker(
    steps: tuple[Step, ...], customer_id: int, rules: list[bool], happens: list[bool]
) -> None:
    try:
        check_steps(steps)
    except DraftIncomplete:
        return
    stand, now, answers = ARRIVED, NOW, dict(enumerate(rules))
    for happened in happens:
        known = Known(customer_id=customer_id, salt="s", happened=now if happened else None, rules=answers)
        found = moved(advance(steps, stand, known, now=now))
        trail, end = slow_walk(steps, stand, known, now)
        assert [(visit.step, visit.lap) for visit in found.visits] == trail
        if isinstance(found.to, Gone):
            assert found.to.reason == end
            return
        assert f"waits {found.to.step}.{found.to.lap}" == end
        assert found.to.due_at > now or found.to == stand, "nobody is looked at again at once"
        stand, now = found.to, max(now, found.to.due_at)
    assert stand.waits


@given(st.integers(0, 23), st.integers(0, 59), st.sampled_from(["Asia/Tokyo", "Europe/Berlin", "America/St_Johns"]),
       st.integers(0, 2 * 365 * 24 * 60))  # fmt: skip
def test_the_next_moment_shows_that_time_within_a_day_and_a_gap(
    hour: int, minute: int, zone: str, minutes: int
) -> None:
    now = NOW + timedelta(minutes=minutes)
    found = next_local(time(hour, minute), zone, now)
    assert timedelta(0) < found - now <= timedelta(hours=49)
    local = found.astimezone(ZoneInfo(zone))
    assert (local.hour, local.minute) == (hour, minute) or local.dst() != (local - timedelta(hours=2)).dst()


def test_the_journey_that_the_guide_shows_can_stand() -> None:
    guide = (Path(__file__).parents[2] / "docs/how-to/journeys.md").read_text()
    shown = re.search(r"```json\n(.*?)```", guide, re.DOTALL)
    assert shown is not None
    draft = from_json(msgspec.json.decode(shown[1]))
    check_draft(draft)
    assert [type(step) for step in draft.steps] == [Send, WaitEvent, Exit, Send]
