"""People who enter a campaign one by one: the same gates as a launch, row by row, from the database only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from backend.store import campaign_drafts
from backend.store import campaigns as store
from backend.store import entries as ledger
from backend.store import shop as shop_store
from backend.store.deliveries import STANDING
from backend.store.pool import Connection
from campaigns.campaign import Draft
from campaigns.content import Content, Variant
from campaigns.entries import Entry, Planned
from campaigns.experiment import ArmName, arm, variant_of
from campaigns.fields import clean
from campaigns.gates import Standing, recheck
from campaigns.inbox import SHOWN_THOUGH_LEFT_OUT
from campaigns.journey import sends
from campaigns.reasons import Reason
from campaigns.templates import required_fields
from campaigns.terms import SendingRules, Terms


async def plan_entries(
    connection: Connection, *, campaign_id: int, version: int, step: int, entries: Sequence[Entry], now: datetime
) -> list[Planned]:
    """See `CampaignRuns.plan_entries`."""
    if not entries:
        return []
    draft = await campaign_drafts.read_version(connection, campaign_id=campaign_id, version=version)
    terms = Terms.of(draft, salt=await store.read_salt(connection, campaign_id=campaign_id))
    rules = (await shop_store.read_settings(connection)).sending
    customers = sorted({entry.customer_id for entry in entries})
    standing = await ledger.read_entering(
        connection, customer_ids=customers, campaign_id=campaign_id, rules=rules, terms=terms, now=now
    )
    made = [
        _decide(entry, standing.get(entry.customer_id), draft, step, rules=rules, terms=terms, now=now)
        for entry in entries
    ]
    written = await ledger.add_entries(
        connection, [_row(one, draft) for one in made], campaign_id=campaign_id, step=step, version=version, now=now
    )
    before = await _before(connection, entries, campaign_id=campaign_id, step=step, written=written)
    return [before.get(_key(one.entry), one) for one in made]


@dataclass(frozen=True, slots=True)
class Sent:
    """What a step sends."""

    content: Content
    variants: tuple[Variant, ...]

    @property
    def contents(self) -> tuple[Content, ...]:
        """Everything that anybody may be told."""
        return tuple(one.content for one in self.variants) or (self.content,)


def sent_at(draft: Draft, step: int) -> Sent:
    """What a step of a journey sends; the one push of a campaign without steps."""
    if not draft.steps:
        return Sent(draft.content, draft.variants)
    send = dict(sends(draft.steps))[step]
    return Sent(send.content, send.variants)


def _key(entry: Entry) -> tuple[int, int]:
    return entry.customer_id, entry.occurrence


def _decide(
    entry: Entry,
    row: asyncpg.Record | None,
    draft: Draft,
    step: int,
    *,
    rules: SendingRules,
    terms: Terms,
    now: datetime,
) -> Planned:
    moment = max(entry.planned_at, now)
    if row is None:
        return Planned(entry, None, Reason.GONE, None, moment)
    missing = _lacks(entry, row, sent_at(draft, step).contents)
    who = Standing(**{name: row[name] for name in STANDING}, address_live=row["address_live"], missing_field=missing)
    said = recheck(
        who,
        rules=rules,
        terms=terms,
        now=moment,
        expires_at=entry.planned_at + draft.expires_after,
        again=row["arm"] is not None,
    )
    if said.reason is not None:
        return Planned(entry, None, said.reason, None, moment)
    drawn = (
        ArmName(row["arm"]) if row["arm"] else arm(terms.salt, entry.customer_id, holdout_percent=terms.holdout_percent)
    )
    compared = sent_at(draft, step).variants
    variant = variant_of(terms.salt, entry.customer_id, compared) if compared and drawn is ArmName.TREATED else None
    return Planned(entry, drawn, None, variant, said.not_before)


def _lacks(entry: Entry, row: asyncpg.Record, contents: Iterable[Content]) -> bool:
    """Whether what any variant would say in the person's language shows a field that nobody knows of her."""
    known = clean({**entry.values, "family_name": row["family_name"], "given_name": row["given_name"]}).keys()
    return any(required_fields(one)[one.language_for(row["language"])] - known for one in contents)


def _row(one: Planned, draft: Draft) -> ledger.EntryRow:
    kept = one.arm is ArmName.TREATED or one.left_out in SHOWN_THOUGH_LEFT_OUT
    return ledger.EntryRow(
        customer_id=one.entry.customer_id,
        occurrence=one.entry.occurrence,
        arm=one.arm,
        variant=one.variant,
        left_out=one.left_out,
        state="planned" if one.arm is ArmName.TREATED else None,
        planned_at=one.not_before,
        expires_at=one.entry.planned_at + draft.expires_after,
        merge_fields=clean(one.entry.values) if kept else {},
    )


async def _before(
    connection: Connection,
    entries: Iterable[Entry],
    *,
    campaign_id: int,
    step: int,
    written: set[tuple[int, int]],
) -> dict[tuple[int, int], Planned]:
    """What was decided about those whose rows were there already."""
    old = [entry for entry in entries if _key(entry) not in written]
    if not old:
        return {}
    rows = await ledger.read_entries(connection, [_key(entry) for entry in old], campaign_id=campaign_id, step=step)
    return {
        _key(entry): Planned(
            entry, ArmName(row["arm"]) if row["arm"] else None, row["left_out"], row["variant"], row["not_before"]
        )
        for entry in old
        if (row := rows.get(_key(entry))) is not None
    }
