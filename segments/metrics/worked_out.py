"""Facts of each customer that depend on everyone or on the thresholds of the day, as columns that rules can ask.

Each is the same as the KPI that shows it: whoever a rule finds here is counted there.
"""

from collections.abc import Callable, Iterator
from datetime import date

import polars as pl

from segments.events import EventName
from segments.metrics import catalog
from segments.metrics.facts import Facts
from segments.metrics.lifecycle import state_parts, thresholds_for
from segments.metrics.lifetime_value import expect, fit_models, purchase_histories
from segments.metrics.options import read_options
from segments.metrics.rfm import is_steady, scored_parts
from segments.windows import Window

_HIGHEST = 10
"""The highest answer to the question of the Net Promoter Score."""


def life_cycle(facts: Facts, day: date) -> Iterator[pl.DataFrame]:
    """The life-cycle state at the end of a day by the thresholds in force on it, of everyone on record."""
    basis = str(read_options(catalog.get("life_cycle_states"), {})["basis"])
    thresholds = thresholds_for(facts, Window(day, day))
    for states in state_parts(facts, day, thresholds, basis=basis):
        yield states.select("customer_id", pl.col("state").alias("life_cycle"))


def rfm_group(facts: Facts, day: date) -> Iterator[pl.DataFrame]:
    """The RFM group of everyone who bought in the span that ends with a day, as the KPI parts them by default."""
    return map(_named, scored_parts(facts, day, read_options(catalog.get("rfm"), {})))


def _rfm_group_of_sample(facts: Facts, day: date) -> pl.DataFrame | None:
    """None where the sample might part its people otherwise than everyone are parted."""
    scored = pl.concat(scored_parts(facts, day, read_options(catalog.get("rfm"), {})))
    return _named(scored) if is_steady(scored) else None


def _named(scored: pl.DataFrame) -> pl.DataFrame:
    return scored.select("customer_id", pl.col("group").alias("rfm_group"))


def ltv_12m(facts: Facts, day: date) -> Iterator[pl.DataFrame]:
    """Sales to be expected of each buyer in the next 12 months, in whole minor units; nobody's where the KPI withholds them."""
    models = fit_models(facts, day)
    if models is None:
        yield pl.DataFrame(schema={"customer_id": pl.Int64, "ltv_12m": pl.Int64})
        return
    expected = pl.col("expected_sales").round().cast(pl.Int64)
    for told in expect(purchase_histories(facts, day), models, tell=["expected_sales"]):
        yield told.select("customer_id", expected.alias("ltv_12m"))


def _ltv_of_sample(facts: Facts, day: date) -> pl.DataFrame | None:
    """None where too few of the sample bought: of everyone enough may have."""
    return None if fit_models(facts, day) is None else pl.concat(ltv_12m(facts, day))


def nps_answers(facts: Facts, day: date) -> pl.LazyFrame:
    """``customer_id``, ``occurred_at``, ``seq`` and ``score`` (0 to 10) of every answer up to the end of a day."""
    answers = facts.happened([str(EventName.SURVEY_ANSWERED)]).filter(
        (pl.col("business_day") <= day) & pl.col("score").is_between(0, _HIGHEST)
    )
    return answers.select("customer_id", "occurred_at", "seq", "score")


def nps_score(answers: pl.LazyFrame) -> pl.DataFrame:
    """The latest of the answers of each who gave any; of two at once the later told."""
    newest = answers.sort("occurred_at", "seq").group_by("customer_id").agg(pl.col("score").last())
    return newest.select("customer_id", pl.col("score").cast(pl.Int64).alias("nps_score")).collect()


OF_EVERYONE: dict[str, Callable[[Facts, date], Iterator[pl.DataFrame]]] = {
    "life_cycle": life_cycle,
    "rfm_group": rfm_group,
    "ltv_12m": ltv_12m,
}
"""Columns of `segments.customers.ASKED` that follow from everyone: from their facts as of a day to ``customer_id`` and the column,
some customers after the others, once at least."""

OF_SAMPLE: dict[str, Callable[[Facts, date], pl.DataFrame | None]] = {
    "life_cycle": lambda facts, day: pl.concat(life_cycle(facts, day)),
    "rfm_group": _rfm_group_of_sample,
    "ltv_12m": _ltv_of_sample,
    "nps_score": lambda facts, day: nps_score(nps_answers(facts, day)),
}
"""The same, and the latest NPS answer, from the facts of a sample, drawn at random, as though nobody else were there; None where that
would tell nothing of all others. What follows from everyone follows from many drawn at random too, but for their chance: limits lie
where the sample's fifths are, and models are fitted to it."""
