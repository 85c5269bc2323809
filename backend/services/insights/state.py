"""The state of the shop that figures are worked out of: what PostgreSQL defines, history, and the customer frame."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

import narwhals as nw
import polars as pl

from backend.store import customers, life_cycle, margins, rank_rules, shop
from backend.store.pool import Connection
from campaigns.shop import ShopSettings
from segments.customers import View
from segments.figures import Figures
from segments.history import History, under_survivors
from segments.membership import population
from segments.metrics.facts import Facts
from segments.metrics.margin_rates import MarginRates
from segments.metrics.thresholds import Thresholds
from segments.rank_rules import RankVersion, in_force
from segments.reduce.bitmaps import read_as
from segments.reduce.trust import verified_events

HELD_ROWS = 20_000_000
"""Rows of customer_days that are held in memory, some 2 GB; of more each figure reads its own events from the lake."""


@dataclass(frozen=True, slots=True)
class Definitions:
    """What PostgreSQL knows and history does not; a change of any of it makes the figures anew."""

    settings: ShopSettings
    coupons: tuple[tuple[str, str, date | None], ...]
    thresholds: tuple[Thresholds, ...]
    margins: tuple[MarginRates, ...]
    ranks: tuple[RankVersion, ...]


@dataclass(slots=True)
class Merges:
    """All merges up to a version. There is one for most members of an app, so only new ones are asked for."""

    version: int = 0
    survivors: dict[int, int] = field(default_factory=dict)

    async def catch_up(self, connection: Connection) -> int:
        """Learn what is new; gives the version."""
        version = await customers.merge_version(connection)
        if version != self.version:
            self.survivors.update(await customers.list_merges(connection, after=self.version))
            self.version = version
        return version


async def read_definitions(connection: Connection) -> Definitions:
    """What stands now."""
    coupons = await customers.list_coupons(connection)
    return Definitions(
        settings=await shop.read_settings(connection),
        coupons=tuple((row["coupon_id"], row["audience"], row["valid_until"]) for row in coupons),
        thresholds=tuple(life_cycle.thresholds_of(row) for row in await life_cycle.list_versions(connection)),
        margins=tuple(margins.rates_of(row) for row in await margins.list_versions(connection)),
        ranks=await rank_rules.list_versions(connection),
    )


def count_in(history: pl.LazyFrame, survivors: Mapping[int, int], view: View, settings: ShopSettings) -> pl.LazyFrame:
    """History under the survivors of merges, without those who are to be left out."""
    tests = view.frame.filter(pl.col("test_account").fill_null(value=False)).select("customer_id")
    merged = under_survivors(history, survivors)
    return merged.join(tests, on="customer_id", how="anti") if settings.exclude_test_accounts else merged


def load_figures(
    lake: History, view: View, known: Definitions, survivors: Mapping[int, int], *, today: date
) -> Figures:
    """Everything that figures read, as of now. It may take seconds, and memory for `HELD_ROWS`."""
    settings = known.settings

    def counted(history: pl.LazyFrame) -> pl.LazyFrame:
        return count_in(history, survivors, view, settings)

    days, events, lines = _history(lake, counted), counted(lake.events()), counted(lake.order_lines())
    frame = _frame_of(view, today, settings)
    facts = Facts(
        days=days,
        today=today,
        calendar=settings.calendar,
        coupons=_coupon_frame(known),
        events=events,
        lines=lines,
        raw_since=lake.raw_since(),
        reachable=view.frame.filter(pl.col("reachable").fill_null(value=False)).select("customer_id").collect().lazy(),
        verified=_verified(days) if frame is None else view.verified,
        weighty=None if frame is None else view.weighty,
        frame=frame,
        thresholds=known.thresholds,
        margins=known.margins,
        ranks=_rank_names(known.ranks, today),
        rank_versions=known.ranks,
        history_imported=settings.history_complete,
    )
    return Figures(
        facts=facts,
        frame=view.frame,
        as_of=view.as_of,
        currency=settings.currency,
        exclude_test_accounts=settings.exclude_test_accounts,
    )


def _history(lake: History, counted: Callable[[pl.LazyFrame], pl.LazyFrame]) -> pl.LazyFrame:
    """customer_days in memory; where they are too many, as files of which each figure reads what it needs."""
    stored = lake.customer_days()
    rows = counted(stored)
    return rows.collect().lazy() if stored.select(pl.len()).collect().item() <= HELD_ROWS else rows


def _frame_of(view: View, today: date, settings: ShopSettings) -> pl.LazyFrame | None:
    """The frame for figures: of today and complete, without those who are to be left out; else None."""
    if view.day != today or view.figures != read_as(settings.week_starts):
        return None
    return population(view.frame, exclude_test_accounts=settings.exclude_test_accounts)


def _verified(days: pl.LazyFrame) -> frozenset[str]:
    found: pl.DataFrame = verified_events(nw.from_native(days)).to_native().collect()
    return frozenset(found.get_column("event").to_list())


def _rank_names(versions: tuple[RankVersion, ...], today: date) -> tuple[str, ...]:
    """The shop's ranks, the lowest first, where it has rules."""
    version = in_force(versions, today)
    return version.rules.names if version is not None else ()


def _coupon_frame(known: Definitions) -> pl.LazyFrame:
    schema = {"coupon_id": pl.String, "audience": pl.String, "valid_until": pl.Date}
    return pl.LazyFrame(known.coupons, schema=schema, orient="row")
