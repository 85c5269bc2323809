"""The second person: which campaigns wait for one, who it can be, and what her word does.

Functions of one transaction each; the desk opens it.
"""

from datetime import datetime

import asyncpg

from backend.errors import BadInput, Conflict
from backend.services.campaign_desk import moves
from backend.services.campaign_desk.rows import draft_of
from backend.store import campaign_drafts as drafts
from backend.store import campaigns as store
from backend.store import jobs, waiting_launches
from backend.store.pool import Connection
from campaigns.campaign import Action, Draft, State, check_new_version, next_state
from campaigns.definition import from_json

LAUNCH_JOB = "launch_campaign"
LONGEST_COMMENT = 1000


async def schedule(
    connection: Connection,
    campaign_id: int,
    *,
    at: datetime,
    revision: int,
    audience: int | None,
    by: str,
    now: datetime,
) -> None:
    """Schedule a campaign, or have it wait for a second person.

    Args:
        connection: in a transaction.
        campaign_id: which.
        at: when to launch.
        revision: the one that was looked at.
        audience: people it is for, where these are too many for one person to decide alone; None where they are not.
        by: who asks for it.
        now: this moment.
    """
    before = await moves.hold(connection, campaign_id, revision=revision)
    row = await store.get(connection, campaign_id=campaign_id)
    approved = before is State.SCHEDULED and row is not None and row["reviewed_by"] is not None
    if audience is not None and not approved:
        await moves.move(connection, campaign_id, Action.SUBMIT)
        await drafts.submit(connection, campaign_id=campaign_id, at=at, by=by, audience=audience, now=now)
        await moves.audit(connection, "submit", campaign_id, by=by, now=now, at=at.isoformat(), audience=audience)
        return
    await moves.move(connection, campaign_id, Action.SCHEDULE)
    await store.set_schedule(connection, campaign_id=campaign_id, at=at, now=now)
    await _launch_soon(connection, campaign_id, at=at, now=now)
    await moves.audit(connection, "schedule", campaign_id, by=by, now=now, at=at.isoformat())


async def approve(
    connection: Connection,
    row: asyncpg.Record,
    *,
    revision: int,
    audience: int | None,
    comment: str,
    by: str,
    now: datetime,
) -> None:
    """A second person's yes: to a campaign that waits, or to the new version of one that runs (``audience`` as in `schedule`).

    Raises:
        Conflict: the person is the one who wrote or submitted it, nothing waits, or it was changed since ``revision``.
    """
    _check_comment(comment)
    campaign_id, before = row["campaign_id"], await moves.hold(connection, row["campaign_id"], revision=revision)
    if row["proposal"] is not None:
        with moves.explained():
            next_state(before, Action.PUBLISH)
        _check_second(by, row["proposed_by"])
        draft = from_json(row["proposal"])
        await moves.check_segments(connection, draft)
        await drafts.review(
            connection, campaign_id=campaign_id, before=before, state=before, by=by, comment=comment, now=now
        )
        await _put_in_force(connection, draft, campaign_id=campaign_id, by=row["proposed_by"], now=now)
        if audience is not None:
            await waiting_launches.set_approved_for(
                connection, campaign_id=campaign_id, people=audience, by=by, comment=comment, now=now
            )
    else:
        after = await moves.move(connection, campaign_id, Action.APPROVE)
        _check_second(by, row["edited_by"], row["submitted_by"])
        await drafts.review(
            connection, campaign_id=campaign_id, before=before, state=after, by=by, comment=comment, now=now
        )
        await _launch_soon(connection, campaign_id, at=row["scheduled_at"], now=now)
    await moves.audit(connection, "approve", campaign_id, by=by, now=now, comment=comment)


async def approve_launch(
    connection: Connection, row: asyncpg.Record, *, occurrence: int, comment: str, by: str, now: datetime
) -> None:
    """A second person's yes to one launch of a campaign that repeats, and to so many people at later ones.

    Raises:
        Conflict: the person is the one who wrote or submitted it, or it does not wait (any more).
    """
    _check_comment(comment)
    campaign_id = row["campaign_id"]
    await moves.hold(connection, campaign_id)
    _check_second(by, row["edited_by"], row["submitted_by"])
    people = await waiting_launches.approve(
        connection, campaign_id=campaign_id, occurrence=occurrence, by=by, comment=comment, now=now
    )
    _check_waits(people)
    said = {"occurrence": occurrence, "people": people, "comment": comment}
    await moves.audit(connection, "approve_launch", campaign_id, by=by, now=now, **said)


async def reject_launch(
    connection: Connection, row: asyncpg.Record, *, occurrence: int, comment: str, by: str, now: datetime
) -> None:
    """A no to one launch: it is passed over, the others go on.

    Raises:
        BadInput: without a comment.
        Conflict: it does not wait (any more).
    """
    _check_why(comment)
    await moves.hold(connection, row["campaign_id"])
    people = await waiting_launches.drop(connection, campaign_id=row["campaign_id"], occurrence=occurrence)
    _check_waits(people)
    said = {"occurrence": occurrence, "people": people, "comment": comment}
    await moves.audit(connection, "reject_launch", row["campaign_id"], by=by, now=now, **said)


async def reject(connection: Connection, row: asyncpg.Record, *, comment: str, by: str, now: datetime) -> None:
    """A no, with why: back to draft, or away with the new version of one that runs.

    Raises:
        BadInput: without a comment.
        Conflict: nothing waits.
    """
    _check_why(comment)
    campaign_id, before = row["campaign_id"], await moves.hold(connection, row["campaign_id"], revision=row["revision"])
    waits = row["proposal"] is not None
    after = before if waits else await moves.move(connection, campaign_id, Action.REJECT)
    await drafts.review(
        connection, campaign_id=campaign_id, before=before, state=after, by=by, comment=comment, now=now
    )
    await moves.audit(connection, "reject", campaign_id, by=by, now=now, comment=comment)


async def publish(
    connection: Connection,
    row: asyncpg.Record,
    draft: Draft,
    *,
    revision: int,
    audience: int | None,
    by: str,
    now: datetime,
) -> None:
    """Put a new version of a running campaign in force, or have it wait for a second person (``audience`` as in `schedule`).

    Raises:
        BadInput: it changes what the campaign's figures are counted by.
        Conflict: the campaign does not run.
    """
    campaign_id = row["campaign_id"]
    await moves.move(connection, campaign_id, Action.PUBLISH, revision=revision)
    with moves.explained():
        check_new_version(draft_of(row), draft)
    await moves.check_segments(connection, draft)
    if audience is not None:
        await drafts.propose(connection, draft, campaign_id=campaign_id, by=by, now=now)
        await moves.audit(connection, "propose", campaign_id, by=by, now=now, audience=audience)
        return
    version = await _put_in_force(connection, draft, campaign_id=campaign_id, by=by, now=now)
    await moves.audit(connection, "publish", campaign_id, by=by, now=now, version=version)


async def _put_in_force(connection: Connection, draft: Draft, *, campaign_id: int, by: str, now: datetime) -> int:
    with moves.unique_name(draft):
        await drafts.update_running(connection, draft, campaign_id=campaign_id, now=now, by=by)
    return await drafts.publish(connection, draft, campaign_id=campaign_id, now=now, by=by)


async def _launch_soon(connection: Connection, campaign_id: int, *, at: datetime, now: datetime) -> None:
    if at <= now:
        await jobs.enqueue(connection, LAUNCH_JOB, {"campaign_id": campaign_id}, once=str(campaign_id))


def _check_second(by: str, *authors: str | None) -> None:
    if by in authors:
        raise Conflict("Somebody other than who wrote or submitted it has to approve it.", code="second_person_needed")


def _check_waits(people: int | None) -> None:
    if people is None:
        raise Conflict("This launch does not wait for anybody: look at the campaign again.", code="launch_not_waiting")


def _check_why(comment: str) -> None:
    if not comment.strip():
        raise BadInput("Say why, so that it can be mended.", code="comment_missing", field="comment")
    _check_comment(comment)


def _check_comment(comment: str) -> None:
    if len(comment) > LONGEST_COMMENT:
        raise BadInput(f"At most {LONGEST_COMMENT:,} characters.", code="comment_too_long", field="comment")
