"""What PostgreSQL keeps of static lists, what they may be called, and what a change of one has to ask before."""

import asyncpg

from backend.errors import BadInput, Conflict, NotFound
from backend.store import static_lists as store
from backend.store.pool import Connection
from segments.errors import RuleError
from segments.id_lists import MOST_IDS, GivenIds
from segments.rules.parse import parse
from segments.rules.references import lists
from segments.static_list import StaticList, Taken

LONGEST_NAME = 100


async def read_list(connection: Connection, list_id: int) -> StaticList:
    """A list with its size.

    Raises:
        NotFound: no such list.
    """
    rows = await store.list_lists(connection, archived=True, list_id=list_id)
    if not rows:
        raise NotFound(f"There is no list {list_id}.", code="list_not_found")
    return StaticList(**rows[0])


async def lock(connection: Connection, list_id: int, *, archived: bool = False) -> asyncpg.Record:
    """A list that nobody else changes until the transaction ends.

    Raises:
        NotFound: no such list.
        Conflict: it is archived, and may not be.
    """
    row = await store.lock_list(connection, list_id=list_id)
    if row is None:
        raise NotFound(f"There is no list {list_id}.", code="list_not_found")
    if row["archived_at"] is not None and not archived:
        raise Conflict("The list is archived; restore it first.", code="list_archived")
    return row


async def segments_of(connection: Connection, list_id: int) -> dict[int, str]:
    """Live segments whose rule, or the draft of it, asks for a list."""
    found = {}
    for row in await store.list_rules(connection):
        try:
            asked = lists(parse(row["rule"]))
        except RuleError:  # a later release wrote it, and may ask for any list
            asked = frozenset({list_id})
        if list_id in asked:
            found[row["segment_id"]] = row["name"]
    return found


async def ask_about_campaigns(connection: Connection) -> None:
    """Have somebody confirm a change of an exclusion list that campaigns wait with.

    Raises:
        Conflict: there are some (code ``campaigns_waiting``).
    """
    waiting = await store.list_waiting_campaigns(connection)
    if waiting:
        names = ", ".join(f'"{name}"' for name in waiting.values())
        raise Conflict(
            f"Campaigns that are to be sent go by this exclusion list: {names}. Confirm to go on all the same.",
            code="campaigns_waiting",
        )


def figures_of(taken: Taken) -> dict[str, int]:
    """What the audit log tells of numbers that were taken."""
    return {
        "read": taken.read,
        "changed": taken.changed,
        "already": taken.already,
        "repeated": taken.repeated,
        "unknown": len(taken.unknown),
        "bad": len(taken.bad),
    }


def check_count(given: GivenIds) -> None:
    """Refuse more numbers than can be taken at once.

    Raises:
        BadInput: they are more.
    """
    if given.read > MOST_IDS:
        raise BadInput(
            f"At most {MOST_IDS:,} numbers at once, not {given.read:,}: give the others afterwards.",
            code="too_many_ids",
            field="user_ids",
        )


def checked_name(name: str) -> str:
    """A name without blanks around it.

    Raises:
        BadInput: it cannot be one.
    """
    stripped = name.strip()
    if not 1 <= len(stripped) <= LONGEST_NAME or not stripped.isprintable():
        raise BadInput(f"A list's name is one line of 1 to {LONGEST_NAME} characters.", code="bad_name", field="name")
    return stripped


def name_taken(name: str) -> Conflict:
    """Nothing was kept, because another list has the name."""
    return Conflict(
        f'There is already a list called "{name}", perhaps an archived one: choose another name.',
        code="name_taken",
        field="name",
    )
