"""Lifetime value: what customers have spent, and what they will by BG/NBD and Gamma-Gamma.

Parameters are the shop's: they are fitted to all its buyers, whichever members a figure is asked for, so that the values
of segments add up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING

import narwhals as nw
import numpy as np
import polars as pl

from segments.metrics.facts import Facts
from segments.metrics.metric import Options
from segments.metrics.purchase_days import PurchaseDays, number_of, of_frame
from segments.metrics.purchases import counted_orders, number_purchases
from segments.reduce.orders import ORDER_EVENTS, summarise_orders
from segments.windows import Window

if TYPE_CHECKING:
    from segments.metrics.bg_nbd import BgNbd
    from segments.metrics.gamma_gamma import GammaGamma

_DAYS = 2**20
"""More days than any history has."""

AT_ONCE = 500_000
"""Buyers who are reckoned together: what is alike among them is reckoned once, and takes some 50 MB meanwhile."""

YEAR = 365
"""Days of the 12 months ahead."""
BUYERS = 500
HISTORY_DAYS = 180
PURCHASES = 3
"""Least buyers, least days of history, and how often somebody must have bought: below any of these the value is withheld."""


@dataclass(frozen=True, slots=True)
class Models:
    """How often customers come, and what a purchase of each is worth."""

    visits: "BgNbd"
    money: "GammaGamma"


def ltv_realised(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Net sales to the end of the window ÷ customers with an order by then.

    Period money: orders on their day, refunds on theirs, each up to the end of the window.
    """
    end = facts.stands_on(window)
    people = facts.keep_members(facts.once(("spend", end), lambda: _spend(facts, end)), window)
    return people.select(pl.col("spend").sum().alias("numerator"), pl.len().cast(pl.Int64).alias("denominator"))


def ltv_12m(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Net sales to be expected of each buyer in the 12 months after the window."""
    end = facts.stands_on(window)
    buyers = facts.keep_members(purchase_histories(facts, end), window)
    models = fit_models(facts, end)
    if models is None:
        return buyers.select(
            pl.lit(0, pl.Int64).alias("numerator"),
            pl.len().cast(pl.Int64).alias("denominator"),
            pl.lit(None, pl.Float64).alias("value"),
            pl.lit(pl.Series([["too_little_data"]])).alias("notes"),
        )
    sales = pl.col("expected_sales")
    expected = pl.concat(expect(buyers, models, tell=["expected_sales"])).lazy()
    return expected.sort("customer_id").select(  # sums of floats come out the same each time
        sales.sum().alias("numerator"), pl.len().cast(pl.Int64).alias("denominator"), sales.mean().alias("value")
    )


def fitted_parameters(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """A row a parameter; none where the value is withheld."""
    schema = {"parameter": pl.String, "value": pl.Float64}
    models = fit_models(facts, facts.stands_on(window))
    if models is None:
        return pl.LazyFrame(schema=schema)
    visits, money = models.visits, models.money
    rows = [
        *((name, getattr(visits, name)) for name in ("r", "alpha", "a", "b")),
        ("log_likelihood", visits.log_likelihood),
        *((name, getattr(money, name)) for name in ("p", "q", "v")),
        ("log_likelihood_money", money.log_likelihood),
    ]
    return pl.LazyFrame(rows, schema=schema, orient="row")


def purchase_histories(facts: Facts, day: date) -> pl.LazyFrame:
    """What the models know of each buyer at the end of a day; orders of one business day are one purchase.

    ``customer_id``; ``repeats``: purchases after the first; ``recency``: days from the first to the last; ``age``: days from the
    first to ``day``; ``spend``: mean net value (minor units) of the repeat purchases, null where there is none. In any order.
    """

    def summed() -> pl.LazyFrame:
        if facts.frame is not None:
            return facts.lay(of_frame(facts.frame, day, lambda purchases: history_of(purchases, day))).lazy()
        bought, on = number_purchases(facts, "days").filter(pl.col("business_day") <= day), pl.col("business_day")
        return bought.group_by("customer_id").agg(
            (pl.len() - 1).cast(pl.Int32).alias("repeats"),
            (on.max() - on.min()).dt.total_days().cast(pl.Int32).alias("recency"),
            (pl.lit(day) - on.min()).dt.total_days().cast(pl.Int32).alias("age"),
            pl.col("net").filter(pl.col("number") > 1).mean().alias("spend"),
        )

    return facts.once(("purchase histories", day), summed)


def history_of(purchases: PurchaseDays, day: date) -> pl.DataFrame:
    """``row`` and what `purchase_histories` tells, of purchases up to the end of ``day``."""
    begin, end = purchases.first[:-1], purchases.first[1:]
    repeats = (end - begin - 1).astype(np.int32)
    first, last = (purchases.days[places].astype(np.int32) for places in (begin, end - 1))
    later = purchases.sums(purchases.nets, begin + 1)
    spend = pl.Series(later / np.maximum(repeats, 1)).set(pl.Series(repeats == 0), None)
    return purchases.table(
        {"repeats": repeats, "recency": last - first, "age": np.int32(number_of(day)) - first, "spend": spend}
    )


def fit_models(facts: Facts, day: date) -> Models | None:
    """Both models as of the end of a day; None where the data says too little, or no maximum was found."""
    found = facts.once(("lifetime models", day), lambda: _fitted(facts, day)).collect()
    if found.is_empty():
        return None
    from segments.metrics.bg_nbd import BgNbd  # noqa: PLC0415 - SciPy only where a model is fitted
    from segments.metrics.gamma_gamma import GammaGamma  # noqa: PLC0415

    row = found.row(0, named=True)
    return Models(BgNbd(**row["visits"]), GammaGamma(**row["money"]))


EXPECTED = ("alive", "expected_purchases", "expected_value", "expected_sales")
"""What `expect` tells."""


def expect(
    histories: pl.LazyFrame, models: Models, *, days: int = YEAR, tell: Sequence[str] = EXPECTED
) -> Iterator[pl.DataFrame]:
    """Expectations for each customer of `purchase_histories`: for figures, and for rules that choose customers.

    ``alive``: probability of not having left for good; ``expected_purchases`` in the next ``days``; ``expected_value`` of one of
    them and ``expected_sales`` of all (minor units). ``tell`` names those that are wanted. Some customers at a time, once at least:
    what is reckoned on the way is many times what is told.
    """
    rows = histories.collect()
    for piece in rows.iter_slices(AT_ONCE) if rows.height else [rows]:
        yield _expected(piece, models, days=days).select("customer_id", *tell)


def _expected(rows: pl.DataFrame, models: Models, *, days: int) -> pl.DataFrame:
    from segments.metrics import bg_nbd, gamma_gamma  # noqa: PLC0415 - SciPy only where a model is used

    known = {name: rows[name].to_numpy() for name in ("repeats", "recency", "age")}
    spend = rows["spend"].fill_null(0.0).to_numpy()
    purchases = bg_nbd.expected_purchases(models.visits, **known, days=days)
    value = gamma_gamma.expected_value(models.money, repeats=known["repeats"], spend=spend)
    return rows.select(
        "customer_id",
        alive=pl.Series(bg_nbd.chance_alive(models.visits, **known)),
        expected_purchases=pl.Series(purchases),
        expected_value=pl.Series(value),
        expected_sales=pl.Series(purchases * value),
    )


def _spend(facts: Facts, end: date) -> pl.LazyFrame:
    """``customer_id`` and net sales up to the end of a day of those with an order that counts as of that day."""
    by_then = pl.col("business_day") <= end
    plain = facts.once("plain buyers", lambda: _plain_buyers(facts))
    kept = counted_orders(facts).filter(by_then).join(plain, on="customer_id", how="semi")
    rest = facts.of(ORDER_EVENTS).filter(by_then).join(plain, on="customer_id", how="anti")
    summary: pl.LazyFrame = summarise_orders(nw.from_native(rest.cache())).to_native()
    return pl.concat([
        kept.group_by("customer_id").agg(pl.col("net").sum().alias("spend")),
        summary.filter(pl.col("orders") > 0).select("customer_id", "spend"),
    ])  # fmt: skip


def _plain_buyers(facts: Facts) -> pl.LazyFrame:
    """Who gave nothing back and whose orders were reported once each: nothing changes what their orders said on their day."""
    told = facts.of(ORDER_EVENTS).group_by("customer_id").len("reports")
    orders = counted_orders(facts).group_by("customer_id").len("orders")
    plain = told.join(orders, on="customer_id").filter(pl.col("reports") == pl.col("orders"))
    return plain.select("customer_id")


def _fitted(facts: Facts, day: date) -> pl.LazyFrame:
    """Both models in one row, or no row."""
    histories = purchase_histories(facts, day).collect()
    begins = facts.begins() or day
    enough = (
        histories.height >= BUYERS
        and (day - begins).days + 1 >= HISTORY_DAYS  # both ends are days of history
        and (histories.get_column("repeats") >= PURCHASES - 1).any()
    )
    if not enough:
        return pl.LazyFrame()
    from segments.metrics import bg_nbd, gamma_gamma  # noqa: PLC0415 - SciPy only where a model is fitted

    alike = [facts.lay([_equal_together(some)]) for some in _parted(histories, "age")]
    visits = bg_nbd.fit([bg_nbd.Histories(*(column.to_numpy() for column in one)) for one in alike])
    spent = [facts.lay([_repeaters(some)]) for some in _parted(histories, "customer_id")]
    if not any(one.height for one in spent):
        return pl.LazyFrame()
    money = gamma_gamma.fit([gamma_gamma.Spending(*(column.to_numpy() for column in one)) for one in spent])
    if not (visits.converged and money.converged):
        return pl.LazyFrame()
    return pl.LazyFrame([{"visits": asdict(visits), "money": asdict(money)}])


def _parted(histories: pl.DataFrame, by: str) -> Iterator[pl.DataFrame]:
    """Some of the histories after the others, alike in any order of the rows: sums of floats, and so fits, come out the same."""
    parts = -(-histories.height // AT_ONCE)
    for part in range(parts):
        yield histories.filter(pl.col(by) % parts == part)


def _repeaters(histories: pl.DataFrame) -> pl.DataFrame:
    """``repeats`` and ``spend`` of those who have spent at repeat purchases."""
    kept = histories.filter((pl.col("repeats") > 0) & (pl.col("spend") > 0))
    return kept.sort("customer_id").select("repeats", "spend")


def _equal_together(histories: pl.DataFrame) -> pl.DataFrame:
    """``repeats``, ``recency``, ``age`` and how many have them, in order: by one number, which sorts several times as fast."""
    key = (pl.col("repeats").cast(pl.Int64) * _DAYS + pl.col("recency")) * _DAYS + pl.col("age")
    runs = histories.select(key.sort().rle().alias("run")).unnest("run")
    value = pl.col("value")
    return runs.select(
        (value // _DAYS**2).cast(pl.Int32).alias("repeats"),
        (value // _DAYS % _DAYS).cast(pl.Int32).alias("recency"),
        (value % _DAYS).cast(pl.Int32).alias("age"),
        pl.col("len").cast(pl.Int32),
    )
