"""How many people the gates leave out, and for whom the draw decides what: what a launch would do, counted without a row a person.

Who stands like another is decided like the other, but for the draw: so the gates are asked once for all who stand alike, and of
everybody only the draw is made. `campaigns.gates.decide` says the same row by row.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from campaigns.audience import is_absent, needed_columns, with_missing
from campaigns.content import Content, Variant
from campaigns.crowd import Places, Ways
from campaigns.experiment import BUCKETS, Draw, variant_column
from campaigns.gates import holds_out, pass_gates
from campaigns.pieces import by_pieces
from campaigns.reasons import Reason
from campaigns.terms import SendingRules, Terms

SHOWN = 3
"""So many of those whom a gate stops, and of those who get the push, are shown as examples."""

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Headcount:
    """What the gates and the draw decide about people.

    Attributes:
        people: all of them.
        left_out: how many each gate removes, in the order of the gates.
        examples: the lowest numbers of these.
        treated: how many get the push.
        control: how many are held out.
        devices: live addresses of the treated.
        first: the first of the treated by the draw, in its order.
        by_variant: the treated by variant, in the variants' order.
        planned_at: the first moment at which anybody in an arm may be sent it; the launch where there is nobody.
        deferred_until: the last of these, where anybody has to wait.
        expires_at: after this nothing goes out.
    """

    people: int
    left_out: Mapping[Reason, int]
    examples: Mapping[str, tuple[int, ...]]
    treated: int
    control: int
    devices: int
    first: tuple[int, ...]
    by_variant: Mapping[str, int]
    planned_at: datetime
    deferred_until: datetime | None
    expires_at: datetime

    def with_rest(self, rest: "Headcount | None", draw: Draw) -> "Headcount":
        """Both phases of a test together: moments are those of the test, the expiry is the last one."""
        if rest is None:
            return self
        return replace(
            self,
            people=self.people + rest.people,
            left_out={reason: number for reason in Reason
                      if (number := self.left_out.get(reason, 0) + rest.left_out.get(reason, 0))},
            examples={reason: _lowest([*self.examples.get(reason, ()), *rest.examples.get(reason, ())])
                      for reason in {**self.examples, **rest.examples}},
            treated=self.treated + rest.treated,
            control=self.control + rest.control,
            devices=self.devices + rest.devices,
            first=tuple(sorted((*self.first, *rest.first), key=lambda who: (draw.bucket(who), who))[:SHOWN]),
            expires_at=rest.expires_at,
        )  # fmt: skip


def count(
    members: pl.DataFrame,
    ways: Ways,
    *,
    contents: Sequence[Content],
    rules: SendingRules,
    terms: Terms,
    now: datetime,
    expires_at: datetime,
    variants: Sequence[Variant] = (),
) -> Headcount:
    """Count what `campaigns.gates.decide` decides of everybody.

    Args:
        members: ``customer_id`` and the columns that the texts use.
        ways: how each of them stands.
        contents: say which fields a person needs.
        rules: the shop's.
        terms: the campaign's.
        now: the moment of launch, aware.
        expires_at: after this nothing goes out.
        variants: by which the treated are counted.
    """
    numbers, ways = members["customer_id"].to_numpy(), _with_columns(members, ways, contents)
    if holds_out(rules, terms):
        ways = ways.parted("held_out", Draw.of(rules.global_holdout_salt).below(numbers, rules.global_holdout_percent))
    asked = with_missing(ways.table, contents)
    decided = pass_gates(asked, rules=rules, terms=terms, now=now, expires_at=expires_at)
    found = _Counter(_Decided.of(decided), terms, variants).everybody(numbers, ways.of)
    there = decided.with_columns(people=pl.Series(found.in_arms)).filter(pl.col("people") > 0)
    first, last = there.select(pl.col("not_before").min(), last=pl.col("not_before").max()).row(0)
    reasons = (
        decided.select("left_out", people=pl.Series(found.everybody))
        .drop_nulls()
        .group_by("left_out")
        .agg(pl.col("people").sum())
    )
    counts = dict(reasons.iter_rows())
    return Headcount(
        people=len(numbers),
        left_out={reason: counts[reason] for reason in Reason if counts.get(reason)},
        examples={reason: _lowest(people) for reason, people in found.examples.items()},
        treated=int(found.treated.sum()),
        control=int(found.in_arms.sum() - found.treated.sum()),
        devices=int(found.treated @ decided["devices"].to_numpy()),
        first=tuple(who for _, who in sorted(found.first)[:SHOWN]),
        by_variant={variant.name: found.by_variant[variant.name] for variant in variants},
        planned_at=first or now,
        deferred_until=last if last is not None and last > now else None,
        expires_at=expires_at,
    )


def _with_columns(members: pl.DataFrame, ways: Ways, contents: Sequence[Content]) -> Ways:
    """Told apart too by which fields a person lacks; what stands in a field decides nothing."""
    for column in needed_columns(contents):
        parted = ways.parted(column, _absent(members[column]))
        text = pl.when(pl.col(column)).then(pl.lit(None, dtype=pl.String)).otherwise(pl.lit("x")).alias(column)
        ways = Ways(parted.table.with_columns(text), parted.of)
    return ways


def _absent(values: pl.Series) -> Flags:
    """`campaigns.audience.is_absent` of many values, piece by piece."""
    found = np.empty(len(values), dtype=np.bool_)

    def look(piece: slice) -> None:
        found[piece] = _absent_of(values[piece])

    list(by_pieces(len(values), look))
    return found


def _absent_of(values: pl.Series) -> Flags:
    """Only texts that are empty, or begin with what may be a space, are looked at as a whole: that of each is its first bytes."""
    if values.dtype.is_numeric() or values.dtype.is_temporal():
        return values.is_null().to_numpy()
    column, text = values.name, pl.col(values.name)
    near = text.is_null() | (text < "!") | text.is_between(pl.lit("\u0085"), pl.lit("\u3001"), closed="left")
    flags = values.cast(pl.String).to_frame().select(near).to_series().to_numpy().copy()
    if flags.any():
        flags[flags] = values.filter(flags).to_frame().select(is_absent(column)).to_series().to_numpy()
    return flags


def _lowest(people: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(people)[:SHOWN])


@dataclass(frozen=True, slots=True)
class _Decided:
    """Of each way whether it passes, and the reason by number; `_NOBODY` where it passes."""

    passing: Flags
    reasons: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, decided: pl.DataFrame) -> "_Decided":
        left_out = decided["left_out"]
        return cls(left_out.is_null().to_numpy(), left_out.to_physical().fill_null(_NOBODY).to_numpy())


_NOBODY = 255


@dataclass(slots=True)
class _Found:
    """Counts by way, and examples."""

    everybody: npt.NDArray[np.int64]
    in_arms: npt.NDArray[np.int64]
    treated: npt.NDArray[np.int64]
    by_variant: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[int]] = field(default_factory=dict)
    first: list[tuple[int, int]] = field(default_factory=list)

    def add(self, piece: "_Found") -> None:
        """More people of the same ways."""
        self.everybody += piece.everybody
        self.in_arms += piece.in_arms
        self.treated += piece.treated
        self.by_variant += piece.by_variant
        self.first += piece.first
        for reason, people in piece.examples.items():
            self.examples.setdefault(reason, []).extend(people)


@dataclass(frozen=True, slots=True)
class _Counter:
    """Counts pieces of everybody."""

    decided: _Decided
    terms: Terms
    variants: Sequence[Variant]

    def everybody(self, numbers: Numbers, of: Places) -> _Found:
        """Piece by piece, a few side by side."""
        found = self._nobody()
        for one in by_pieces(len(numbers), lambda piece: self._piece(numbers[piece], of[piece])):
            found.add(one)
        return found

    def _nobody(self) -> _Found:
        none = np.zeros(len(self.decided.passing), dtype=np.int64)
        return _Found(none, none.copy(), none.copy())

    def _piece(self, numbers: Numbers, of: Places) -> _Found:
        ways = of.astype(np.intp)  # as what they are looked up by, once and not each time
        passing, draw = self.decided.passing[ways], Draw.of(self.terms.salt)
        who = numbers[passing]
        places = draw.places(who)
        control = draw.is_below(places, self.terms.holdout_percent)
        everybody = self._by_way(ways)
        in_arms = everybody * self.decided.passing
        found = _Found(everybody, in_arms, in_arms - self._by_way(ways[passing][control]))
        if self.variants:
            found.by_variant = _by_variant(who[~control], self.terms, self.variants)
        found.first = self._first(places, who, draw)
        found.examples = dict(self._examples(numbers[~passing], self.decided.reasons[ways[~passing]]))
        return found

    def _by_way(self, ways: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
        return np.bincount(ways, minlength=len(self.decided.passing))

    def _first(self, places: Numbers, who: Numbers, draw: Draw) -> list[tuple[int, int]]:
        """Bucket and number of the first of the treated by the draw: whole buckets, as many as it takes."""
        begins = draw.buckets_below(self.terms.holdout_percent)
        near: npt.NDArray[np.intp] = np.empty(0, np.intp)
        for upto in (begins, begins + 20, BUCKETS):
            if len(near) < SHOWN:
                near = np.flatnonzero((places >= draw.end_of(begins - 1)) & (places < draw.end_of(upto)))
        return sorted((draw.bucket_at(int(places[one])), int(who[one])) for one in near)[:SHOWN]

    def _examples(self, stopped: Numbers, reasons: npt.NDArray[np.uint8]) -> Iterable[tuple[str, list[int]]]:
        for place, number in enumerate(np.bincount(reasons, minlength=len(Reason))):
            if number:
                people = stopped[reasons == place]
                yield list(Reason)[place], np.partition(people, min(SHOWN, len(people)) - 1)[:SHOWN].tolist()


def _by_variant(treated: Numbers, terms: Terms, variants: Sequence[Variant]) -> Counter[str]:
    drawn = pl.DataFrame({"customer_id": treated}).select(variant_column(terms.salt, variants)).to_series()
    return Counter(dict(drawn.value_counts().iter_rows()))
