"""Rows packed by hand are the rows that the driver's own encoder would have written, whatever they hold."""

from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.store.log_copy import COLUMNS, LogRows
from segments.envelope import Event, event_id_of

NOW = datetime(2026, 4, 1, 23, 59, 59, 999_999, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)
TIME = st.datetimes(datetime(1900, 1, 1), datetime(2300, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - timezones adds it
ROWS = st.builds(
    Event,
    event_id=st.uuids(),
    source_id=st.integers(1, 2**31 - 1),
    trusted=st.booleans(),
    message_id=TEXT,
    type=st.sampled_from(["track", "identify"]),
    event=st.none() | TEXT,
    user_id=st.none() | TEXT | st.just("あ" * 3000),
    anonymous_id=st.none() | TEXT,
    occurred_at=TIME,
    original_at=st.none() | TIME,
    sent_at=st.none() | TIME,
    time_rule=st.sampled_from(["as_sent", "skew"]),
    token_verdict=st.none() | st.just("valid"),
    payload=st.dictionaries(TEXT, TEXT, max_size=3).map(lambda value: msgspec.Raw(msgspec.json.encode(value))),
    violations=st.none() | st.lists(TEXT, max_size=3).map(tuple),
)


def drawn(number: int) -> list[Event]:
    """Random rows, the same at every run."""
    rows: list[Event] = []

    @settings(max_examples=number, database=None, derandomize=True)
    @given(ROWS)
    def draw(row: Event) -> None:
        rows.append(row)

    draw()
    return rows


async def test_packed_rows_are_what_the_driver_would_write(pool: asyncpg.Pool) -> None:
    rows = drawn(200)
    came = {rows[0].event_id: NOW - timedelta(hours=5)}
    columns = ", ".join(COLUMNS)
    async with pool.acquire() as connection:
        packed = LogRows(NOW.date(), NOW, came).pack(rows)
        await connection.copy_to_table("event_log", columns=COLUMNS, source=packed, format="binary")
        ours = await connection.fetch(f"SELECT {columns} FROM event_log ORDER BY seq")
    expected = [
        (NOW.date(), came.get(row.event_id, NOW), *(getattr(row, column) for column in COLUMNS[2:])) for row in rows
    ]
    assert [plain(tuple(record)) for record in ours] == [plain(record) for record in expected]


def plain(record: tuple[object, ...]) -> tuple[object, ...]:
    """With payload and lists as values, so that what went in and what comes out compare."""
    values = [list(value) if isinstance(value, tuple) else value for value in record]
    return tuple(msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value for value in values)


async def test_a_word_that_does_not_repeat_is_not_kept_for_ever() -> None:
    packer = LogRows(NOW.date(), NOW)
    row = msgspec.structs.replace(drawn(1)[0], event_id=event_id_of(1, "m"))
    async for content in packer.pack(msgspec.structs.replace(row, event=f"event {n}") for n in range(5000)):
        assert b"event 4999" in content
    assert len(packer._words) <= 4096
