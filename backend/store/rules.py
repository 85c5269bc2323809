"""Rules that ask for other segments, with the rules of those in their places."""

import contextlib
from collections.abc import Sequence

from backend.store import segments
from backend.store.pool import Connection
from segments.errors import RuleError
from segments.rules.parse import parse
from segments.rules.references import references, resolve
from segments.rules.rule import Rule


async def resolve_rules(connection: Connection, asked: Sequence[tuple[int | None, Rule]]) -> list[Rule]:
    """Each rule with every segment that it asks for resolved, to any depth, by the rules that stand now.

    Args:
        connection: to the database.
        asked: rules, each with the segment whose rule it is; None for one that is not kept.

    Raises:
        RuleError: a segment that there is not, or segments that ask for each other in a circle; with the place in the rule.
    """
    if not any(references(rule) for _, rule in asked):
        return [rule for _, rule in asked]
    rows = await segments.list_segments(connection, archived=True)
    rules = {row["segment_id"]: parse(row["rule"]) for row in rows}
    names = {row["segment_id"]: row["name"] for row in rows}
    return [resolve(rule, rules, segment_id=segment_id, names=names) for segment_id, rule in asked]


async def live_rules(connection: Connection) -> list[Rule]:
    """The rules of all segments that are not archived, resolved; without those that cannot be."""
    rows = await segments.list_segments(connection, archived=True)
    found = []
    for row in rows:
        with contextlib.suppress(RuleError):  # a later release wrote it
            found.append((row["segment_id"], parse(row["rule"]), row["archived_at"]))
    rules = {segment_id: rule for segment_id, rule, _ in found}
    live = []
    for segment_id, rule, archived_at in found:
        with contextlib.suppress(RuleError):
            live += [resolve(rule, rules, segment_id=segment_id)] if archived_at is None else []
    return live


async def resolve_rule(connection: Connection, rule: Rule, *, segment_id: int | None = None) -> Rule:
    """One rule, see `resolve_rules`."""
    return (await resolve_rules(connection, [(segment_id, rule)]))[0]
