"""The desk itself: what a person can do with campaigns, checked, audited, one transaction each."""

import secrets
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from backend.clock import Clock
from backend.errors import BadInput, Conflict
from backend.services.campaign_desk import approvals, dry_runs, moves, reports, trials
from backend.services.campaign_desk.naming import ROOM, free_name
from backend.services.campaign_desk.rows import detail_of, draft_of, read, summary_of
from backend.services.campaign_desk.trials import EVERYTHING, Trial
from backend.store import campaign_drafts as drafts
from backend.store import campaign_progress as progress_store
from backend.store import campaigns as store
from backend.store import deliveries as delivery_store
from backend.store import shop as shop_store
from backend.store import waiting_launches
from campaigns.audience import Audiences
from campaigns.campaign import Action, Draft, State
from campaigns.definition import from_json
from campaigns.delivery import PushSender
from campaigns.dry_run import DryRun
from campaigns.figures import CampaignReport
from campaigns.overview import CampaignDetail, CampaignSummary, CampaignVersion, Progress, TestSend
from campaigns.states import ENDED

LAUNCHES = 5
"""Launches that are listed of a campaign that repeats."""


class CampaignDesk:
    """What a person can do with campaigns. Every change is audited under the name in ``by``.

    Raises throughout: NotFound for an unknown campaign, Conflict where its state or revision does not allow the
    action, BadInput (with ``field``) where a draft does not stand.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Clock,
        *,
        audiences: Audiences,
        facts: reports.Facts,
        rehearsals: dry_runs.Rehearsals,
        sender: PushSender,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._audiences = audiences
        self._facts = facts
        self._rehearsals = rehearsals
        self._sender = sender

    async def list(
        self, *, archived: bool = False, words: str = "", state: str = "", kind: str = "", tag: str | None = None
    ) -> tuple[CampaignSummary, ...]:
        """Campaigns, the last changed first: those on the list or those taken off it, narrowed as `CampaignSummary.fits` says."""
        async with self._pool.acquire() as connection:
            every = [summary_of(row) for row in await store.list_all(connection)]
        asked = {"words": words, "state": state, "kind": kind, "tag": tag or ""}
        return tuple(each for each in every if each.archived is archived and each.fits(**asked))

    async def get(self, campaign_id: int) -> CampaignDetail:
        """One campaign."""
        async with self._pool.acquire() as connection:
            row = await read(connection, campaign_id)
            waiting = await waiting_launches.list_waiting(connection, campaign_id=campaign_id) if row["waiting"] else ()
        return replace(detail_of(row), waiting=waiting)

    async def versions(self, campaign_id: int) -> tuple[CampaignVersion, ...]:
        """Its published versions, the first one first."""
        async with self._pool.acquire() as connection:
            await read(connection, campaign_id)
            return tuple(await drafts.list_versions(connection, campaign_id=campaign_id))

    async def is_named(self, name: str, *, besides: int | None = None) -> bool:
        """Whether a campaign has this name, another one than ``besides``."""
        async with self._pool.acquire() as connection:
            if name not in await drafts.list_names(connection, beginning=name):
                return False
            return besides is None or (await read(connection, besides))["name"] != name

    async def create(self, draft: Draft, *, by: str) -> CampaignDetail:
        """Keep a new draft."""
        moves.check(draft)
        return await self._create(draft, by=by)

    async def copy(self, campaign_id: int, *, name: str | None = None, by: str) -> CampaignDetail:
        """A new draft that says the same, not scheduled; called ``name``, or as the first with a number behind it."""
        draft = replace(detail_of(await self._row(campaign_id)).draft, scheduled_at=None)
        if name is None:
            async with self._pool.acquire() as connection:
                name = free_name(draft.name, await drafts.list_names(connection, beginning=draft.name[:ROOM]))
        copied = replace(draft, name=name)
        moves.check(copied)
        return await self._create(copied, by=by, copied_from=campaign_id)

    async def _create(self, draft: Draft, *, by: str, **detail: Any) -> CampaignDetail:
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            await moves.check_segments(connection, draft)
            with moves.unique_name(draft):
                number = await drafts.insert(connection, draft, salt=secrets.token_hex(16), now=now, by=by)
            await moves.audit(connection, "create", number, by=by, now=now, name=draft.name, **detail)
        return await self.get(number)

    async def edit(self, campaign_id: int, draft: Draft, *, revision: int, by: str) -> CampaignDetail:
        """Replace the draft that ``revision`` names; one that was scheduled or waits for approval becomes a draft again."""
        moves.check(draft)
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            state = await moves.move(connection, campaign_id, Action.EDIT, revision=revision)
            await moves.check_segments(connection, draft)
            with moves.unique_name(draft):
                await drafts.update(connection, draft, campaign_id=campaign_id, state=state, now=now, by=by)
            await moves.audit(connection, "edit", campaign_id, by=by, now=now, revision=revision)
        return await self.get(campaign_id)

    async def publish(self, campaign_id: int, draft: Draft, *, revision: int, by: str) -> CampaignDetail:
        """Put a new version of a running campaign in force: for whom it begins from now on.

        Above the shop's audience size it waits for a second person, and the one in force goes on.
        """
        moves.check(draft)
        row, audience = await self._row(campaign_id), await self._too_many(draft)
        async with self._pool.acquire() as connection, connection.transaction():
            await approvals.publish(
                connection, row, draft, revision=revision, audience=audience, by=by, now=self._clock.now()
            )
        return await self.get(campaign_id)

    async def schedule(self, campaign_id: int, *, at: datetime, revision: int, by: str) -> CampaignDetail:
        """Launch at ``at``, an aware moment; one that has passed means as soon as a worker is free.

        Above the shop's audience size it waits for a second person's approval first.
        """
        if at.tzinfo is None:
            raise BadInput("The time needs a time zone, such as 2026-11-22T10:00+09:00.", field="scheduled_at")
        audience = await self._too_many(draft_of(await self._row(campaign_id)))
        async with self._pool.acquire() as connection, connection.transaction():
            await approvals.schedule(
                connection, campaign_id, at=at, revision=revision, audience=audience, by=by, now=self._clock.now()
            )
        return await self.get(campaign_id)

    async def send_now(self, campaign_id: int, *, revision: int, by: str) -> CampaignDetail:
        """Launch as soon as a worker is free."""
        return await self.schedule(campaign_id, at=self._clock.now(), revision=revision, by=by)

    async def approve(
        self, campaign_id: int, *, by: str, comment: str = "", revision: int | None = None
    ) -> CampaignDetail:
        """A second person's yes: to a campaign that waits, or to the new version of one that runs.

        ``revision`` is the one that was looked at; None approves what stands there now.
        """
        row = await self._row(campaign_id)
        looked_at = row["revision"] if revision is None else revision
        audience = None if row["proposal"] is None else await self._too_many(from_json(row["proposal"]))
        async with self._pool.acquire() as connection, connection.transaction():
            await approvals.approve(
                connection, row, revision=looked_at, audience=audience, comment=comment, by=by, now=self._clock.now()
            )
        return await self.get(campaign_id)

    async def approve_launch(self, campaign_id: int, occurrence: int, *, by: str, comment: str = "") -> CampaignDetail:
        """A second person's yes to a launch that waits: it goes out within seconds, to the people of then."""
        row = await self._row(campaign_id)
        async with self._pool.acquire() as connection, connection.transaction():
            await approvals.approve_launch(
                connection, row, occurrence=occurrence, comment=comment, by=by, now=self._clock.now()
            )
        return await self.get(campaign_id)

    async def reject_launch(self, campaign_id: int, occurrence: int, *, by: str, comment: str) -> CampaignDetail:
        """A no to a launch that waits, with why: it is passed over, the others go on."""
        row = await self._row(campaign_id)
        async with self._pool.acquire() as connection, connection.transaction():
            await approvals.reject_launch(
                connection, row, occurrence=occurrence, comment=comment, by=by, now=self._clock.now()
            )
        return await self.get(campaign_id)

    async def reject(self, campaign_id: int, *, by: str, comment: str) -> CampaignDetail:
        """A no, with why; anybody's, also the author's own."""
        row = await self._row(campaign_id)
        async with self._pool.acquire() as connection, connection.transaction():
            await approvals.reject(connection, row, comment=comment, by=by, now=self._clock.now())
        return await self.get(campaign_id)

    async def archive(self, campaign_id: int, *, by: str) -> CampaignDetail:
        """Take a campaign that is a draft or has ended off the list; its figures stay."""
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            state = await moves.hold(connection, campaign_id)
            if state not in {*ENDED, State.DRAFT}:
                raise Conflict(f"A campaign that is {state} stays on the list.", code="wrong_state")
            await drafts.set_archived(connection, campaign_id=campaign_id, at=now, now=now)
            await moves.audit(connection, "archive", campaign_id, by=by, now=now)
        return await self.get(campaign_id)

    async def restore(self, campaign_id: int, *, by: str) -> CampaignDetail:
        """Put an archived campaign on the list again."""
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            await moves.hold(connection, campaign_id)
            await drafts.set_archived(connection, campaign_id=campaign_id, at=None, now=now)
            await moves.audit(connection, "restore", campaign_id, by=by, now=now)
        return await self.get(campaign_id)

    async def dry_run(self, campaign_id: int) -> DryRun:
        """What a launch now would do; nothing is stored."""
        row = await self._row(campaign_id)
        return await dry_runs.dry_run(
            self._pool, row, audiences=self._audiences, rehearsals=self._rehearsals, now=self._clock.now()
        )

    async def too_many(self, campaign_id: int) -> int | None:
        """People it is for, where these are more than one person decides about alone; None where they are not."""
        return await self._too_many(draft_of(await self._row(campaign_id)))

    async def pause(self, campaign_id: int, *, by: str) -> CampaignDetail:
        """Stop sending; what is on its way stays on its way."""
        return await self._change(campaign_id, Action.PAUSE, by=by, paused_reason="person")

    async def resume(self, campaign_id: int, *, by: str) -> CampaignDetail:
        """Go on sending."""
        return await self._change(campaign_id, Action.RESUME, by=by)

    async def cancel(self, campaign_id: int, *, by: str) -> CampaignDetail:
        """Stop for good; who has not been sent it never will be."""
        return await self._change(campaign_id, Action.CANCEL, by=by)

    async def test_send(self, campaign_id: int, *, customer_id: int, by: str, chosen: Trial = EVERYTHING) -> TestSend:
        """Send it now to one customer's live devices, or those chosen of them, past quiet hours and cap."""
        row, now = await self._row(campaign_id), self._clock.now()
        return await trials.test_send(
            self._pool, row, sender=self._sender, customer_id=customer_id, chosen=chosen, now=now, by=by
        )

    async def progress(self, campaign_id: int) -> Progress:
        """How far one that repeats has come."""
        async with self._pool.acquire() as connection:
            await read(connection, campaign_id)
            zone = ZoneInfo((await shop_store.read_settings(connection)).zone)
            midnight = self._clock.now().astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
            return await progress_store.read(connection, campaign_id=campaign_id, since=midnight, last=LAUNCHES)

    async def report(self, campaign_id: int) -> CampaignReport:
        """Its figures."""
        return await reports.report(self._pool, await self._row(campaign_id), facts=self._facts)

    async def _row(self, campaign_id: int) -> asyncpg.Record:
        async with self._pool.acquire() as connection:
            return await read(connection, campaign_id)

    async def _change(
        self, campaign_id: int, action: Action, *, by: str, paused_reason: str | None = None
    ) -> CampaignDetail:
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            state = await moves.move(connection, campaign_id, action)
            await store.set_state(
                connection, campaign_id=campaign_id, state=state, now=now, paused_reason=paused_reason
            )
            if action is Action.CANCEL:
                await delivery_store.cancel_rest(connection, campaign_id=campaign_id, now=now)
            await moves.audit(connection, str(action), campaign_id, by=by, now=now)
        return await self.get(campaign_id)

    async def _too_many(self, draft: Draft) -> int | None:
        """People it is for, where these are more than one person decides about alone; None where they are not."""
        async with self._pool.acquire() as connection:
            above = (await shop_store.read_settings(connection)).approval_above
            if not above:
                return None
            if draft.segment_id is None:
                people = await drafts.count_everyone(connection, most=above + 1)
                return people if people > above else None
        people = (await self._audiences.members(draft.segment_id, columns=())).frame.height
        return people if people > above else None
