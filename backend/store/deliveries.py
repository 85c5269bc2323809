"""The send ledger: one row a device, fenced by the attempt that holds it.

``planned → claimed (lease, attempt) → sending (committed before the call) → accepted | rejected | unknown``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

import asyncpg

from backend.store import queries
from backend.store.pool import Connection
from campaigns.campaign import State
from campaigns.dispatch import Candidate, Stop
from campaigns.gates import Reason, Standing
from campaigns.message import AddressKind
from campaigns.retry import MOST_ATTEMPTS, DeliveryState, Resolution

_SQL = queries.load("deliveries")


async def read_audience(
    connection: Connection, *, customer_ids: Sequence[int], now: datetime, permission_is_consent: bool
) -> list[asyncpg.Record]:
    """What the gates need of each member that is still there; in no order."""
    return _rows(await connection.fetch(_SQL["read_audience"], customer_ids, now, permission_is_consent))


async def read_names(connection: Connection, *, customer_ids: Sequence[int]) -> list[asyncpg.Record]:
    """Language and names of some customers, for previews."""
    return _rows(await connection.fetch(_SQL["read_names"], customer_ids))


async def plan(
    connection: Connection, *, campaign_id: int, not_before: datetime, expires_at: datetime, now: datetime
) -> None:
    """One planned row for each live device of each treated person of the campaign."""
    await connection.execute(_SQL["plan_deliveries"], campaign_id, not_before, expires_at, now)


async def claim(
    connection: Connection, *, campaign_id: int, limit: int, attempt_id: UUID, now: datetime, leased_until: datetime
) -> list[asyncpg.Record]:
    """Take due rows under a lease."""
    return _rows(await connection.fetch(_SQL["claim"], campaign_id, now, limit, attempt_id, leased_until))


async def lock_people(connection: Connection, *, customer_ids: Sequence[int]) -> None:
    """Hold people still until the transaction ends, so that two campaigns cannot both be under the cap."""
    await connection.fetch(_SQL["lock_people"], sorted(set(customer_ids)))


async def read_standing(
    connection: Connection, *, delivery_ids: Sequence[int], now: datetime, permission_is_consent: bool
) -> list["Claimed"]:
    """What the last check and the text need, one row a delivery, by number."""
    rows = _rows(await connection.fetch(_SQL["read_standing"], delivery_ids, now, permission_is_consent))
    return [_claimed(row) for row in rows]


def _claimed(row: asyncpg.Record) -> "Claimed":
    standing = Standing(
        **{name: row[name] for name in ("gone", "consented", "excluded", "address_live", "sent_day", "sent_week")}
    )
    candidate = Candidate(
        delivery_id=row["delivery_id"],
        standing=standing,
        address=row["address"],
        address_kind=AddressKind(row["address_kind"]),
        language=row["language"],
        values={**row["merge_fields"], "family_name": row["family_name"], "given_name": row["given_name"]},
        expires_at=row["expires_at"],
    )
    return Claimed(
        delivery_id=row["delivery_id"], device_id=row["device_id"], attempts=row["attempts"], candidate=candidate
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One claimed row: whose device, tries so far, and everything the last check needs."""

    delivery_id: int
    device_id: int
    attempts: int
    candidate: Candidate


@dataclass(frozen=True, slots=True)
class PutBack:
    """A claimed row that is not sent now: left out with a reason, expired, or planned for ``not_before``."""

    delivery_id: int
    state: DeliveryState
    reason: Reason | str | None = None
    not_before: datetime | None = None


def put_back_for(delivery_id: int, stop: Stop) -> PutBack:
    """What a stopped delivery becomes: planned for later, expired, or left out for good."""
    if stop.not_before is not None:
        return PutBack(delivery_id, DeliveryState.PLANNED, stop.reason, stop.not_before)
    state = DeliveryState.EXPIRED if stop.reason is Reason.EXPIRY else DeliveryState.LEFT_OUT
    return PutBack(delivery_id, state, stop.reason)


async def put_back(connection: Connection, rows: Sequence[PutBack], *, attempt_id: UUID, now: datetime) -> None:
    """Let go of claimed rows."""
    await connection.execute(
        _SQL["put_back"],
        [row.delivery_id for row in rows],
        [str(row.state) for row in rows],
        [None if row.reason is None else str(row.reason) for row in rows],
        [row.not_before for row in rows],
        attempt_id,
        now,
    )


async def mark_sending(
    connection: Connection, *, delivery_ids: Sequence[int], attempt_id: UUID, now: datetime, leased_until: datetime
) -> set[int]:
    """Mark what may be sent; gives the rows that this attempt still held. Only these may go out after the commit."""
    marked = await connection.fetch(_SQL["mark_sending"], delivery_ids, attempt_id, now, leased_until)
    return {row[0] for row in marked}


async def record_outcomes(
    connection: Connection,
    resolutions: dict[int, Resolution],
    *,
    attempt_id: UUID,
    campaign_state: State,
    now: datetime,
) -> set[int]:
    """Write what became of sends, by delivery; gives the rows that were still this attempt's."""
    found = list(resolutions.values())
    recorded = await connection.fetch(
        _SQL["record_outcomes"],
        list(resolutions),
        [str(one.state) for one in found],
        [one.error_code for one in found],
        [one.message_name for one in found],
        [one.not_before for one in found],
        [one.maybe_sent for one in found],
        attempt_id,
        now,
        str(campaign_state),
    )
    return {row[0] for row in recorded}


async def recover(connection: Connection, *, now: datetime, surely_again_at: datetime) -> tuple[int, list[int]]:
    """Take over from workers that vanished: how many go back to planned, and the campaigns of those that were sending."""
    status = await connection.execute(_SQL["recover_claimed"], now)
    lost = await connection.fetch(_SQL["recover_sending"], now, MOST_ATTEMPTS, surely_again_at)
    return int(status.rsplit(" ", 1)[1]), [row[0] for row in lost]


async def expire(connection: Connection, *, campaign_id: int, now: datetime) -> None:
    """End what waited too long."""
    await connection.execute(_SQL["expire"], campaign_id, now)


async def cancel_rest(connection: Connection, *, campaign_id: int, now: datetime) -> None:
    """End everything that is not on its way."""
    await connection.execute(_SQL["cancel_rest"], campaign_id, now)


async def has_work_left(connection: Connection, *, campaign_id: int) -> bool:
    """Whether anything of the campaign waits or is on its way."""
    return bool(await connection.fetchval(_SQL["has_work_left"], campaign_id))


async def retire_device(
    connection: Connection, *, device_id: int, address: str, now: datetime
) -> asyncpg.Record | None:
    """Never send to this address again, and have the customer's facts made anew; None if it is another one by now."""
    device = await connection.fetchrow(_SQL["retire_device"], device_id, address, now)
    if device is not None:
        await connection.execute(_SQL["touch_customer"], device["customer_id"], now)
    return device


async def system_source(connection: Connection) -> int:
    """The source of facts that Joren itself observes."""
    return cast("int", await connection.fetchval(_SQL["system_source"]))


async def read_hold(connection: Connection, *, now: datetime) -> datetime | None:
    """Until when FCM wants no sends at all; None when it does not mind."""
    return cast("datetime | None", await connection.fetchval(_SQL["read_hold"], now))


async def extend_hold(connection: Connection, *, until: datetime) -> None:
    """Let no worker send before ``until``."""
    await connection.execute(_SQL["extend_hold"], until)


async def list_live_devices(connection: Connection, *, customer_id: int) -> list[asyncpg.Record]:
    """A customer's live devices with names and language; one row without device when there is none."""
    return _rows(await connection.fetch(_SQL["list_live_devices"], customer_id))


def _rows(records: object) -> list[asyncpg.Record]:
    return cast("list[asyncpg.Record]", records)
