"""What steps do to the world outside, for many people at once and inside the caller's transaction.

Everything is written to PostgreSQL and nothing is called: pushes go into the ledger, coupons and traits into the log of events,
webhooks into their outbox. So what a step does and that it was passed are one commit.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec

from backend.errors import Conflict, NotFound
from backend.store import coupons, deliveries, webhooks
from backend.store.pool import Connection
from campaigns.journey import occurrence_of
from campaigns.notices import Notice, NoticeType
from campaigns.steps import Acting, CallWebhook, GiveCoupon, Send, SetTrait
from segments.envelope import Event, event_id_of

HELD_OUT, DONE, NOBODY = "control", "done", "unreachable"
"""What came of a step: she is held out for comparison; it was done; no event of ours would find her."""


def key_of(entry_id: int, lap: int, step: int) -> str:
    """The same for the same step of the same lap of an entry, and never twice."""
    return f"journey-{entry_id}-{lap}-{step}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """A step to be done for somebody.

    Attributes:
        control: she is held out: nothing is done for her, and it is told so.
    """

    entry_id: int
    lap: int
    step: int
    version: int
    customer_id: int
    control: bool

    @property
    def key(self) -> str:
        """See `key_of`."""
        return key_of(self.entry_id, self.lap, self.step)


class PlanSends(Protocol):
    """Plans pushes in the ledger; see `backend.wiring.meetings`."""

    async def __call__(
        self,
        connection: Connection,
        *,
        campaign_id: int,
        version: int,
        step: int,
        people: Sequence[tuple[int, int]],
        at: datetime,
    ) -> Sequence[str]:
        """Plan one step's push for people, each with her occurrence; gives for each what was decided."""
        ...


class GiveCoupons(Protocol):
    """See `backend.services.coupons.gifts.gifts_of`."""

    async def __call__(
        self,
        connection: Connection,
        coupon_id: str,
        *,
        people: Sequence[tuple[str, int]],
        at: datetime,
        campaign_id: int,
    ) -> Mapping[str, Event | None]:
        """The events by which people get a coupon."""
        ...


@dataclass(slots=True)
class Acts:
    """Does steps; what has to go into the log of events is collected in `events`, for the end of the transaction."""

    connection: Connection
    campaign_id: int
    now: datetime
    plan: PlanSends
    give: GiveCoupons
    events: list[Event]

    async def do(self, step: Acting, people: Sequence[Doing]) -> Mapping[str, str]:
        """Do one step for people; gives what came of it by their keys."""
        if isinstance(step, Send):
            return await self._send(people)
        treated = [one for one in people if not one.control]
        match step:
            case GiveCoupon(coupon_id=coupon_id):
                outcomes = await self._give(coupon_id, treated)
            case SetTrait():
                outcomes = await self._set(step, treated)
            case CallWebhook(name=name):
                outcomes = await self._call(name, treated)
        return outcomes | {one.key: HELD_OUT for one in people if one.control}

    async def _send(self, people: Sequence[Doing]) -> dict[str, str]:
        """Who is held out is planned too: the ledger draws by itself and keeps her as its control."""
        groups: dict[tuple[int, int], list[Doing]] = defaultdict(list)
        for one in people:
            groups[one.version, one.step].append(one)
        outcomes: dict[str, str] = {}
        for (version, step), group in groups.items():
            decided = await self.plan(
                self.connection,
                campaign_id=self.campaign_id,
                version=version,
                step=step,
                people=[(one.customer_id, occurrence_of(one.entry_id, one.lap)) for one in group],
                at=self.now,
            )
            outcomes |= {one.key: word for one, word in zip(group, decided, strict=True)}
        return outcomes

    async def _give(self, coupon_id: str, people: Sequence[Doing]) -> dict[str, str]:
        """A coupon that cannot be given any more is no fault of the journey: people go on without it, and it is told why."""
        try:
            given = await self.give(
                self.connection,
                coupon_id,
                people=[(one.key, one.customer_id) for one in people],
                at=self.now,
                campaign_id=self.campaign_id,
            )
        except (Conflict, NotFound) as error:
            return {one.key: error.code for one in people}
        self.events.extend(event for event in given.values() if event is not None)
        return {key: NOBODY if event is None else DONE for key, event in given.items()}

    async def _set(self, step: SetTrait, people: Sequence[Doing]) -> dict[str, str]:
        source_id = await deliveries.system_source(self.connection)
        ids = await coupons.ids_of(self.connection, customer_ids={one.customer_id for one in people})
        outcomes = {}
        for one in people:
            user_id, anonymous_id = ids.get(one.customer_id, (None, None))
            if user_id is None and anonymous_id is None:
                outcomes[one.key] = NOBODY
                continue
            traits = {step.trait: step.value}
            self.events.append(_identify(source_id, one.key, (user_id, anonymous_id), traits, self.now))
            outcomes[one.key] = DONE
        return outcomes

    async def _call(self, name: str, people: Sequence[Doing]) -> dict[str, str]:
        wanted = bool(people) and await webhooks.is_wanted(self.connection, str(NoticeType.JOURNEY_STEP))
        for one in people if wanted else ():
            data = {
                "campaign_id": self.campaign_id,
                "customer_id": one.customer_id,
                "entry_id": one.entry_id,
                "name": name,
                "step": one.step + 1,
                "key": one.key,
            }
            await webhooks.publish(self.connection, Notice(NoticeType.JOURNEY_STEP, self.now, data))
        return {one.key: DONE if wanted else "nobody_listens" for one in people}


def _identify(
    source_id: int,
    key: str,
    ids: tuple[str | None, str | None],
    traits: Mapping[str, object],
    at: datetime,
) -> Event:
    """What the shop's own server would say of a trait."""
    user_id, anonymous_id = ids
    alone = None if user_id else anonymous_id
    payload = {
        "type": "identify",
        "messageId": f"trait-{key}",
        "userId": user_id,
        "anonymousId": alone,
        "timestamp": at.isoformat(),
        "traits": dict(traits),
    }
    return Event(
        event_id=event_id_of(source_id, f"trait-{key}"),
        source_id=source_id,
        trusted=True,
        message_id=f"trait-{key}",
        type="identify",
        user_id=user_id,
        anonymous_id=alone,
        occurred_at=at,
        original_at=at,
        time_rule="internal",
        payload=msgspec.Raw(msgspec.json.encode(payload)),
    )
