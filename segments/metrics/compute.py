"""From a slug, facts and a window to a figure: the one place of this package that reads frames."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl

from segments.metrics import (
    affinity,
    catalog,
    coupons,
    cross_sell,
    funnels,
    launches,
    lifecycle,
    lifetime_value,
    margin,
    ranks,
    reach,
    repeat_purchase,
    repeat_rates,
    rfm,
    visits,
    voice,
)
from segments.metrics.facts import Facts
from segments.metrics.metric import Cell, Cohort, Measured, Metric, Option, Options, Sheet, Triangle
from segments.metrics.options import read_options
from segments.metrics.raw import noted
from segments.metrics.retention import is_cut, retention
from segments.windows import Window

Measure = Callable[[Facts, Window, Options], pl.LazyFrame]
"""One row: ``numerator``, ``denominator`` and, where there is something to say, ``incomplete`` and ``notes``; ``value``
where it is not numerator ÷ denominator; ``low`` and ``high`` where it has an interval."""

List = Callable[[Facts, Window, Options], pl.LazyFrame]
"""The rows of a KPI's sheet, with its columns, in the order they are shown."""

MEASURES: dict[str, Measure] = {
    measure.__name__: measure
    for measure in (
        launches.launch_rate,
        launches.launch_days,
        launches.dau,
        launches.wau,
        launches.mau,
        launches.stickiness,
        launches.weekly_stickiness,
        visits.launch_at_visit_rate,
        reach.push_reach_rate,
        coupons.coupon_view_rate,
        coupons.coupon_presentation_rate,
        coupons.coupon_use_rate,
        coupons.coupon_redemption_rate,
        coupons.coupon_uses,
        ranks.rank_distribution,
        ranks.rank_transitions,
        ranks.rank_up_rate,
        ranks.rank_down_rate,
        repeat_purchase.repeat_purchase_rate,
        repeat_purchase.f2_conversion,
        repeat_purchase.fn_conversion,
        repeat_purchase.average_order_value,
        repeat_purchase.orders_per_customer,
        repeat_rates.repeat_rate_cumulative,
        repeat_rates.repeat_rate_same_period,
        repeat_rates.repeat_rate_of_new,
        repeat_rates.purchase_interval,
        cross_sell.cross_sell_rate,
        cross_sell.up_sell_rate,
        affinity.product_affinity,
        lifecycle.life_cycle_states,
        lifecycle.churn_rate,
        lifecycle.customer_kept_rate,
        lifetime_value.ltv_realised,
        margin.ltv_margin,
        lifetime_value.ltv_12m,
        rfm.rfm,
        rfm.rfm_transitions,
        voice.nps,
        funnels.funnel,
    )
}
"""How each KPI with one figure is measured, by slug."""

LISTS: dict[str, List] = {
    "coupon_view_rate": coupons.views_by_coupon,
    "coupon_presentation_rate": coupons.presentations_by_coupon,
    "coupon_use_rate": coupons.uses_by_coupon,
    "coupon_redemption_rate": coupons.redemptions_by_coupon,
    "coupon_uses": coupons.uses_by_store,
    "rank_distribution": ranks.ranks_held,
    "rank_transitions": ranks.rank_moves,
    "purchase_interval": repeat_rates.gap_percentiles,
    "product_affinity": affinity.affine_pairs,
    "life_cycle_states": lifecycle.state_counts,
    "churn_rate": lifecycle.thresholds_used,
    "customer_kept_rate": lifecycle.thresholds_used,
    "ltv_margin": margin.margin_coverage,
    "ltv_12m": lifetime_value.fitted_parameters,
    "rfm": rfm.rfm_groups,
    "rfm_transitions": rfm.rfm_moves,
    "nps": voice.nps_groups,
    "funnel": funnels.funnel_steps,
}
"""How the sheet of each KPI that has one is listed, by slug."""


def compute(slug: str, facts: Facts, window: Window, *, options: Mapping[str, object] | None = None) -> Measured:
    """Measure a KPI.

    Raises:
        UnknownMetric: the catalogue has no such KPI.
        BadOption: an option is unknown or out of range.
    """
    metric = catalog.get(slug)
    chosen = read_options(metric, options or {})
    if slug == "retention":
        measured = _triangle(facts, window, chosen)
    else:
        row = MEASURES[slug](facts, window, chosen).collect().row(0, named=True)
        measured = _figure(metric, facts, window, chosen, row)
    measured = noted(measured, facts)
    made_of = {*metric.sources, *_events_asked(metric, chosen)}
    if made_of.isdisjoint(facts.unverified()):
        return measured
    return replace(measured, notes=(*measured.notes, "unverified"))


def never_seen(facts: Facts, metric: Metric, options: Options) -> bool:
    """Whether nothing the KPI is made of was ever recorded, or an event that its options name never was."""
    seen = facts.seen()
    return not seen.issuperset(_events_asked(metric, options)) or (
        bool(metric.sources) and seen.isdisjoint(metric.sources)
    )


def _events_asked(metric: Metric, options: Options) -> set[str]:
    """Events that options name (start and return, steps of a funnel), and those that a choice reads."""
    named = {str(options[option.name]) for option in metric.options if _is_event(option)}
    read = {option.events.get(str(options[option.name]), "") for option in metric.options}
    return (named | read) - {""}


def _is_event(option: Option) -> bool:
    return isinstance(option.default, str) and not option.choices and option.reads is None


def _figure(metric: Metric, facts: Facts, window: Window, options: Options, row: dict[str, Any]) -> Measured:
    numerator, denominator = row["numerator"] or 0, row["denominator"]
    return Measured(
        slug=metric.slug,
        numerator=numerator,
        denominator=denominator,
        value=row["value"] if "value" in row else _ratio(numerator, denominator),
        window=window,
        incomplete=window.last >= facts.today or bool(row.get("incomplete")),
        interval=None if row.get("low") is None else (row["low"], row["high"]),
        notes=tuple(row.get("notes") or ()),
        options=options,
        sheet=_sheet(metric, facts, window, options),
    )


def _ratio(numerator: float, denominator: int | None) -> float | None:
    if denominator is None:
        return float(numerator)
    return numerator / denominator if denominator else None


def _sheet(metric: Metric, facts: Facts, window: Window, options: Options) -> Sheet | None:
    if metric.sheet is None:
        return None
    columns = [column.name for column in metric.sheet.columns]
    return replace(
        metric.sheet, rows=tuple(LISTS[metric.slug](facts, window, options).select(columns).collect().rows())
    )


def _triangle(facts: Facts, window: Window, options: Options) -> Measured:
    rows = retention(facts, window, options).collect().to_dicts()
    unit = str(options["unit"])
    complete = [row for row in rows if row["complete_for_h"]]
    horizon = int(options["b"] if options["type"] == "range" else options["horizon"])
    pooled = _pool(complete, horizon)
    asked = int(options["a"] if options["type"] == "range" else options["n"])
    cell = next((one for one in pooled if one.period == asked), Cell(asked, 0, 0))
    notes = ("recurring",) if options["starts"] == "every" else ()
    return Measured(
        slug="retention",
        numerator=cell.numerator,
        denominator=cell.denominator,
        value=cell.value,
        window=window,
        incomplete=window.last >= facts.today or len(complete) < len(rows),
        notes=(*notes, "cut_cohort") if is_cut(window, unit, facts.calendar) else notes,
        options=options,
        table=Triangle(unit, horizon, _cohorts(rows), pooled),
    )


def _pool(rows: list[dict[str, Any]], horizon: int) -> tuple[Cell, ...]:
    sums: dict[int, tuple[int, int]] = {}
    for row in rows:
        if row["period"] <= horizon:
            came, size = sums.get(row["period"], (0, 0))
            sums[row["period"]] = (came + row["numerator"], size + row["denominator"])
    return tuple(Cell(period, came, size) for period, (came, size) in sorted(sums.items()))


def _cohorts(rows: list[dict[str, Any]]) -> tuple[Cohort, ...]:
    by_start: dict[date, list[dict[str, Any]]] = {}
    for row in rows:
        by_start.setdefault(row["cohort"], []).append(row)
    return tuple(
        Cohort(start, cells[0]["denominator"], tuple(_cell(row) for row in cells)) for start, cells in by_start.items()
    )


def _cell(row: dict[str, Any]) -> Cell:
    return Cell(row["period"], row["numerator"], row["denominator"], row["incomplete"])
