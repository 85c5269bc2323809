"""The demo shop's events, block by block of members: pure, seeded, the same for the same `ShopConfig`.

    for block in blocks(ShopConfig(last=date(2026, 3, 31), members=1_000_000)):
        ...                                     # one frame for every 20,000 members, in order of arrival

Within a block the rows stand in the order in which they would arrive: some of the app's come days late, and a few
come twice, under the same message id, as they do after a lost answer.
"""

from collections.abc import Iterator

import polars as pl

from backend.demo.behaviour import everything
from backend.demo.dice import Dice
from backend.demo.people import members
from backend.demo.shop import ShopConfig
from backend.demo.wire import APP, events_of

BLOCK = 20_000
"""Members simulated at a time."""

LATE, TWICE = 0.012, 0.004
"""Shares of the app's events that arrive late, and of all events that arrive twice."""


def blocks(config: ShopConfig) -> Iterator[pl.DataFrame]:
    """Events of each block of members.

    Columns: member, source ("app" or "server"), message_id, type, event, user_id, anonymous_id, occurred_at (UTC),
    payload (the event's JSON text).
    """
    for first in range(0, config.members, BLOCK):
        yield _block(config, first, min(BLOCK, config.members - first))


def events(config: ShopConfig) -> Iterator[bytes]:
    """Every event as one line of JSON, in the shape of the Segment protocol."""
    for block in blocks(config):
        for payload in block["payload"]:
            yield payload.encode()


def _block(config: ShopConfig, first: int, count: int) -> pl.DataFrame:
    people, happened = everything(members(config, first, count), config)
    rows = pl.concat([events_of(each, people) for each in happened])
    keyed = rows.with_columns(pl.col("occurred_at").dt.epoch("us").alias("moment"))
    arriving = keyed.with_columns(arrival(config).alias("arrival"))
    again = arriving.filter(Dice(config.seed).happens("twice", TWICE, "member", "moment"))
    again = again.with_columns(pl.col("arrival") + 30_000_000)
    return pl.concat([arriving, again]).sort("arrival", "message_id").drop("moment", "arrival")


def arrival(config: ShopConfig) -> pl.Expr:
    """When an event first arrives, from columns member, source and ``moment``; both in microseconds since 1970."""
    dice = Dice(config.seed)
    late = dice.happens("late", LATE, "member", "moment") & (pl.col("source") == APP)
    wait = pl.when(late).then(dice.below("how late", 4 * 86_400, "member", "moment")).otherwise(0)
    return pl.col("moment") + wait * 1_000_000
