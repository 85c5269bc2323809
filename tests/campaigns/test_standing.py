"""Labels and states out of plain rows: the last store before a launch, and the places of people, against plain reading."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.retry import DeliveryState
from campaigns.standing import DEVICES, PEOPLE, entries_of, entry_span, people_of, standing_of, stores_before

LAUNCH = date(2026, 6, 30)
NOON = datetime(2026, 6, 30, 3, tzinfo=UTC)
ROW = st.tuples(
    st.integers(1, 4),
    st.integers(-5, 3),
    st.sampled_from(["Order Completed", "Store Visited", "Application Opened"]),
    st.sampled_from(["S01", "S02", ""]),
    st.integers(0, 3),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(ROW, max_size=14))
def test_the_store_is_that_of_the_latest_visit_or_order_before_the_launch(
    rows: list[tuple[int, int, str, str, int]],
) -> None:
    days = pl.LazyFrame(
        [
            {
                "customer_id": who,
                "business_day": LAUNCH + timedelta(days=ago),
                "event": event,
                "key": store if event == "Store Visited" else "17",
                "detail": store if event == "Order Completed" else "",
                "last_at": NOON + timedelta(days=ago, hours=hour),
            }
            for who, ago, event, store, hour in rows
        ],
        schema={
            "customer_id": pl.Int64(),
            "business_day": pl.Date(),
            "event": pl.String(),
            "key": pl.String(),
            "detail": pl.String(),
            "last_at": pl.Datetime("us", "UTC"),
        },
    )
    known: dict[int, tuple[int, int, str]] = {}
    for who, ago, event, store, hour in rows:
        if ago < 0 and store and event != "Application Opened":
            before = known.get(who)
            if before is None or (ago, hour) > before[:2] or ((ago, hour) == before[:2] and store < before[2]):
                known[who] = (ago, hour, store)
    found = dict(stores_before(days, day=LAUNCH).collect().select("customer_id", "label").iter_rows())
    assert found == {who: store for who, (_, _, store) in known.items()}


def test_the_best_of_several_devices_decides_and_only_who_was_drawn_entered() -> None:
    at = int(NOON.timestamp() * 1_000_000)
    people = pl.LazyFrame(
        [
            (1, 1, 0, "treated", "A", None, "handed", None, at, 0),
            (1, 2, 0, "treated", "A", None, "handed", None, at + 60_000_000, 1),
            (2, 1, 0, "control", None, None, None, None, at, 1),
            (3, 1, 0, None, None, "consent", None, None, at - 1, 0),
        ],
        schema=PEOPLE,
        orient="row",
    )
    states = [DeliveryState.REJECTED, DeliveryState.ACCEPTED]
    devices = pl.LazyFrame(
        [(1, 1, 0, state, None) for state in states] + [(1, 2, 0, DeliveryState.LEFT_OUT, "frequency_cap")],
        schema=DEVICES,
        orient="row",
    )
    standing = standing_of(people, devices).collect()
    found = people_of(standing.lazy())
    assert (found.targeted, found.accepted, found.control) == (4, 1, 1)
    assert found.left_out == {"consent": 1, "frequency_cap": 1}
    entries = entries_of(standing.lazy()).collect()
    assert sorted(entries.select("customer_id", "accepted", "rest").rows()) == [
        (1, False, True), (1, True, False), (2, False, True),
    ]  # fmt: skip
    assert entry_span(standing) == (NOON, NOON + timedelta(minutes=1))
    assert entry_span(standing.filter(pl.col("arm").is_null())) is None
