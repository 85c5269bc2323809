"""Campaigns that let people in or lead them on, by their published versions: read often, understood once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from backend.store import triggers as store
from backend.store.pool import Connection
from campaigns.campaign import Draft, State
from campaigns.definition import from_json
from campaigns.errors import CampaignError
from campaigns.journey import gives_reward
from campaigns.steps import Awaited, Send, Step, WaitEvent
from campaigns.trigger import OnEvent, OnSegment

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Programme:
    """One version of a campaign.

    Attributes:
        published: it is the version that people enter.
        open: people may enter: the campaign is sending and this is the published version.
        since: when the campaign was launched: what happened before begins nothing.
        steps: a campaign without steps is walked as its one push.
        next_at: when it is launched again, where it repeats.
    """

    campaign_id: int
    version: int
    draft: Draft
    salt: str
    published: bool
    open: bool
    since: datetime | None
    steps: tuple[Step, ...]
    next_at: datetime | None = None

    @property
    def rewards(self) -> bool:
        """Whether it gives away something of value."""
        return gives_reward(self.steps)

    @property
    def event(self) -> OnEvent | None:
        """The event that lets people in now."""
        return self.draft.trigger if self.open and isinstance(self.draft.trigger, OnEvent) else None

    @property
    def change(self) -> OnSegment | None:
        """The change of membership that lets people in now."""
        return self.draft.trigger if self.open and isinstance(self.draft.trigger, OnSegment) else None

    def awaited_at(self, step: int) -> Awaited | None:
        """What is waited for at a step."""
        found = self.steps[step] if step < len(self.steps) else None
        return found.awaited if isinstance(found, WaitEvent) else None


def steps_of(draft: Draft) -> tuple[Step, ...]:
    """The steps that a draft is walked by."""
    return draft.steps or (Send(content=draft.content, variants=draft.variants),)


@dataclass(slots=True)
class Programmes:
    """Reads programmes; every version is understood once, since it never changes."""

    _drafts: dict[tuple[int, int], Draft | None] = field(default_factory=dict, init=False)

    async def read(self, connection: Connection) -> list[Programme]:
        """All versions of campaigns that are sending or paused and begin person by person or have steps."""
        found = []
        rows = await store.list_listening(connection)
        if unknown := {(row["campaign_id"], row["version"]) for row in rows} - self._drafts.keys():
            for key, definition in (await store.read_definitions(connection, versions=unknown)).items():
                self._drafts[key] = _understood(key, definition)
        for row in rows:
            draft = self._drafts.get((row["campaign_id"], row["version"]))
            if draft is None:
                continue
            published = row["version"] == row["published"]
            found.append(
                Programme(
                    campaign_id=row["campaign_id"],
                    version=row["version"],
                    draft=draft,
                    salt=row["salt"],
                    published=published,
                    open=published and row["state"] == State.SENDING,
                    since=row["planned_at"],
                    steps=steps_of(draft),
                    next_at=row["next_at"],
                )
            )
        return found


def _understood(key: tuple[int, int], definition: Mapping[str, object]) -> Draft | None:
    try:
        return from_json(definition)
    except CampaignError as error:  # a later release wrote it
        log.warning("version_not_read", campaign_id=key[0], version=key[1], error=error.message)
        return None


def names_of(programmes: Iterable[Programme]) -> set[str]:
    """Events that let somebody in, lead somebody on or end a journey."""
    names: set[str] = set()
    for programme in programmes:
        if programme.event is not None:
            names.add(programme.event.event)
        if programme.draft.exits_on is not None:
            names.add(programme.draft.exits_on.event)
        names |= {step.awaited.event for step in programme.steps if isinstance(step, WaitEvent)}
    return names


def by_version(programmes: Sequence[Programme]) -> dict[tuple[int, int], Programme]:
    """Programmes by campaign and version."""
    return {(one.campaign_id, one.version): one for one in programmes}
