"""The coupon book: definitions made, changed, put away; who did so stands in the audit log."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

import asyncpg

from backend.clock import Clock
from backend.errors import BadInput, Conflict, NotFound
from backend.store import access, definitions
from backend.store import coupons as store
from backend.store.pool import Connection
from segments.coupon_book import CouponDraft, StoredCoupon, problems
from segments.nearest import nearest


class CouponBook:
    """A shop's coupons. A coupon is never removed, because history names it; it is archived."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def list(self, *, archived: bool = False) -> list[StoredCoupon]:
        """Coupons, those that end last first; archived ones, last, only on request."""
        async with self._pool.acquire() as connection:
            return await store.list_book(connection, archived=archived)

    async def get(self, coupon_id: str) -> StoredCoupon:
        """One coupon.

        Raises:
            NotFound: no such coupon.
        """
        async with self._pool.acquire() as connection:
            return await read(connection, coupon_id)

    async def store_names(self, store_ids: Collection[str]) -> dict[str, dict[str, str]]:
        """Names by language of stores; those nobody defined are absent."""
        async with self._pool.acquire() as connection:
            return await definitions.store_names(connection, store_ids=store_ids)

    async def create(self, draft: CouponDraft, *, actor: str) -> StoredCoupon:
        """Define a coupon.

        Raises:
            BadInput: something that cannot be taken; ``field`` names it.
            Conflict: there is one of that id.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            await _check(connection, draft)
            try:
                async with connection.transaction():
                    await store.insert(connection, draft, now=self._clock.now(), actor=actor)
            except asyncpg.UniqueViolationError as error:
                sentence = f"There is already a coupon {draft.coupon_id}."
                raise Conflict(sentence, code="coupon_exists", field="coupon_id") from error
            await self._audit(connection, "coupon.create", draft.coupon_id, actor, _plain(draft))
            return await read(connection, draft.coupon_id)

    async def save(self, draft: CouponDraft, *, actor: str) -> StoredCoupon:
        """Define a coupon anew. Issues of before keep the last day that they were given.

        Raises:
            NotFound: no such coupon.
            BadInput: something that cannot be taken; ``field`` names it.
            Conflict: it is archived.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            before = await lock(connection, draft.coupon_id)
            _refuse_archived(before)
            await _check(connection, draft)
            old, new = _plain(before.draft), _plain(draft)
            changed = {name: {"from": old[name], "to": value} for name, value in new.items() if value != old[name]}
            if changed:
                await store.update(connection, draft, now=self._clock.now(), actor=actor)
                await self._audit(connection, "coupon.save", draft.coupon_id, actor, changed)
            return await read(connection, draft.coupon_id)

    async def archive(self, coupon_id: str, *, actor: str) -> StoredCoupon:
        """Put a coupon away: nobody gets it any more; those who hold it can use it as before.

        Raises:
            NotFound: no such coupon.
        """
        return await self._put_away(coupon_id, actor, away=True)

    async def restore(self, coupon_id: str, *, actor: str) -> StoredCoupon:
        """Take an archived coupon back.

        Raises:
            NotFound: no such coupon.
        """
        return await self._put_away(coupon_id, actor, away=False)

    async def _put_away(self, coupon_id: str, actor: str, *, away: bool) -> StoredCoupon:
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            stored = await lock(connection, coupon_id)
            if (stored.archived_at is not None) != away:
                archived_at = now if away else None
                await store.set_archived(connection, coupon_id=coupon_id, archived_at=archived_at, now=now, actor=actor)
                action = "coupon.archive" if away else "coupon.restore"
                await self._audit(connection, action, coupon_id, actor, {})
            return await read(connection, coupon_id)

    async def _audit(
        self, connection: Connection, action: str, coupon_id: str, actor: str, detail: Mapping[str, Any]
    ) -> None:
        at, target = self._clock.now(), f"coupon {coupon_id}"
        await access.write_audit(connection, at=at, actor=actor, action=action, target=target, detail=detail)


async def read(connection: Connection, coupon_id: str) -> StoredCoupon:
    """A coupon of the book.

    Raises:
        NotFound: no such coupon; the message names the nearest.
    """
    return await _found(connection, await store.get(connection, coupon_id=coupon_id), coupon_id)


async def lock(connection: Connection, coupon_id: str) -> StoredCoupon:
    """A coupon of the book, held until the transaction ends.

    Raises:
        NotFound: no such coupon; the message names the nearest.
    """
    return await _found(connection, await store.lock(connection, coupon_id=coupon_id), coupon_id)


async def _found(connection: Connection, stored: StoredCoupon | None, coupon_id: str) -> StoredCoupon:
    if stored is None:
        like = nearest(coupon_id, await store.list_ids(connection))
        hint = f"; the nearest: {', '.join(like)}" if like else ""
        raise NotFound(f"There is no coupon {coupon_id}{hint}.", code="coupon_not_found")
    return stored


def _refuse_archived(stored: StoredCoupon) -> None:
    if stored.archived_at is not None:
        raise Conflict("This coupon is archived. Take it back first.", code="coupon_archived")


async def _check(connection: Connection, draft: CouponDraft) -> None:
    for field, sentence in problems(draft).items():
        raise BadInput(sentence, code="bad_coupon", field=field)
    unknown = await store.unknown_stores(connection, store_ids=draft.stores)
    if unknown:
        raise BadInput(f"There is no store {', '.join(unknown[:5])}.", code="store_unknown", field="stores")


def _plain(draft: CouponDraft) -> dict[str, Any]:
    """As the audit log keeps it."""
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(draft).items()}
