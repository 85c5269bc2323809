"""Rows for lake tests."""

from datetime import UTC, date, datetime, timedelta

import polars as pl

from backend.lake.schemas import LAYOUTS, Table

MOMENT = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)


def event_rows(*seqs: int, day: date = date(2026, 4, 1)) -> pl.DataFrame:
    """One event a seq, on business day ``day``."""
    rows = [
        {
            "seq": seq,
            "customer_id": seq % 7,
            "event": "Store Visited",
            "business_day": day,
            "occurred_at": MOMENT + timedelta(seconds=seq),
            "received_at": MOMENT,
            "source_id": 1,
            "trusted": True,
        }
        for seq in seqs
    ]
    return pl.DataFrame(rows, schema=LAYOUTS[Table.EVENTS].schema)


def day_rows(*customers: int) -> pl.DataFrame:
    """One row of customer_days a customer."""
    rows = [
        {
            "bucket": customer % 16,
            "customer_id": customer,
            "business_day": date(2026, 4, 1),
            "event": "Store Visited",
            "key": "",
            "detail": "",
            "count": 1,
            "amount": 0,
            "first_at": MOMENT,
            "last_at": MOMENT,
            "first_seq": customer,
            "trusted": True,
        }
        for customer in customers
    ]
    return pl.DataFrame(rows, schema=LAYOUTS[Table.CUSTOMER_DAYS].schema)
