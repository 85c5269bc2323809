"""How members answer a push: some open it, and of a campaign that helps, some buy who would not have bought. Simulated, as all they do."""

import polars as pl

from backend.demo.behaviour import bought
from backend.demo.campaigns import RESPONSES
from backend.demo.dice import Dice
from backend.demo.people import APP_VERSION
from backend.demo.purchases import HOURS, moment
from backend.demo.shop import ZONE, ShopConfig
from backend.demo.wire import APP, Happened, events_of, text

RECEIVED = 0.9
"""Share of phones that are switched on and tell that a push came."""

_FIRST_ORDER = 500
"""Numbers that the orders of campaigns begin with: beyond those which members place by themselves."""

_OPENED = 90.0
"""Minutes after which half an hour's, or half a day's, attention comes back to the phone: the mean of the wait for a tap."""


def answers(accepted: pl.DataFrame, people: pl.DataFrame, config: ShopConfig, *, campaign: str) -> pl.DataFrame:
    """Events, as `backend.demo.generator.blocks` gives them, by which people answer a campaign.

    Args:
        accepted: one row a message that FCM took: member, campaign_id, delivery_id, sent_at (UTC).
        people: as `backend.demo.people.members`, at least those of ``accepted``.
        config: the shop.
        campaign: the name under which `RESPONSES` has it.
    """
    response, place = RESPONSES[campaign], list(RESPONSES).index(campaign)
    dice, keys = Dice(config.seed), ("member", "delivery_id")
    sent = accepted.with_columns(pl.col("sent_at").dt.convert_time_zone(ZONE).dt.replace_time_zone(None).alias("at"))
    received = sent.filter(dice.happens("received", RECEIVED, *keys)).with_columns(
        pl.col("at") + pl.duration(seconds=3)
    )
    wait = dice.waiting("tapped after", _OPENED * 60, *keys).cast(pl.Int64) + 20
    taps = dice.happens("taps", response.taps / RECEIVED, *keys)
    tapped = received.filter(taps).with_columns(pl.col("at") + pl.duration(seconds=wait))
    opened = tapped.with_columns(pl.col("at") + pl.duration(seconds=1))
    happened = [
        Happened(received, APP, "Push Notification Received", ("delivery_id",), _NUMBERS),
        Happened(tapped, APP, "Push Notification Tapped", ("delivery_id",), _NUMBERS),
        Happened(opened, APP, "Application Opened", ("delivery_id",), _LAUNCHED),
        *bought(_orders(sent.filter(dice.happens("buys", response.buys, *keys)), people, config, place), config),
    ]
    known = people.join(accepted.select("member").unique(), on="member", how="semi")
    rows = pl.concat([events_of(each, known) for each in happened])
    return rows.filter(pl.col("occurred_at") < _end(config)).sort("occurred_at", "message_id")


_NUMBERS = text('"campaign_id":{},"delivery_id":{}', "campaign_id", "delivery_id")
_LAUNCHED = text(f'"version":"{APP_VERSION}","from_background":true')


def _orders(buyers: pl.DataFrame, people: pl.DataFrame, config: ShopConfig, place: int) -> pl.DataFrame:
    """One order each within five days of the push, in the home store."""
    dice, keys = Dice(config.seed), ("member", "delivery_id")
    whose = people.select("member", "habit", "favourite", "home_store", "has_app")
    days = pl.col("at").dt.date() + pl.duration(days=1 + dice.below("comes after", 5, *keys))
    known = buyers.unique("member", keep="first", maintain_order=True).join(whose, on="member")
    known = known.with_columns(days.alias("day"), pl.lit(_FIRST_ORDER + place, pl.Int64).alias("order"))
    placed = known.filter(pl.col("day") <= config.last).with_columns(
        moment(dice, "comes at", HOURS, "day", "member", "order").alias("at"), pl.col("home_store").alias("store")
    )
    return placed.select("member", "habit", "favourite", "home_store", "has_app", "day", "order", "at", "store")


def _end(config: ShopConfig) -> pl.Expr:
    return pl.lit(config.today).cast(pl.Datetime("us")).dt.replace_time_zone(ZONE).dt.convert_time_zone("UTC")
