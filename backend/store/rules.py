"""Rules that ask for other segments, with the rules of those in their places."""

from collections.abc import Sequence

from backend.store import segments
from backend.store.pool import Connection
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


async def resolve_rule(connection: Connection, rule: Rule, *, segment_id: int | None = None) -> Rule:
    """One rule, see `resolve_rules`."""
    return (await resolve_rules(connection, [(segment_id, rule)]))[0]
