"""The inbox of an app: what a customer was sent, or would have been, and what of it was read."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection
from datetime import datetime

import asyncpg
import msgspec

from backend.clock import Clock
from backend.errors import BadInput
from backend.store import inbox as store
from backend.store.inbox import Owner
from campaigns.inbox import Kept, Key, Message, Reader, content_at, message_of, read_key

LARGEST_PAGE = 100


class InboxPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of an inbox.

    Attributes:
        messages: the newest first.
        unread: messages not yet read, of the whole inbox.
        next: asks for the page after it, as ``before``; None at the end.
    """

    messages: tuple[Message, ...]
    unread: int
    next: str | None


class Inbox:
    """Inboxes, by the member number that a customer token proved."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def read(self, user_id: str, *, before: str | None = None, size: int = 20) -> InboxPage:
        """A page of a member's inbox; empty for a member that nobody has heard of.

        Raises:
            BadInput: ``before`` is no cursor of ours.
        """
        cursor = None if before is None else _read_cursor(before)
        async with self._pool.acquire() as connection:
            found = await store.find_reader(connection, user_id=user_id)
            if found is None:
                return InboxPage(messages=(), unread=0, next=None)
            owner = Owner(found["customer_id"], found["mine"], self._clock.now())
            rows = await store.list_messages(connection, owner, before=cursor, size=size + 1)
            unread = await store.count_unread(connection, owner)
        reader = Reader(
            language=found["language"],
            family_name=found["family_name"],
            given_name=found["given_name"],
            currency=found["currency"],
        )
        shown = (message_of(_kept(row), reader) for row in rows[:size])
        return InboxPage(
            messages=tuple(message for message in shown if message is not None),
            unread=unread,
            next=_cursor_of(rows[size - 1]) if len(rows) > size else None,
        )

    async def mark_read(self, user_id: str, ids: Collection[str] | None) -> int:
        """Note that a member read messages, all of them where ``ids`` is None; gives how many are left unread.

        Ids that are none of the member's own messages change nothing.

        Raises:
            BadInput: one of the ids is none at all.
        """
        keys = None if ids is None else [_key(text) for text in ids]
        async with self._pool.acquire() as connection, connection.transaction():
            found = await store.find_reader(connection, user_id=user_id)
            if found is None:
                return 0
            owner = Owner(found["customer_id"], found["mine"], self._clock.now())
            await store.mark_read(connection, owner, keys)
            return await store.count_unread(connection, owner)


def _kept(row: asyncpg.Record) -> Kept:
    return Kept(
        key=Key(row["campaign_id"], row["occurrence"], row["step"]),
        sent_at=row["planned_at"],
        content=content_at(row["definition"], step=row["step"], variant=row["variant"]),
        values=row["merge_fields"],
        read_at=row["read_at"],
    )


def _key(text: str) -> Key:
    key = read_key(text)
    if key is None:
        raise BadInput("This is no id of a message.", code="bad_message_id", field="ids")
    return key


def _cursor_of(row: asyncpg.Record) -> str:
    key = Key(row["campaign_id"], row["occurrence"], row["step"])
    return urlsafe_b64encode(f"{row['planned_at'].isoformat()}|{key}".encode()).decode().rstrip("=")


def _read_cursor(text: str) -> tuple[datetime, Key]:
    try:
        at, _, rest = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").partition("|")
        moment, key = datetime.fromisoformat(at), read_key(rest)
    except (ValueError, binascii.Error):
        key = None
    if key is None or moment.tzinfo is None:
        raise BadInput("Pass what `next` of the page before said, as it is.", code="bad_cursor", field="before")
    return moment, key
