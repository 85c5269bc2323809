"""Drafts of every kind, for property tests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import strategies as st

from campaigns.campaign import Devices, Draft, Policy, Priority, QuietPolicy
from campaigns.content import Button, Content, Override, Text, Variant
from campaigns.trigger import REPEATING, SET_BASED, Once, OnDate, OnEvent, OnSegment, Recurring, Reentry, Trigger
from campaigns.winner import EVERYBODY, Measure, Otherwise, WinnerRule

WORDS = st.text("abc 茶{}|'\"\\", min_size=1, max_size=8).map(lambda text: f"x{text}")
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - `timezones` gives them theirs
DELAYS = st.integers(0, 90 * 24 * 3600).map(lambda seconds: timedelta(seconds=seconds))
TEXTS = st.builds(Text, WORDS, WORDS)
LINKS = st.sampled_from(["https://shop.example/tea", "myshop://coupon/1"])
NAMES = st.sampled_from(["default", "chime.wav", "offers"])

OVERRIDES = st.builds(Override, ja=TEXTS | st.none(), link=LINKS | st.none(), image=st.none(), sound=NAMES | st.none())
BUTTONS = st.lists(
    st.builds(Button, id=st.sampled_from(["go", "no", "later"]), ja=WORDS, link=LINKS | st.none()),
    max_size=3,
    unique_by=lambda button: button.id,
).map(tuple)
CONTENTS = st.builds(
    Content,
    ja=TEXTS,
    en=TEXTS | st.none(),
    link=LINKS | st.none(),
    image=st.sampled_from(["https://shop.example/tea.png", None]),
    buttons=BUTTONS,
    sound=NAMES | st.none(),
    badge=st.integers(0, 99) | st.none(),
    channel=NAMES | st.none(),
    category=NAMES | st.none(),
    ios=OVERRIDES | st.none(),
    android=OVERRIDES | st.none(),
    web=OVERRIDES | st.none(),
)
TRIGGERS: st.SearchStrategy[Trigger] = st.one_of(
    st.just(Once()),
    st.builds(
        Recurring,
        rrule=st.sampled_from(["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=FR"]),
        starts_at=MOMENTS,
        until=st.just(datetime(2031, 1, 1, tzinfo=UTC)) | st.none(),
    ),
    st.builds(
        OnEvent,
        event=st.just("Order Completed"),
        where=st.sampled_from([{}, {"store": "S1", "amount": {">=": 1000}}]),
        delay=DELAYS,
        until=MOMENTS | st.none(),
    ),
    st.builds(OnSegment, segment_id=st.just(2), change=st.sampled_from(["entered", "left"]), delay=DELAYS),
    st.builds(
        OnDate,
        date=st.sampled_from(["birthday", "coupon_expiry", "trait:renewal"]),
        days=st.integers(-30, 30),
        at=st.sampled_from(["10:00", "23:59"]),
    ),
)
REENTRIES = st.sampled_from([Reentry(), Reentry(mode="never"), Reentry(mode="after", days=30)])
VARIANTS = st.just(()) | st.tuples(CONTENTS, CONTENTS).map(
    lambda two: (Variant(name="A", share=30.5, content=two[0]), Variant(name="B", share=69.5, content=two[1]))
)
WINNERS = st.builds(
    WinnerRule,
    measure=st.sampled_from(Measure),
    test_percent=st.sampled_from([1.0, 12.5, 90.0]),
    wait=st.integers(30, 14 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes)),
    level=st.sampled_from([80.0, 95.0]),
    otherwise=st.sampled_from(Otherwise),
)


def tested(draft: Draft, rule: WinnerRule) -> Draft:
    """The draft with a winner rule, where one can stand."""
    if not draft.variants or draft.kind not in SET_BASED:
        return draft
    share = EVERYBODY if draft.kind in REPEATING else rule.test_percent
    return replace(draft, winner=msgspec.structs.replace(rule, test_percent=share))


PLAIN = st.builds(
    Draft,
    name=WORDS,
    segment_id=st.integers(3, 9),
    content=CONTENTS,
    holdout_percent=st.sampled_from([0.0, 5.0, 12.5]),
    policy=st.sampled_from(Policy),
    conversion_event=st.sampled_from(["Order Completed", "Store Visited"]),
    conversion_days=st.integers(1, 90),
    scheduled_at=MOMENTS | st.none(),
    expires_after=st.integers(1, 28 * 24).map(lambda hours: timedelta(hours=hours)),
    trigger=TRIGGERS,
    reentry=REENTRIES,
    variants=VARIANTS,
    priority=st.sampled_from(Priority),
    devices=st.sampled_from(Devices),
    quiet=st.sampled_from(QuietPolicy),
    own_zone=st.booleans(),
    rate_per_minute=st.none() | st.integers(1, 600_000),
    hypothesis=st.text(max_size=10),
    goal_target=st.none() | st.sampled_from([0.5, 12.0]),
    tags=st.sampled_from([(), ("tea",), ("tea", "夏")]),
    names_on_lock_screen=st.booleans(),
)
DRAFTS = PLAIN | st.builds(tested, PLAIN, WINNERS)
