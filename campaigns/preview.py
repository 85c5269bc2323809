"""A dry run as a value: what the gates decided, counted and labelled, with samples and what the holdout can show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import polars as pl

from campaigns.campaign import Content, Draft
from campaigns.crowd import Ways
from campaigns.dry_run import DryRun, Removed, Sample
from campaigns.effect import ASSUMED_RATE
from campaigns.experiment import smallest_effect, suggest_holdout
from campaigns.fields import FIELDS, clean
from campaigns.gates import AUDIENCE
from campaigns.headcount import Headcount, count
from campaigns.reasons import LABELS, Label, Reason
from campaigns.schedule import QuietHours
from campaigns.templates import MissingField, TextTooLong, fill
from campaigns.terms import SendingRules, Terms
from segments.customers import latest_column
from segments.reduce.latest import since


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


def base_rate(members: pl.DataFrame, *, day: date | None, event: str, days: int) -> float | None:
    """Share of the members who did ``event`` in the last ``days`` business days up to ``day``; None where nobody ever did."""
    column = latest_column(event, 1)
    if members.is_empty() or day is None or column not in members.columns:
        return None
    recent = since(pl.col(column), day - timedelta(days=days - 1))
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


def unasked(draft: Draft, people: pl.DataFrame, *, rules: SendingRules, salt: str, now: datetime) -> Headcount:
    """The count of a journey that sends nothing: no gate is asked, only drawn is who is kept out of it.

    Args:
        draft: the campaign.
        people: ``customer_id`` of whom it would lead on.
        rules: the shop's, for the global holdout.
        salt: of the campaign's draw.
        now: the present moment.
    """
    passes = {
        "gone": False,
        "consented": True,
        "excluded": False,
        "devices": 1,
        "sent_day": 0,
        "sent_week": 0,
        "language": None,
        "zone": None,
    }
    kinds = AUDIENCE | {"language": pl.String()}
    way = pl.DataFrame({name: [value] for name, value in passes.items()}, schema={name: kinds[name] for name in passes})
    never = QuietHours(start=time(), end=time(), zone=rules.quiet.zone)
    counted = count(
        people,
        Ways(way, np.zeros(people.height, dtype=np.uint32)),
        contents=(),
        rules=replace(rules, quiet=never, cap_day=0, cap_week=0),
        terms=replace(Terms.of(draft, salt=salt), own_zone=False),
        now=now,
        expires_at=now + draft.expires_after,
    )
    return replace(counted, devices=0)


def summarise(
    found: Headcount,
    *,
    campaign_id: int,
    revision: int,
    as_of: datetime,
    samples: Sequence[Sample],
    rate: float | None,
) -> DryRun:
    """The dry run of what was counted."""
    assumed = rate or ASSUMED_RATE
    suggestion = suggest_holdout(found.treated + found.control, base_rate=assumed)
    return DryRun(
        campaign_id=campaign_id,
        revision=revision,
        as_of=as_of,
        segment_size=found.people,
        removed=removed({str(reason): people for reason, people in found.left_out.items()}, found.examples),
        control=found.control,
        treated=found.treated,
        devices=found.devices,
        deferred_until=found.deferred_until,
        expires_at=found.expires_at,
        samples=tuple(samples),
        smallest_effect=smallest_effect(assumed, treated=found.treated, control=found.control),
        suggested_holdout=suggestion.holdout_percent if suggestion else None,
        base_rate=rate,
    )
