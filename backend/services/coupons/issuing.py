"""Giving coupons out, to one person or to a million, each exactly once for each asking.

Asking writes down who is to get it, in one transaction; working takes some of them and writes their events into the log,
in one transaction as well. So a crash at any moment leaves nobody out and gives nobody the same issue twice.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import asyncpg

from backend.clock import Clock
from backend.errors import BadInput, Conflict, NotFound
from backend.services.coupons.book import lock
from backend.store import access, deliveries, events, import_files, shop
from backend.store import coupons as store
from backend.store.import_tables import Reading
from backend.store.pool import Connection
from campaigns.audience import Audiences
from segments.coupon_book import StoredCoupon
from segments.envelope import Event
from segments.events import EventName
from segments.import_fields import Kind, guess_mapping

AT_ONCE = 1_000
"""People whose events are written in one transaction: readers of the log wait for its end."""

MOST_NAMED = 1_000
"""People that one call may name."""

LONGEST_ID = 255
_ASKED_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One giving out of a coupon.

    Attributes:
        target: what was asked for: ``kind`` is people, segment or file.
        valid_until: the last day that everybody's issue names; None where the coupon has no last day.
        people: to how many.
        unknown: how many of those named nobody knows; they get nothing.
        issued: how many have it by now. Those erased meanwhile get none.
        finished_at: when the last one got it.
        known_since: of a segment, when it was asked for: see `segments.raw_members`.
    """

    issue_id: int
    coupon_id: str
    target: Mapping[str, Any]
    valid_until: date | None
    people: int
    unknown: int
    issued: int
    requested_at: datetime
    requested_by: str
    finished_at: datetime | None
    known_since: date | None = None


class CouponIssues:
    """Issues of coupons, asked for and carried out."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, audiences: Audiences) -> None:
        self._pool = pool
        self._clock = clock
        self._audiences = audiences

    async def to_people(self, coupon_id: str, user_ids: Sequence[str], *, actor: str) -> Issue:
        """Give a coupon to people whom the shop names by its own numbers.

        Raises:
            BadInput: nobody or too many are named.
            NotFound: no such coupon, or nobody has any of these numbers.
            Conflict: the coupon cannot be issued.
        """
        named = list(dict.fromkeys(user_ids))
        if not 0 < len(named) <= MOST_NAMED:
            sentence = f"Name 1 to {MOST_NAMED} customers; for more use a segment or a file."
            raise BadInput(sentence, code="bad_batch", field="user_ids")
        return await self._to_named(coupon_id, named, {"kind": "people"}, actor=actor)

    async def to_segment(self, coupon_id: str, segment_id: int, *, actor: str) -> Issue:
        """Give a coupon to those who are members of a segment now.

        Raises:
            NotFound: no such coupon or segment.
            Conflict: the coupon cannot be issued.
        """
        members = await self._audiences.members(segment_id, columns=())
        target = {"kind": "segment", "segment_id": segment_id, "version": members.version}
        if members.known_since is not None:
            target["known_since"] = members.known_since.isoformat()
        numbers = members.frame.get_column("customer_id").sort().to_list()
        async with self._pool.acquire() as connection, connection.transaction():
            return await self._ask(connection, coupon_id, target, numbers, unknown=0, actor=actor)

    async def from_file(
        self, coupon_id: str, path: Path, *, actor: str, name: str | None = None, encoding: str | None = None
    ) -> Issue:
        """Give a coupon to the people whose numbers a file holds: in its column of member numbers, else in its only one.

        Args:
            coupon_id: the coupon.
            path: a CSV file in UTF-8, with or without BOM, or in CP932; or any other that an import takes.
            actor: who asks for it.
            name: what the file is called, where that is not its path's.
            encoding: of a CSV file; None finds it out.

        Raises:
            BadInput: the file cannot be read, or says nowhere whom it names.
            NotFound: no such coupon, or nobody has any of its numbers.
            Conflict: the coupon cannot be issued.
        """
        named = await asyncio.to_thread(lambda: list(dict.fromkeys(_ids_of(path, encoding))))
        return await self._to_named(coupon_id, named, {"kind": "file", "name": name or path.name}, actor=actor)

    async def get(self, issue_id: int) -> Issue:
        """One issue.

        Raises:
            NotFound: no such issue.
        """
        async with self._pool.acquire() as connection:
            row = await store.get_issue(connection, issue_id=issue_id)
        if row is None:
            raise NotFound(f"There is no issue {issue_id}.", code="issue_not_found")
        return _issue(row)

    async def list(self, coupon_id: str, *, limit: int = 50) -> list[Issue]:
        """Issues of a coupon, the latest first."""
        async with self._pool.acquire() as connection:
            return [_issue(row) for row in await store.list_issues(connection, coupon_id=coupon_id, limit=limit)]

    async def work(self, issue_id: int | None = None) -> int:
        """Write the events of some who wait, of the oldest issue or of the one named; gives how many were taken."""
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            issue = await store.next_issue(connection, issue_id=issue_id)
            if issue is None:
                return 0
            people = await store.take_people(connection, issue_id=issue["issue_id"], limit=AT_ONCE)
            source_id = await deliveries.system_source(connection)
            facts = [fact for row in people if (fact := _event(issue, row, source_id)) is not None]
            done = await events.append(connection, facts, received_at=now)
            await store.count_issued(connection, issue_id=issue["issue_id"], count=done.stored, now=now)
            return max(len(people), 1)

    async def carry_out(self, issue_id: int) -> Issue:
        """Do all of one issue now, for those who wait for it at a command line."""
        while (await self.get(issue_id)).finished_at is None:
            if not await self.work(issue_id):
                await asyncio.sleep(0.05)  # a worker is at it
        return await self.get(issue_id)

    async def _to_named(self, coupon_id: str, named: Sequence[str], target: dict[str, Any], *, actor: str) -> Issue:
        async with self._pool.acquire() as connection, connection.transaction():
            found: dict[str, int] = {}
            for first in range(0, len(named), _ASKED_AT_ONCE):
                part = named[first : first + _ASKED_AT_ONCE]
                found |= await store.survivors_of_users(connection, user_ids=part)
            numbers, unknown = sorted({*found.values()}), len(named) - len(found)
            issue = await self._ask(connection, coupon_id, target, numbers, unknown=unknown, actor=actor)
            if not numbers:
                raise NotFound("Nobody has any of these numbers, so nobody got the coupon.", code="customer_not_found")
            return issue

    async def _ask(
        self,
        connection: Connection,
        coupon_id: str,
        target: dict[str, Any],
        customer_ids: Sequence[int],
        *,
        unknown: int,
        actor: str,
    ) -> Issue:
        now, today = self._clock.now(), (await shop.read_settings(connection)).calendar.business_day(self._clock.now())
        coupon = issuable(await lock(connection, coupon_id), today)
        issue_id = await store.insert_issue(
            connection,
            coupon_id=coupon_id,
            target=target,
            valid_until=coupon.draft.until(today),
            customer_ids=customer_ids,
            unknown=unknown,
            now=now,
            actor=actor,
        )
        detail = {"issue": issue_id, "people": len(customer_ids), "unknown": unknown, "to": target["kind"]}
        await access.write_audit(
            connection, at=now, actor=actor, action="coupon.issue", target=f"coupon {coupon_id}", detail=detail
        )
        row = await store.get_issue(connection, issue_id=issue_id)
        assert row is not None  # noqa: S101 - it was just put there
        return _issue(row)


def issuable(coupon: StoredCoupon, today: date) -> StoredCoupon:
    """The coupon, if it can be given to people today.

    Raises:
        Conflict: it is archived, over, or for everybody.
    """
    if coupon.archived_at is not None:
        raise Conflict("This coupon is archived. Take it back first.", code="coupon_archived")
    if coupon.draft.audience == "public":
        raise Conflict("This coupon is for everybody; it is issued to nobody.", code="coupon_public")
    if coupon.draft.valid_until is not None and coupon.draft.valid_until < today:
        raise Conflict(f"This coupon ended on {coupon.draft.valid_until}.", code="coupon_over")
    return coupon


def _event(issue: asyncpg.Record, person: asyncpg.Record, source_id: int) -> Event | None:
    until: date | None = issue["valid_until"]
    return store.own_event(
        EventName.COUPON_ISSUED,
        source_id=source_id,
        message_id=f"coupon-issued-{issue['issue_id']}-{person['customer_id']}",
        ids=(person["user_id"], person["anonymous_id"]),
        at=issue["requested_at"],
        coupon_id=issue["coupon_id"],
        valid_until=None if until is None else until.isoformat(),
        issue_id=issue["issue_id"],
    )


def _issue(row: asyncpg.Record) -> Issue:
    target = dict(row["target"])
    since = target.pop("known_since", None)
    told = {name: row[name] for name in Issue.__slots__ if name not in {"target", "known_since"}}
    return Issue(**told, target=target, known_since=None if since is None else date.fromisoformat(since))


def _ids_of(path: Path, encoding: str | None) -> Iterator[str]:
    look = import_files.look(path, Reading(encoding=encoding))
    column, named = _column_of_ids(look.columns)
    if not named:
        yield column.strip()  # a bare list: its first line is a number too
    for table in import_files.tables(path, look.reading):
        for cell in table.frame("").get_column(column).to_list():
            text = str(cell).strip() if cell is not None else ""
            if 0 < len(text) <= LONGEST_ID:
                yield text


def _column_of_ids(columns: Sequence[str]) -> tuple[str, bool]:
    """The column of member numbers, and whether its header says so."""
    named = guess_mapping(Kind.CUSTOMERS, columns).get("customer_id")
    if named is not None:
        return named, True
    if len(columns) == 1:
        return columns[0], False
    raise BadInput(
        "The file does not say which column holds the member numbers: call it customer_id (会員番号).",
        code="no_ids",
        field="file",
    )
