"""The send ledger: people who wait to be claimed, and under them a row a device, fenced by the attempt that holds it.

A person: ``planned → handed | left_out | expired | cancelled``. A device: ``sending`` (committed before the call, under a lease) ``→
accepted | rejected | unknown``, or ``planned`` anew.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

import asyncpg
import msgspec

from backend.store import queries
from backend.store.pool import Connection
from campaigns.campaign import State
from campaigns.dispatch import Candidate, Stop
from campaigns.gates import Standing
from campaigns.message import AddressKind
from campaigns.reasons import Reason
from campaigns.retry import MOST_ATTEMPTS, DeliveryState, Resolution
from campaigns.terms import ConsentRule, SendingRules, Terms

_SQL = queries.load("deliveries")

_LOCKS = 2**31
"""Of people's locks: two whose numbers differ by this much share one, and merely wait for each other."""


async def read_names(connection: Connection, *, customer_ids: Sequence[int]) -> list[asyncpg.Record]:
    """Language and names of some customers, for previews."""
    return _rows(await connection.fetch(_SQL["read_names"], customer_ids))


async def claim_people(connection: Connection, *, campaign_id: int, limit: int, now: datetime) -> list[asyncpg.Record]:
    """Take people who are due; they are handed over when the transaction ends, unless `stop` says otherwise."""
    return await _claim(connection, campaign_id, limit, now, rest=False, winner=None)


async def claim_rest(
    connection: Connection, *, campaign_id: int, limit: int, now: datetime, winner: str | None
) -> list[asyncpg.Record]:
    """Take people who waited for the decision of a test: each gets ``winner``; None: the variant of her own draw."""
    return await _claim(connection, campaign_id, limit, now, rest=True, winner=winner)


async def _claim(
    connection: Connection, campaign_id: int, limit: int, now: datetime, *, rest: bool, winner: str | None
) -> list[asyncpg.Record]:
    return _rows(await connection.fetch(_SQL["claim_people"], campaign_id, now, limit, rest, winner))


async def claim_again(connection: Connection, *, campaign_id: int, limit: int, now: datetime) -> list[asyncpg.Record]:
    """Take devices whose next try is due."""
    return _rows(await connection.fetch(_SQL["claim_again"], campaign_id, now, limit))


async def lock_people(connection: Connection, *, customer_ids: Iterable[int]) -> None:
    """Let nobody else claim these people until the transaction ends, so that two campaigns cannot both be under the cap."""
    await connection.execute(_SQL["lock_people"], sorted({number % _LOCKS for number in customer_ids}))


class Claimed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One device of a claimed person with everything the last check and the text need; without ``device_id`` none can be sent to.

    Attributes:
        again: whether it is another try of a row that is there already.
        attempts: tries so far.
        weight: the class it counts in for the cap.
    """

    customer_id: int
    occurrence: int
    step: int
    version: int
    variant: str | None
    device_id: int | None
    again: bool
    attempts: int
    weight: int
    candidate: Candidate

    @property
    def delivery_id(self) -> int:
        """The number of the device row."""
        return self.candidate.delivery_id

    @property
    def person(self) -> tuple[int, int, int]:
        """Customer, occurrence and step: whose row it is."""
        return self.customer_id, self.occurrence, self.step


async def read_standing(
    connection: Connection,
    claimed: Sequence[asyncpg.Record],
    *,
    campaign_id: int,
    now: datetime,
    rules: SendingRules,
    terms: Terms,
    all_devices: bool,
) -> list[Claimed]:
    """What the last check and the text need of claimed rows, one a device."""
    rows = await connection.fetch(
        _SQL["read_standing"],
        *([row[name] for row in claimed] for name in ("customer_id", "occurrence", "step", "device_id", "delivery_id")),
        now,
        consent_without_word(rules, terms),
        all_devices,
        terms.counts_from,
        campaign_id,
        purpose(terms),
    )
    return [_claimed(row, claimed[row["place"] - 1], weight=terms.weight) for row in rows]


def _claimed(row: asyncpg.Record, held: asyncpg.Record, *, weight: int) -> Claimed:
    there = row["device_id"] is not None
    standing = Standing(address_live=there, **{name: row[name] for name in STANDING})
    candidate = Candidate(
        delivery_id=held["delivery_id"] or row["delivery_id"] or 0,
        standing=standing,
        address=row["address"] or "",
        address_kind=AddressKind(row["address_kind"]) if there else AddressKind.TOKEN,
        language=row["language"],
        values={**held["merge_fields"], "family_name": row["family_name"], "given_name": row["given_name"]},
        expires_at=held["expires_at"],
        platform=row["platform"],
        occurrence=held["occurrence"],
        step=held["step"],
    )
    return Claimed(
        customer_id=held["customer_id"],
        occurrence=held["occurrence"],
        step=held["step"],
        version=held["version"],
        variant=held["variant"],
        device_id=held["device_id"] or row["device_id"],
        again=held["delivery_id"] is not None,
        attempts=held["attempts"],
        weight=weight,
        candidate=candidate,
    )


STANDING = ("customer_id", "gone", "consented", "excluded", "sent_day", "sent_week", "zone")
"""What of a standing has the same name in statements."""


def purpose(terms: Terms) -> str:
    """What a person consents to: the purpose as consents are kept."""
    return "marketing" if terms.capped else "service"


def consent_without_word(rules: SendingRules, terms: Terms) -> bool:
    """Whether a person who never said anything counts as consenting: always to notices, to marketing as the shop decided."""
    return not terms.capped or rules.consent_rule is ConsentRule.PERMISSION


async def hand_over(
    connection: Connection,
    claimed: Sequence[Claimed],
    *,
    going: int,
    campaign_id: int,
    attempt_id: UUID,
    now: datetime,
    leased_until: datetime,
) -> set[int]:
    """Device rows of claimed people, the first ``going`` of them marked as sending. Gives those: only they may go out, after the commit."""
    rows = await connection.fetch(
        _SQL["hand_over"],
        [one.delivery_id for one in claimed],
        [one.customer_id for one in claimed],
        [one.occurrence for one in claimed],
        [one.step for one in claimed],
        [one.device_id for one in claimed],
        [one.candidate.expires_at for one in claimed],
        [place < going for place in range(len(claimed))],
        [one.weight for one in claimed],
        campaign_id,
        attempt_id,
        now,
        leased_until,
    )
    return {row[0] for row in rows}


async def mark_again(
    connection: Connection,
    claimed: Sequence[Claimed],
    *,
    campaign_id: int,
    attempt_id: UUID,
    now: datetime,
    leased_until: datetime,
) -> set[int]:
    """Mark devices that are tried again as sending; gives them."""
    ids = [one.delivery_id for one in claimed]
    rows = await connection.fetch(_SQL["mark_again"], ids, attempt_id, campaign_id, now, leased_until)
    return {row[0] for row in rows}


async def stop(
    connection: Connection, stopped: Sequence[tuple[Claimed, Stop]], *, campaign_id: int, now: datetime
) -> None:
    """Let go of what is not sent now: left out with a reason, expired, or planned for later."""
    people = [(one, stop) for one, stop in stopped if not one.again]
    devices = [(one, stop) for one, stop in stopped if one.again]
    if people:
        keys = [[one.person[place] for one, _ in people] for place in range(3)]
        await connection.execute(_SQL["stop_people"], *keys, *_words(people), campaign_id, now)
    if devices:
        ids = [one.delivery_id for one, _ in devices]
        await connection.execute(_SQL["stop_again"], ids, *_words(devices), now)


def _words(stopped: Sequence[tuple[Claimed, Stop]]) -> tuple[list[str], list[str], list[datetime | None]]:
    stops = [stop for _, stop in stopped]
    return (
        [str(_state(stop)) for stop in stops],
        [str(stop.reason) for stop in stops],
        [stop.not_before for stop in stops],
    )


def _state(stop: Stop) -> DeliveryState:
    if stop.not_before is not None:
        return DeliveryState.PLANNED
    return DeliveryState.EXPIRED if stop.reason is Reason.EXPIRY else DeliveryState.LEFT_OUT


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


async def recover(connection: Connection, *, now: datetime, surely_again_at: datetime) -> list[int]:
    """Take over from workers that vanished: the campaign of each row that was sending."""
    lost = await connection.fetch(_SQL["recover"], now, MOST_ATTEMPTS, surely_again_at)
    return [row[0] for row in lost]


async def expire(connection: Connection, *, campaign_id: int, now: datetime) -> None:
    """End what waited too long."""
    await connection.execute(_SQL["expire_people"], campaign_id, now)
    await connection.execute(_SQL["expire_devices"], campaign_id, now)


async def cancel_rest(connection: Connection, *, campaign_id: int, now: datetime) -> None:
    """End everything that is not on its way."""
    await connection.execute(_SQL["cancel_people"], campaign_id, now)
    await connection.execute(_SQL["cancel_devices"], campaign_id, now)


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
