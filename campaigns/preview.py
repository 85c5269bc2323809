"""A dry run as a value: what the gates decided, counted and labelled, with samples and what the holdout can show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Any

import polars as pl

from campaigns.campaign import Content, Draft
from campaigns.effect import ASSUMED_RATE
from campaigns.experiment import ArmName, smallest_effect, suggest_holdout
from campaigns.fields import FIELDS, clean
from campaigns.gates import AUDIENCE, LABELS, Plan, Reason, SendingRules, Terms, decide
from campaigns.overview import DryRun, Label, Removed, Sample
from campaigns.schedule import QuietHours
from campaigns.templates import MissingField, TextTooLong, fill
from segments.customers import days_column

SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Person:
    """What a sample needs of a treated member beside the frame's columns."""

    language: str | None
    family_name: str | None
    given_name: str | None


def removed(counts: Mapping[str, int], examples: Mapping[str, tuple[int, ...]] | None = None) -> tuple[Removed, ...]:
    """People left out, by reason in the order of the gates, with labels in both languages and a few of them as examples."""
    order = [str(reason) for reason in Reason]
    known = sorted(counts, key=lambda reason: (order.index(reason) if reason in order else len(order), reason))
    few = examples or {}
    return tuple(
        Removed(reason, Label(*LABELS.get(reason, (reason, reason))), counts[reason], few.get(reason, ()))
        for reason in known
    )


def examples_of(plan: Plan) -> dict[str, tuple[int, ...]]:
    """A few of whom each gate stops, by reason: the same ones at every look."""
    stopped = plan.people.filter(pl.col("left_out").is_not_null())
    few = stopped.group_by("left_out").agg(pl.col("customer_id").bottom_k(SAMPLES).sort())
    return {reason: tuple(people) for reason, people in few.select("left_out", "customer_id").iter_rows()}


def base_rate(members: pl.DataFrame, *, event: str, days: int) -> float | None:
    """Share of the members who did ``event`` in the last ``days`` business days; None where nobody ever did."""
    column = days_column(event)
    if members.is_empty() or column not in members.columns:
        return None
    recent = pl.col(column).list.first() > pl.col("as_of").dt.offset_by(f"-{days}d")
    return float(members.select(recent.fill_null(value=False).mean()).item())


def sample(row: Mapping[str, Any], person: Person, content: Content, *, currency: str = "JPY") -> Sample | None:
    """The message as one member would get it; None where a field under a condition is missing for him."""
    language = content.language_for(person.language)
    values = {field.name: row.get(field.column) for field in FIELDS if field.column}
    values |= {"family_name": person.family_name, "given_name": person.given_name}
    try:
        text = fill(content.texts()[language], clean(values), language=language, currency=currency)
    except (MissingField, TextTooLong):
        return None
    return Sample(row["customer_id"], language, text.title, text.body)


def unasked(draft: Draft, people: pl.DataFrame, *, rules: SendingRules, salt: str, now: datetime) -> Plan:
    """The plan of a journey that sends nothing: no gate is asked, only drawn is who is kept out of it.

    Args:
        draft: the campaign.
        people: ``customer_id`` of whom it would lead on.
        rules: the shop's, for the global holdout.
        salt: of the campaign's draw.
        now: the present moment.
    """
    passes = {"gone": False, "consented": True, "excluded": False, "devices": 1, "sent_day": 0, "sent_week": 0}
    standing = {**passes, "missing_field": False, "zone": None}
    columns = [pl.lit(value, dtype=AUDIENCE[name]).alias(name) for name, value in standing.items()]
    terms, never = Terms.of(draft, salt=salt), QuietHours(start=time(), end=time(), zone=rules.quiet.zone)
    plan = decide(
        people.select("customer_id", *columns),
        rules=replace(rules, quiet=never, cap_day=0, cap_week=0),
        terms=replace(terms, own_zone=False),
        now=now,
        expires_at=now + draft.expires_after,
    )
    return replace(plan, people=plan.people.with_columns(pl.lit(0, dtype=AUDIENCE["devices"]).alias("devices")))


def sampled(plan: Plan) -> pl.DataFrame:
    """The treated members that samples are drawn from: the same ones at every look."""
    return plan.arm(ArmName.TREATED).sort("bucket", "customer_id").head(SAMPLES) if plan.people.height else plan.people


def summarise(
    plan: Plan,
    *,
    campaign_id: int,
    revision: int,
    as_of: datetime,
    samples: Sequence[Sample],
    rate: float | None,
) -> DryRun:
    """The dry run of a plan."""
    treated, control = plan.arm(ArmName.TREATED), plan.arm(ArmName.CONTROL)
    assumed = rate or ASSUMED_RATE
    suggestion = suggest_holdout(treated.height + control.height, base_rate=assumed)
    return DryRun(
        campaign_id=campaign_id,
        revision=revision,
        as_of=as_of,
        segment_size=plan.people.height,
        removed=removed({str(reason): people for reason, people in plan.removed().items()}, examples_of(plan)),
        control=control.height,
        treated=treated.height,
        devices=int(treated["devices"].sum()),
        deferred_until=plan.deferred_until,
        expires_at=plan.expires_at,
        samples=tuple(samples),
        smallest_effect=smallest_effect(assumed, treated=treated.height, control=control.height),
        suggested_holdout=suggestion.holdout_percent if suggestion else None,
        base_rate=rate,
    )
