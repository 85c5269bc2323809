"""Requests that may be repeated: the same key gets the same answer, and the work is done once.

The row of a key, the work of the request and the kept answer are one transaction: a crash at any moment leaves all of them
or nothing, so whoever asks again gets the answer or has it done now. Work that cannot be in a transaction, because it
speaks with the world, is done `apart`: its row says first that it began. A crash in the middle of it leaves that row, and
whoever asks again is told that the outcome is not known, never served twice; unless the work is of a kind that twice is
the same as once, as storing an event by its id is: then it is done again.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field

import asyncpg

from backend.clock import Clock
from backend.errors import BadInput, Conflict, Unavailable
from backend.store import idempotency as store
from backend.store.outages import OUTAGES
from backend.store.pool import Connection, Pool

LONGEST_KEY = 255
PATIENCE = 5_000
"""Milliseconds that a request waits for another one with its key."""

_ASKS_AGAIN = frozenset({401, 403, 408, 409, 425, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a request was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def settled(self) -> bool:
        """Whether the same request would be answered so for good: not where it should be asked again later."""
        return self.status < 500 and self.status not in _ASKS_AGAIN  # noqa: PLR2004 - faults of ours begin here


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request with a key.

    Attributes:
        api_key_id: whose key it is: two callers may choose the same word.
        key: the word that the caller chose.
        fingerprint: of everything that was asked.
    """

    api_key_id: int
    key: str
    fingerprint: bytes


@dataclass(slots=True)
class Turn:
    """What to do with a request: ``kept`` is its answer where there is one; else do the work and say `answered`."""

    kept: Answer | None = None
    answer: Answer | None = field(default=None, init=False)

    def answered(self, answer: Answer) -> None:
        """Say what the request was answered, before it is sent."""
        self.answer = answer


class Idempotency:
    """Keeps answers by key, for at least a day."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    @contextlib.asynccontextmanager
    async def together(self, ask: Ask) -> AsyncIterator[Turn]:
        """A request's turn; everything that this task does to the database meanwhile is one transaction with its answer.

        An answer that is not settled, or none, undoes all of it.

        Raises:
            BadInput: the key is none, or was used for another request.
            Conflict: a request with this key is under way, and does not end.
            Unavailable: the database is away; nothing was done.
        """
        check_key(ask.key)
        with _outages_told():
            async with self._pool.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                kept, turn = False, Turn()
                try:
                    turn.kept = await self._claim(connection, ask)
                    with self._pool.holding(connection):
                        yield turn
                    kept = await _keep(connection, ask, turn.answer)
                finally:
                    await (transaction.commit() if kept else transaction.rollback())

    @contextlib.asynccontextmanager
    async def apart(self, ask: Ask, *, repeatable: bool = False) -> AsyncIterator[Turn]:
        """A request's turn whose work cannot be undone: that it began is kept before, the answer after it.

        Args:
            ask: the request.
            repeatable: whether work that began and has no answer, or failed for now, may be done again.

        Raises:
            BadInput: the key is none, or was used for another request.
            Conflict: a request with this key is under way, or was cut off: its outcome is not known.
            Unavailable: the database is away.
        """
        check_key(ask.key)
        with _outages_told():
            async with self._pool.acquire() as connection, connection.transaction():
                turn = Turn(await self._claim(connection, ask, repeatable=repeatable))
        yield turn
        if turn.kept is None and turn.answer is not None:
            async with self._pool.acquire() as connection:
                if turn.answer.status in _ASKS_AGAIN or (repeatable and not turn.answer.settled):
                    await store.free(connection, api_key_id=ask.api_key_id, key=ask.key)
                else:
                    await _keep(connection, ask, turn.answer, whatever=True)

    async def _claim(self, connection: Connection, ask: Ask, *, repeatable: bool = False) -> Answer | None:
        """None where the work is ours to do, else its answer."""
        try:
            taken = await store.claim(
                connection,
                api_key_id=ask.api_key_id,
                key=ask.key,
                fingerprint=ask.fingerprint,
                now=self._clock.now(),
                patience=PATIENCE,
            )
        except asyncpg.LockNotAvailableError:
            message = "A request with this Idempotency-Key is under way. Send it again in a few seconds."
            raise Conflict(message, code="idempotency_in_progress") from None
        if taken:
            return None
        known = await store.read(connection, api_key_id=ask.api_key_id, key=ask.key)
        if known is None:
            raise Unavailable("This Idempotency-Key was just given back. Send the request again.")
        return _same(known, ask, repeatable=repeatable)


def check_key(key: str) -> None:
    """Refuse what cannot be a key.

    Raises:
        BadInput: it is empty, too long, or has characters beyond printable ASCII.
    """
    if not 0 < len(key) <= LONGEST_KEY or not (key.isascii() and key.isprintable()):
        message = f"An Idempotency-Key has 1 to {LONGEST_KEY} printable ASCII characters."
        raise BadInput(message, code="bad_idempotency_key", field="Idempotency-Key")


def _same(known: asyncpg.Record, ask: Ask, *, repeatable: bool) -> Answer | None:
    if known["fingerprint"] != ask.fingerprint:
        message = "This Idempotency-Key was used for another request. Choose a new one for each."
        raise Reused(message, code="idempotency_key_reused", field="Idempotency-Key")
    if known["status"] is None and repeatable:
        return None
    if known["status"] is None:
        message = (
            "The request with this Idempotency-Key is under way or was cut off, so its outcome is not known. "
            "Look what became of it before you ask with a new key."
        )
        raise Conflict(message, code="idempotency_outcome_unknown")
    return Answer(status=known["status"], headers=known["headers"], body=known["body"])


class Reused(BadInput):
    """A key that was used for another request."""


async def _keep(connection: Connection, ask: Ask, answer: Answer | None, *, whatever: bool = False) -> bool:
    """Keep an answer if it is settled; tells whether it was."""
    if answer is None or not (whatever or answer.settled):
        return False
    await store.keep(
        connection,
        api_key_id=ask.api_key_id,
        key=ask.key,
        status=answer.status,
        headers=answer.headers,
        body=answer.body,
    )
    return True


@contextlib.contextmanager
def _outages_told() -> Iterator[None]:
    try:
        yield
    except OUTAGES as error:
        raise Unavailable("The database does not answer. Send this again later.") from error
