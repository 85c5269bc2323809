"""What goes by a segment, and whether what a rule goes by is there."""

from collections.abc import Iterable

import asyncpg

from backend.errors import BadInput
from backend.store import queries, segments
from backend.store.pool import Connection
from segments.errors import RuleError
from segments.rules.parse import parse, place_of
from segments.rules.references import lists, references, resolve
from segments.rules.rule import Rule
from segments.rules.telling import Names
from segments.uses import SegmentUses, dependants

_SQL = queries.load("segment_uses")


async def read_uses(connection: Connection, *, segment_id: int) -> SegmentUses:
    """What goes by a segment."""
    rows = await segments.list_segments(connection)
    names = {row["segment_id"]: row["name"] for row in rows}
    reached = dependants(segment_id, _rules(rows))
    drafts = await connection.fetch(_SQL["list_drafts"])
    asking = {row["segment_id"] for row in drafts if segment_id in references(parse(row["rule"]))} - {segment_id}
    waiting = await connection.fetch(_SQL["list_waiting_campaigns"], [segment_id, *reached])
    return SegmentUses(
        segments={number: names[number] for number in sorted(reached)},
        drafts={number: names[number] for number in sorted(asking)},
        campaigns={row["campaign_id"]: row["name"] for row in waiting},
    )


async def check_rule(connection: Connection, rule: Rule, *, segment_id: int | None = None) -> None:
    """Make sure that what a rule asks for is there: live segments, not in a circle, and live lists.

    Args:
        connection: to the database.
        rule: parsed.
        segment_id: the segment whose rule it is to be; None for a new one.

    Raises:
        BadInput: something is not; ``field`` says where, and the message names it, a circle with all its segments.
    """
    await _check_lists(connection, rule)
    if not references(rule):
        return
    await hold_references(connection)
    rows = await segments.list_segments(connection, archived=True)
    names = {row["segment_id"]: row["name"] for row in rows}
    archived = {row["segment_id"] for row in rows if row["archived_at"] is not None}
    try:
        resolve(rule, _rules(row for row in rows if row["archived_at"] is None), segment_id=segment_id, names=names)
    except RuleError as error:
        place = ".".join(("rule", place_of(error))).rstrip(".")
        gone = ", ".join(f'"{names[one]}"' for one in sorted(references(rule) & archived))
        reason = f"the segment {gone} is archived" if gone else error.message
        raise BadInput(f"{place}: {reason}", code="bad_rule", field=place) from error


async def read_names(connection: Connection) -> Names:
    """What segments and static lists are called, archived ones with them."""
    rows = await connection.fetch(_SQL["list_names"])
    kinds: dict[str, dict[int, str]] = {"segment": {}, "list": {}}
    for row in rows:
        kinds[row["kind"]][row["number"]] = row["name"]
    return Names(segments=kinds["segment"], lists=kinds["list"])


async def hold_references(connection: Connection) -> None:
    """Let nobody else make or unmake what segments ask each other for, until the transaction ends.

    Two rules that together close a circle are so written one after the other, and none asks for a segment that is archived.
    """
    await connection.execute(_SQL["lock_references"])


async def _check_lists(connection: Connection, rule: Rule) -> None:
    asked = lists(rule)
    if not asked:
        return
    live = {row["list_id"] for row in await connection.fetch(_SQL["share_lists"], sorted(asked))}
    if missing := sorted(asked - live):
        raise BadInput(f"rule: there is no list {missing[0]}, or it is archived", code="bad_rule", field="rule")


def _rules(rows: Iterable[asyncpg.Record]) -> dict[int, Rule]:
    """Rules by segment, without those that a later release wrote."""
    found = {}
    for row in rows:
        try:
            found[row["segment_id"]] = parse(row["rule"])
        except RuleError:
            continue
    return found
