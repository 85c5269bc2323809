"""A campaign's report as one flat table: a row a figure, so that any spreadsheet can read it."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import polars as pl

from campaigns.effect import Arm, Effect
from campaigns.figures import CampaignReport
from campaigns.intervals import Interval
from campaigns.report import People
from campaigns.results import REST, TESTED_CONTROL, Results
from campaigns.winner import Test

COLUMNS: dict[str, pl.DataType] = {
    "campaign_id": pl.Int64(),
    "campaign": pl.String(),
    "as_of": pl.Datetime("us", "UTC"),
    "section": pl.String(),
    "item": pl.String(),
    "value": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "text": pl.String(),
}
"""``low`` and ``high`` are the ends of an interval; ``text`` says what is no number."""

_Row = tuple[str, str, float | None, float | None, float | None, str | None]


def table(report: CampaignReport) -> pl.DataFrame:
    """The table of one report; figures that are not there yet have no row."""
    head = (report.summary.campaign_id, report.summary.name, report.as_of)
    return pl.DataFrame([(*head, *row) for row in _rows(report)], schema=COLUMNS, orient="row")


def _rows(report: CampaignReport) -> Iterator[_Row]:
    yield ("campaign", "state", None, None, None, str(report.summary.state))
    yield from _people(report.people)
    yield from (_figure("left_out", removed.reason, removed.people) for removed in report.removed)
    yield from (_figure("devices", state, count) for state, count in report.devices.items())
    if report.test is not None:
        yield from _test(report.test)
    if report.dropped:
        yield ("campaign", "note", None, None, None, "raw_dropped")
        return
    yield _figure("opens", "received", report.received)
    if report.opens is not None:
        yield _figure("opens", "direct", report.opens.direct)
        yield _figure("opens", "influenced", report.opens.influenced)
        yield _figure("opens", "of", report.opens.of)
    if report.effect is not None:
        yield from _effect(report.effect)
    if report.results is not None:
        yield from _results(report.results)


def _results(results: Results) -> Iterator[_Row]:
    """Sales and coupons of each arm; each variant's counts and difference where there are several."""
    several = len(results.variants) > 1
    variants = [(f"variant {one.name}", one) for one in results.variants] if several else []
    for section, one in variants:
        yield from _arm(section, one.arm)
    phases = [(name, one) for name, one in ((REST, results.rest), (TESTED_CONTROL, results.tested_control)) if one]
    for section, one in phases:
        yield from _arm(section, one.arm)
    for section, one in (("treated", results.treated), *variants, *phases, ("control", results.control)):
        for item in ("buyers", "orders", "presented", "redeemed", "sales_per_person"):
            yield _figure(section, item, getattr(one, item))
    for told in results.comparisons if several else ():
        against = f"against {told.against}"
        yield (f"variant {told.name}", "difference", told.effect.difference, *_ends(told.effect.interval), against)
        yield (f"variant {told.name}", "verdict", None, None, None, str(told.effect.verdict))


def _test(test: Test) -> Iterator[_Row]:
    """What was decided of the variants, and by what."""
    yield ("test", "measure", None, None, None, str(test.rule.measure))
    decision = test.decision
    if decision is None:
        return
    yield ("test", "variant", None, None, None, decision.variant or str(test.rule.otherwise))
    yield ("test", "why", None, None, None, str(decision.why))
    against = f"{decision.leader} against {decision.against}" if decision.against else None
    yield ("test", "difference", None, *_ends(decision.interval), against)
    for one in decision.tried:
        yield _figure(f"test {one.name}", "people", one.people)
        yield _figure(f"test {one.name}", "successes", one.successes)


def _people(people: People) -> Iterator[_Row]:
    counts = (one.name for one in fields(people) if one.name != "left_out")
    yield from (_figure("people", name, getattr(people, name)) for name in counts)
    yield _figure("people", "left_out", people.left_out_total)


def _effect(effect: Effect) -> Iterator[_Row]:
    for name, arm in (("treated", effect.treated), ("control", effect.control)):
        yield from _arm(name, arm)
    yield ("effect", "verdict", None, None, None, str(effect.verdict))
    kind = str(effect.interval_kind) if effect.interval_kind else None
    yield ("effect", "difference", effect.difference, *_ends(effect.interval), kind)
    yield ("effect", "amount_difference", effect.amount_difference, *_ends(effect.amount_interval), None)


def _ends(interval: Interval | None) -> tuple[float | None, float | None]:
    return (interval.low, interval.high) if interval else (None, None)


def _arm(name: str, arm: Arm) -> Iterator[_Row]:
    yield _figure(name, "customers", arm.customers)
    yield _figure(name, "conversions", arm.conversions)
    yield _figure(name, "rate", arm.rate)
    yield _figure(name, "amount", arm.amount)


def _figure(section: str, item: str, value: Any) -> _Row:
    return (section, item, None if value is None else float(value), None, None, None)
