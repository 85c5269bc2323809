"""The gates between a segment and a push: named, in one declared order; the first that fires is the reason.

The same declarations serve the dry run, the launch and (row by row, through `recheck`) the moment of
sending. Gates before the draw apply to both arms, so the arms stay comparable; what happens after the draw
is kept as a reason and the person stays in the arm.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import polars as pl

from campaigns.experiment import ArmName, buckets, held_out_below
from campaigns.schedule import QuietHours


class Reason(StrEnum):
    """Why somebody is left out."""

    GONE = "gone"
    CONSENT = "consent"
    EXCLUSION_LIST = "exclusion_list"
    ADDRESS = "address"
    FREQUENCY_CAP = "frequency_cap"
    MISSING_FIELD = "missing_field"
    TOO_LONG = "too_long"
    QUIET_HOURS = "quiet_hours"
    EXPIRY = "expiry"


LABELS: dict[str, tuple[str, str]] = {
    Reason.GONE: ("会員の統合・退会など", "Merged or gone"),
    Reason.CONSENT: ("お知らせに同意していない", "No consent"),
    Reason.EXCLUSION_LIST: ("除外リストに載っている", "On an exclusion list"),
    Reason.ADDRESS: ("届く端末がない", "No live address"),
    Reason.FREQUENCY_CAP: ("頻度の上限", "Frequency cap"),
    Reason.MISSING_FIELD: ("差し込む項目がない", "A merge field is missing"),
    Reason.TOO_LONG: ("差し込むと長すぎる", "Too long once filled in"),
    Reason.QUIET_HOURS: ("配信停止時間帯", "Quiet hours"),
    Reason.EXPIRY: ("期限切れ", "Expired"),
}
"""Each reason in Japanese and English."""


class ConsentRule(StrEnum):
    """What counts as consent to marketing pushes."""

    EXPLICIT = "explicit"
    """The person said yes."""
    PERMISSION = "permission"
    """The phone's permission is enough, unless the person said no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingRules:
    """What the shop decided for all campaigns.

    Attributes:
        cap_day: campaigns a person may get in any 24 hours; 0 switches the cap off.
        cap_week: in any 7 days; 0 switches it off.
    """

    quiet: QuietHours = field(default_factory=QuietHours)
    cap_day: int = 1
    cap_week: int = 3
    consent_rule: ConsentRule = ConsentRule.EXPLICIT


AUDIENCE: dict[str, pl.DataType] = {
    "customer_id": pl.Int64(),
    "gone": pl.Boolean(),
    "consented": pl.Boolean(),
    "excluded": pl.Boolean(),
    "devices": pl.Int64(),
    "sent_day": pl.Int64(),
    "sent_week": pl.Int64(),
    "missing_field": pl.Boolean(),
}
"""What the gates read: one row a member of the segment. ``excluded``: on a static list whose people get no campaign. ``sent_day`` and ``sent_week`` count other campaigns
sent to the person in the last 24 hours and 7 days; control, left out and test sends do not count."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate: its reason, and the expression that is true for those it removes."""

    reason: Reason
    removes: pl.Expr


def gates_before_draw(rules: SendingRules) -> tuple[Gate, ...]:
    """The gates that apply to both arms, in order."""
    return (
        Gate(Reason.GONE, pl.col("gone")),
        Gate(Reason.CONSENT, ~pl.col("consented")),
        Gate(Reason.EXCLUSION_LIST, pl.col("excluded")),
        Gate(Reason.ADDRESS, pl.col("devices") == 0),
        Gate(Reason.FREQUENCY_CAP, _over_cap(rules)),
        Gate(Reason.MISSING_FIELD, pl.col("missing_field")),
    )


def _over_cap(rules: SendingRules) -> pl.Expr:
    day = pl.col("sent_day") >= rules.cap_day if rules.cap_day else pl.lit(value=False)
    week = pl.col("sent_week") >= rules.cap_week if rules.cap_week else pl.lit(value=False)
    return day | week


def first_that_fires(gates: Sequence[Gate]) -> pl.Expr:
    """The reason of the first gate that removes the row, null where none does."""
    return pl.coalesce([pl.when(gate.removes).then(pl.lit(str(gate.reason))) for gate in gates])


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the gates decided about a segment.

    Attributes:
        people: the audience with ``left_out`` (reason or null), ``arm`` (treated, control or null) and ``bucket``.
        planned_at: the planned send time, for both arms: now, or the end of the quiet hours now falls into.
        deferred: whether it is the latter.
    """

    people: pl.DataFrame
    planned_at: datetime
    deferred: bool
    expires_at: datetime

    def removed(self) -> dict[Reason, int]:
        """How many people each gate removed, in the order of the gates."""
        counts = dict(self.people.group_by("left_out").len().drop_nulls().iter_rows())
        return {reason: counts[reason] for reason in Reason if reason in counts}

    def arm(self, name: ArmName) -> pl.DataFrame:
        """The people of one arm."""
        return self.people.filter(pl.col("arm") == str(name))


def decide(
    audience: pl.DataFrame,
    *,
    rules: SendingRules,
    salt: str,
    holdout_percent: float,
    now: datetime,
    expires_at: datetime,
) -> Plan:
    """Pass a segment through the gates and draw the arms. The same input gives the same plan.

    Args:
        audience: one row a member, with the columns of `AUDIENCE`; further columns are kept.
        rules: the shop's.
        salt: the campaign's.
        holdout_percent: share of those who pass that is held out.
        now: the moment of launch, aware.
        expires_at: after this nothing goes out.
    """
    planned_at = rules.quiet.next_allowed(now)
    drawn = pl.Series("bucket", buckets(salt, audience["customer_id"].to_list()), dtype=pl.Int64)
    control = drawn < held_out_below(holdout_percent)
    people = audience.with_columns(
        first_that_fires(gates_before_draw(rules)).alias("left_out"), control.alias("control")
    )
    passed = pl.col("left_out").is_null()
    arm = (
        pl.when(~passed)
        .then(None)
        .when(pl.col("control"))
        .then(pl.lit(str(ArmName.CONTROL)))
        .otherwise(pl.lit(str(ArmName.TREATED)))
    )
    people = people.with_columns(arm.alias("arm"), drawn).drop("control")
    return Plan(people=people, planned_at=planned_at, deferred=planned_at > now, expires_at=expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One treated person at the moment of sending, as the database has it under lock."""

    gone: bool
    consented: bool
    excluded: bool
    address_live: bool
    sent_day: int
    sent_week: int


def recheck(standing: Standing, *, rules: SendingRules, now: datetime, expires_at: datetime) -> Reason | None:
    """The gate that stops a claimed delivery, in the declared order; None lets it pass.

    `Reason.QUIET_HOURS` defers, every other reason is final; the person stays in the arm.
    """
    capped = (rules.cap_day and standing.sent_day >= rules.cap_day) or (
        rules.cap_week and standing.sent_week >= rules.cap_week
    )
    checks = (
        (standing.gone, Reason.GONE),
        (not standing.consented, Reason.CONSENT),
        (standing.excluded, Reason.EXCLUSION_LIST),
        (not standing.address_live, Reason.ADDRESS),
        (bool(capped), Reason.FREQUENCY_CAP),
        (rules.quiet.hold(now) and rules.quiet.next_allowed(now) < expires_at, Reason.QUIET_HOURS),
        (rules.quiet.hold(now) or now >= expires_at, Reason.EXPIRY),
    )
    return next((reason for fires, reason in checks if fires), None)
