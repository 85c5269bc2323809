"""Why a customer is or is not in a segment, told from one row of the frame."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from campaigns.shop import ShopSettings
from segments.frame import View
from segments.overview import Explanation, StoredSegment
from segments.raw_members import known_since
from segments.reduce.latest import is_latest
from segments.rules.compile import compile_rule
from segments.rules.explain import explain
from segments.rules.rule import Rule
from segments.rules.telling import Names


def row_for(rule: Rule, frame: pl.LazyFrame, customer_id: int) -> pl.LazyFrame:
    """A customer's row with the columns that the rule reads: of all customers each would be gone through for this one."""
    told = [name for name in frame.collect_schema() if not is_latest(name)]  # an explanation tells of the whole list
    read = compile_rule(rule, told).meta.root_names()
    columns = dict.fromkeys(["customer_id", "as_of", "test_account", *read])
    return frame.select(*columns).filter(pl.col("customer_id") == customer_id)


def explanation_of(
    stored: StoredSegment,
    rule: Rule,
    row: dict[str, Any],
    *,
    view: View,
    settings: ShopSettings,
    names: Mapping[str, Names],
) -> Explanation:
    """What is told of a customer, condition by condition, in both languages.

    Args:
        stored: the segment.
        rule: its rule, resolved.
        row: the customer's, of `row_for`.
        view: the frame that the row is of.
        settings: the shop's.
        names: what sentences call segments, lists, stores and coupons, by language.
    """
    ja, en = (explain(rule, row, each, currency=settings.currency, names=names[each]) for each in ("ja", "en"))
    excluded = settings.exclude_test_accounts and bool(row["test_account"])
    return Explanation(
        segment=stored.segment,
        customer_id=row["customer_id"],
        member=ja.holds and not excluded,
        excluded=excluded,
        ja=ja,
        en=en,
        as_of=view.as_of,
        known_since=known_since(rule, view.raw_since, day=view.day),
    )
