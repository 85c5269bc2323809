"""Test sends: now, to one customer's devices, past quiet hours and cap, counted nowhere but in their own record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from backend.errors import BadInput, Conflict, NotFound
from backend.services.campaign_desk.rows import draft_of
from backend.store import campaigns as store
from backend.store import deliveries as delivery_store
from backend.store import shop as shop_store
from campaigns.attribution import TEST_DELIVERY
from campaigns.campaign import Content, Draft
from campaigns.delivery import Accepted, Outcome, PushSender, Refused
from campaigns.dispatch import Candidate, compose
from campaigns.errors import CampaignError
from campaigns.fields import samples
from campaigns.gates import Standing
from campaigns.message import AddressKind, PushMessage
from campaigns.overview import TestOutcome, TestSend
from campaigns.reasons import Label
from campaigns.steps import Send

NOTE = Label(
    "テスト送信です。配信停止時間帯と配信頻度上限を通さず、配信の集計には入りません。会員にない項目には見本の値を使います。",
    "A test send: quiet hours and frequency cap do not apply, and it is counted nowhere. Fields the person lacks show sample values.",
)
_PASSES = Standing(
    customer_id=0, gone=False, consented=True, excluded=False, address_live=True, sent_day=0, sent_week=0
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What to try.

    Attributes:
        device_ids: which of the customer's devices; empty: all that are live.
        variant: of those compared; None: the first.
        step: the place of a step that sends, of a journey; None: the first that does.
    """

    device_ids: tuple[int, ...] = ()
    variant: str | None = None
    step: int | None = None


EVERYTHING = Trial()


async def test_send(
    pool: asyncpg.Pool,
    row: asyncpg.Record,
    *,
    sender: PushSender,
    customer_id: int,
    chosen: Trial,
    now: datetime,
    by: str,
) -> TestSend:
    """Send a campaign to one customer's live devices, or those chosen of them, and keep what became of it.

    Raises:
        NotFound: there is no such customer.
        Conflict: no live device.
        BadInput: the text cannot be filled in.
    """
    async with pool.acquire() as connection:
        devices = await delivery_store.list_live_devices(connection, customer_id=customer_id)
        currency = (await shop_store.read_settings(connection)).currency
    if not devices:
        raise NotFound(f"There is no customer {customer_id}.", code="customer_not_found")
    live = [device for device in devices if device["device_id"] is not None]
    if not live:
        raise Conflict(f"Customer {customer_id} has no live device: open the app there first.", code="no_live_device")
    live = _chosen(live, chosen.device_ids)
    content = _content(draft_of(row), chosen)
    number, expires_at = row["campaign_id"], row["expires_after"] + now
    messages = [_message(device, number, content, now=now, expires_at=expires_at, currency=currency) for device in live]
    outcomes = await sender.send(messages)
    found = tuple(_outcome(device, outcome) for device, outcome in zip(live, outcomes, strict=True))
    await _keep(pool, row["campaign_id"], customer_id, found, by=by, at=now)
    return TestSend(customer_id=customer_id, title=messages[0].title, body=messages[0].body, devices=found, note=NOTE)


def _chosen(live: Sequence[asyncpg.Record], device_ids: Sequence[int]) -> list[asyncpg.Record]:
    numbers = [device["device_id"] for device in live]
    for device_id in device_ids:
        if device_id not in numbers:
            raise NotFound(f"This customer has no live device {device_id}.", code="device_not_found")
    return [device for device in live if not device_ids or device["device_id"] in device_ids]


def _content(draft: Draft, chosen: Trial) -> Content:
    """What a variant, or a step of a journey, sends; by default the first thing that the campaign says."""
    says = [step for step in draft.steps if isinstance(step, Send)]
    if chosen.step is not None:
        says = [step for place, step in enumerate(draft.steps) if place == chosen.step and isinstance(step, Send)]
        if not says:
            raise BadInput(f"Step {chosen.step} sends nothing.", code="no_such_step", field="step")
    variants, content = (says[0].variants, says[0].content) if says else (draft.variants, draft.content)
    if chosen.variant is None:
        return variants[0].content if variants else content
    for one in variants:
        if one.name == chosen.variant:
            return one.content
    raise BadInput(f'There is no variant "{chosen.variant}".', code="no_such_variant", field="variant")


def _message(
    device: asyncpg.Record,
    campaign_id: int,
    content: Content,
    *,
    now: datetime,
    expires_at: datetime,
    currency: str,
) -> PushMessage:
    language = content.language_for(device["language"])
    private = {name: device[name] for name in ("family_name", "given_name") if device[name]}
    candidate = Candidate(
        delivery_id=TEST_DELIVERY,
        standing=_PASSES,
        address=device["address"],
        address_kind=AddressKind(device["address_kind"]),
        language=language,
        values=samples(language) | private,
        expires_at=expires_at,
        platform=device["platform"],
    )
    try:
        return compose(candidate, campaign_id=campaign_id, content=content, now=now, currency=currency)
    except CampaignError as error:
        raise BadInput(error.message, field="content") from error


def _outcome(device: asyncpg.Record, outcome: Outcome) -> TestOutcome:
    if isinstance(outcome, Accepted):
        return TestOutcome(device["device_id"], "accepted", outcome.name)
    kind = str(outcome.kind) if isinstance(outcome, Refused) else "unknown"
    return TestOutcome(device["device_id"], kind, None, outcome.detail)


async def _keep(
    pool: asyncpg.Pool, campaign_id: int, customer_id: int, found: tuple[TestOutcome, ...], *, by: str, at: datetime
) -> None:
    async with pool.acquire() as connection, connection.transaction():
        for one in found:
            await store.record_test_send(
                connection,
                campaign_id=campaign_id,
                customer_id=customer_id,
                device_id=one.device_id,
                outcome=one.outcome,
                message_name=one.message_name,
                by=by,
                at=at,
            )
