"""Converts the coupon campaigns of 「The Complete Journey」 (84.51°, CC0) into files that `joren import` takes.

Each household that got a campaign of type B or C got all coupons of it: a `Coupon Issued` for each on the campaign's
first day. Redemptions become `Coupon Redeemed`. Of type A campaigns each household got sixteen coupons of its own, and
the data set does not say which, so those campaigns are left out. A coupon is (campaign, coupon_upc), since the same
coupon may come in several campaigns.
"""

from pathlib import Path

import polars as pl

from backend.errors import BadInput

_FILES = ("campaigns", "campaign_descriptions", "coupons", "coupon_redemptions")


def convert(folder: Path, to: Path) -> tuple[int, int]:
    """Write ``events.ndjson`` and ``coupons.csv`` into the folder ``to``; gives how many of each.

    Raises:
        BadInput: a file of the data set is missing.
    """
    tables = {name: _read(folder, name) for name in _FILES}
    described = tables["campaign_descriptions"].filter(pl.col("campaign_type") != "Type A")
    coupons = tables["coupons"].select("campaign_id", "coupon_upc").unique().join(described, on="campaign_id")
    coupons = coupons.with_columns(_coupon_id())
    events = pl.concat([_issued(tables["campaigns"], coupons), _redeemed(tables["coupon_redemptions"], described)])
    to.mkdir(parents=True, exist_ok=True)
    (to / "events.ndjson").write_text("\n".join(events.sort("day", "payload")["payload"]) + "\n")
    definitions = coupons.select(
        "coupon_id",
        pl.concat_str(pl.lit("Campaign "), "campaign_id", pl.lit(", coupon "), "coupon_upc").alias("title"),
        pl.col("start_date").alias("valid_from"),
        pl.col("end_date").alias("valid_until"),
        pl.lit("issued").alias("audience"),
    )
    definitions.sort("coupon_id").write_csv(to / "coupons.csv")
    return len(events), len(definitions)


def _read(folder: Path, name: str) -> pl.DataFrame:
    path = folder / f"complete_journey_{name}.parquet"
    if not path.is_file():
        raise BadInput(f"There is no file {path}: name the folder that holds the data set.", field="folder")
    return pl.read_parquet(path)


def _coupon_id() -> pl.Expr:
    return pl.concat_str("campaign_id", pl.lit("-"), "coupon_upc").alias("coupon_id")


def _issued(campaigns: pl.DataFrame, coupons: pl.DataFrame) -> pl.DataFrame:
    got = campaigns.join(coupons, on="campaign_id").with_columns(pl.col("start_date").alias("day"))
    return got.select("day", _event("Coupon Issued", "09:00:00", pl.concat_str(pl.lit("issued-"), "household_id", pl.lit("-"), "coupon_id")))  # fmt: skip


def _redeemed(redemptions: pl.DataFrame, described: pl.DataFrame) -> pl.DataFrame:
    used = redemptions.join(described, on="campaign_id").with_columns(
        _coupon_id(), pl.col("redemption_date").alias("day")
    )
    used = used.sort("household_id", "coupon_id", "day").with_columns(
        pl.int_range(pl.len()).over("household_id", "coupon_id").alias("times")
    )
    key = pl.concat_str(pl.lit("redeemed-"), "household_id", pl.lit("-"), "coupon_id", pl.lit("-"), "times")
    return used.select("day", _event("Coupon Redeemed", "12:00:00", key))


def _event(name: str, time: str, message_id: pl.Expr) -> pl.Expr:
    """A day without a time of day stands for some moment of it in UTC; every zone up to +11 has the same day."""
    return pl.concat_str(
        pl.lit(f'{{"type":"track","event":"{name}","messageId":"'), message_id,
        pl.lit('","userId":"household-'), "household_id",
        pl.lit('","timestamp":"'), pl.col("day").dt.strftime("%Y-%m-%d"), pl.lit(f'T{time}Z","properties":{{"coupon_id":"'),
        "coupon_id", pl.lit('"}}'),
    ).alias("payload")  # fmt: skip
