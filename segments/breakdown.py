"""Figures by an attribute of the customer: which attributes there are, and the groups that they part people into.

A customer stands in one group of a figure: the one of the day that the KPI's as-of rule names (or today's). Who has no
value stands in a group of their own, and the many small groups in one together, so that groups add up to everyone.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import polars as pl

from segments.ages import AGES, LIMITS
from segments.coded_values import CODE_WORDS
from segments.customers import ATTRIBUTES, BY_NAME, Attribute
from segments.errors import BadOption
from segments.metrics.members import Members, Part
from segments.metrics.metric import Words
from segments.metrics.result import AsOfRule, Group, GroupKind
from segments.nearest import hint
from segments.rebuilt import values_then

MOST_GROUPS = 12
"""Groups that are shown on their own, the largest of today; the others are one."""

_YES_NO: dict[str, Words] = {"true": {"ja": "はい", "en": "Yes"}, "false": {"ja": "いいえ", "en": "No"}}
_TOO_MANY = {"customer_id", "points", "spend", "launches", "birth_year", "birth_day", "test_account"}
"""Attributes that part people into too many groups, or that figures leave out."""
_ALIASES = {"store": "last_store"}


@dataclass(frozen=True, slots=True)
class By:
    """One way to part customers.

    Attributes:
        column: of the customer frame.
        label: over ``column`` and ``as_of``: the group's name or code; null for who has none.
        codes: what groups are called, where their names are codes.
        ordered: groups in their own order; empty where the largest comes first.
    """

    name: str
    ja: str
    en: str
    column: str
    label: pl.Expr
    codes: Mapping[str, Words] = field(default_factory=dict)
    ordered: tuple[str, ...] = ()


def _by_attribute(attribute: Attribute) -> By:
    name, column = attribute.name, pl.col(attribute.name)
    codes = _YES_NO if attribute.dtype == pl.Boolean() else CODE_WORDS.get(name, {})
    return By(name, attribute.ja, attribute.en, name, column.cast(pl.String), codes)


def _age_band() -> By:
    age = pl.col("as_of").dt.year() - pl.col("birth_year")
    bands = [pl.when(age < above).then(pl.lit(code)) for above, code in zip(LIMITS, AGES, strict=False)]
    label = pl.coalesce(*bands, pl.when(age.is_not_null()).then(pl.lit(AGES[-1])))
    return By("age_band", "年代", "Age band", "birth_year", label, CODE_WORDS["age_band"], AGES)


def _all() -> dict[str, By]:
    few = (pl.String(), pl.Boolean(), pl.Int8(), pl.Int64())
    found = {a.name: _by_attribute(a) for a in ATTRIBUTES if a.dtype in few and a.name not in _TOO_MANY}
    return {**found, "age_band": _age_band()}


BREAKDOWNS: dict[str, By] = _all()
"""The ways to part customers, by name: every attribute of the frame with few values, and the age band of the birth year."""


def by_name(name: str) -> By:
    """The way of that name; ``store`` is the last store.

    Raises:
        BadOption: there is none; the message names the nearest.
    """
    known = _ALIASES.get(name, name)
    if known not in BREAKDOWNS:
        sentence = f"figures cannot be broken down by {name}; {hint(name, [*BREAKDOWNS, *_ALIASES])}"
        raise BadOption(sentence, code="no_breakdown")
    return BREAKDOWNS[known]


def groups_of(by: By, today: pl.LazyFrame, then: pl.LazyFrame) -> list[Group]:
    """The groups: the largest on their own, the others together, who has no value last.

    Args:
        by: what people are parted by.
        today: today's customer frame.
        then: ``label`` of each at the time that is asked about, which may have groups that today has not.
    """
    both = [today.select(by.label.alias("label")), then.select("label")]
    counts = [each.drop_nulls().group_by("label").len() for each in both]
    largest = pl.concat(counts).group_by("label").agg(pl.col("len").max())
    labels = largest.sort("len", "label", descending=[True, False]).head(MOST_GROUPS).collect()
    named = labels.get_column("label").to_list()
    if by.ordered:
        named = [label for label in by.ordered if label in named]
    own = [Group(label, GroupKind.VALUE, by.codes.get(label)) for label in named]
    return [*own, Group(None, GroupKind.OTHERS, OTHERS), Group(None, GroupKind.UNKNOWN, UNKNOWN)]


OTHERS: Words = {"ja": "その他", "en": "Others"}
UNKNOWN: Words = {"ja": "不明", "en": "Unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parting:
    """People who are parted by an attribute.

    Attributes:
        key: names whom and by what.
        by: the attribute.
        whom: of the segment; None for everyone.
        days: customer_days.
        frame: today's customer frame.
        rule: by the value of the day that is asked for, or by today's.
        day: the day that stands for today, where the shop is looked at as of a past one.
        coupons: definitions.
        verified: see `segments.reduce.customers.reduce_customers`.
    """

    key: Hashable
    by: By
    whom: Members | None
    days: pl.LazyFrame
    frame: pl.LazyFrame
    rule: AsOfRule
    day: date | None
    coupons: pl.LazyFrame | None
    verified: frozenset[str]

    @property
    def part(self) -> Part:
        """All of the people: what the groups share."""
        return Part((self.key, "parts"), self._label, pl.lit(value=True), everyone=self.whom is None)

    def members(self, group: Group, groups: list[Group]) -> Members:
        """Who is of one of the groups."""
        part = replace(self.part, holds=_holds(group, groups))
        key = (self.key, group.kind, group.label)
        return Members(key, lambda asked: self._label(asked).filter(part.holds).drop("label"), part)

    def _label(self, asked: pl.LazyFrame) -> pl.LazyFrame:
        kept = asked if self.whom is None else self.whom.belongs(asked)
        return self._labels(kept).select("customer_id", "as_of", "label")

    def _labels(self, asked: pl.LazyFrame) -> pl.LazyFrame:
        if self.rule == "cohort":
            return self._then(asked).with_columns(self._named())
        people = asked.select("customer_id").unique()
        if self.day is None:
            now = people.join(self.frame.select("customer_id", "as_of", self.by.column), on="customer_id", how="left")
        else:
            now = self._then(people.with_columns(pl.lit(self.day).alias("as_of")))
        labels = now.select("customer_id", self._named())
        return asked.join(labels, on="customer_id", how="left")

    def _named(self) -> pl.Expr:
        return self.by.label.cast(pl.String).alias("label")

    def _then(self, asked: pl.LazyFrame) -> pl.LazyFrame:
        if BY_NAME[self.by.column].private:  # known as of now only: the day changes nothing
            return asked.join(self.frame.select("customer_id", self.by.column), on="customer_id", how="left")
        known = values_then(
            [self.by.column],
            {},
            days=self.days,
            frame=self.frame,
            verified=self.verified,
            coupons=self.coupons,
            how="left",
        )
        return known(asked)


def _holds(group: Group, groups: list[Group]) -> pl.Expr:
    label = pl.col("label")
    if group.kind is GroupKind.UNKNOWN:
        return label.is_null()
    if group.kind is GroupKind.VALUE:
        return (label == group.label).fill_null(value=False)
    named = [each.label for each in groups if each.kind is GroupKind.VALUE]
    return (~label.is_in(named)).fill_null(value=False)
