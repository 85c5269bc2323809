"""Looking at journeys: people on each step, single ways, the picture; and a second chance for those put aside."""

from collections import defaultdict
from dataclasses import fields

import asyncpg

from backend.clock import Clock
from backend.errors import NotFound
from backend.services.journeys.programmes import steps_of
from backend.store import access, campaign_drafts
from backend.store import campaigns as campaign_store
from backend.store import coupons as coupon_store
from backend.store import journeys as store
from backend.store import segments as segment_store
from backend.store.pool import Connection
from campaigns.journey_overview import EntryDetail, EntryLine, JourneyOverview, VisitLine
from campaigns.journey_picture import Count, Picture, draw
from campaigns.journey_words import Words
from segments.rules.telling import Names


class JourneyDesk:
    """What API, command line and pages ask of journeys."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def overview(self, campaign_id: int, *, version: int | None = None) -> JourneyOverview:
        """Steps with their people, of one version or of the published one; of a draft what it says.

        Raises:
            NotFound: no such campaign or version.
        """
        async with self._pool.acquire() as connection:
            row = await _campaign(connection, campaign_id)
            wanted = row["version"] if version is None else version
            try:
                draft = (
                    await campaign_drafts.read_version(connection, campaign_id=campaign_id, version=wanted)
                    if wanted
                    else campaign_drafts.read_draft(row)
                )
            except LookupError as error:
                raise NotFound(f"Campaign {campaign_id} has no version {wanted}.", code="version_not_found") from error
            standing = await store.count_standing(connection, campaign_id=campaign_id)
            visits = await store.count_visits(connection, campaign_id=campaign_id)
        own = [each for each in standing if each["version"] == wanted]
        return JourneyOverview(
            campaign_id=campaign_id,
            version=wanted,
            versions=tuple(sorted({each["version"] for each in standing})),
            steps=steps_of(draft),
            counts=_counts(own, [each for each in visits if each["version"] == wanted]),
            outcomes=_outcomes([each for each in visits if each["version"] == wanted]),
            entered=sum(each["people"] for each in own),
            left=_left(own),
        )

    async def picture(self, campaign_id: int, *, language: str, version: int | None = None) -> Picture:
        """The journey drawn, with its people.

        Raises:
            NotFound: as `overview`.
        """
        found = await self.overview(campaign_id, version=version)
        words = await self.words(language)
        return draw(found.steps, words, counts=found.counts, entered=found.entered, left=sum(found.left.values()))

    async def words(self, language: str) -> Words:
        """How steps are told in a language: with the names that people gave to segments, coupons and stores."""
        async with self._pool.acquire() as connection:
            book = await coupon_store.list_book(connection, archived=True)
            segments = {
                row["segment_id"]: row["name"] for row in await segment_store.list_segments(connection, archived=True)
            }
        titles = {
            each.draft.coupon_id: (each.draft.title_en or each.draft.title_ja)
            if language == "en"
            else each.draft.title_ja
            for each in book
        }
        return Words(language=language, names=Names(segments=segments), coupons=titles)

    async def entries(
        self,
        campaign_id: int,
        *,
        state: str | None = None,
        step: int | None = None,
        user_id: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[EntryLine]:
        """Who is or was under way, the newest first.

        Raises:
            NotFound: no such campaign.
        """
        async with self._pool.acquire() as connection:
            await _campaign(connection, campaign_id)
            rows = await store.list_entries(
                connection, campaign_id=campaign_id, before=before, state=state, step=step, user_id=user_id, limit=limit
            )
        return [_line(row) for row in rows]

    async def entry(self, campaign_id: int, entry_id: int) -> EntryDetail:
        """One person's way.

        Raises:
            NotFound: no such entry in this campaign.
        """
        async with self._pool.acquire() as connection:
            row = await store.get_entry(connection, campaign_id=campaign_id, entry_id=entry_id)
            if row is None:
                raise NotFound(f"Campaign {campaign_id} has no entry {entry_id}.", code="entry_not_found")
            visits = await store.list_visits(connection, entry_id=entry_id)
        return EntryDetail(entry=_line(row), visits=[VisitLine(**each) for each in visits])

    async def retry(self, campaign_id: int, *, entry_id: int | None = None, actor: str) -> int:
        """Have those who were put aside go on, or one of them; gives how many.

        Raises:
            NotFound: no such campaign.
        """
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            await _campaign(connection, campaign_id)
            taken = await store.take_back(connection, campaign_id=campaign_id, entry_id=entry_id, now=now)
            detail = {"entries": taken} if entry_id is None else {"entry": entry_id, "entries": taken}
            await access.write_audit(
                connection, at=now, actor=actor, action="journey.retry", target=f"campaign {campaign_id}", detail=detail
            )
        return taken


async def _campaign(connection: Connection, campaign_id: int) -> asyncpg.Record:
    row = await campaign_store.get(connection, campaign_id=campaign_id)
    if row is None:
        raise NotFound(f"There is no campaign {campaign_id}.", code="campaign_not_found")
    return row


def _counts(standing: list[asyncpg.Record], visits: list[asyncpg.Record]) -> dict[int, Count]:
    here: dict[tuple[int, str], int] = defaultdict(int)
    passed: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for each in standing:
        here[each["step"], each["state"]] += each["people"]
    for each in visits:
        passed[each["step"]][each["way"]] += each["visits"]
    places = {step for step, _ in here} | {*passed}
    return {
        place: Count(here=here[place, "waiting"], aside=here[place, "aside"], passed=dict(passed[place]))
        for place in sorted(places)
    }


def _outcomes(visits: list[asyncpg.Record]) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for each in visits:
        if each["outcome"]:
            found[each["step"]][each["outcome"]] += each["visits"]
    return {step: dict(words) for step, words in found.items()}


def _left(standing: list[asyncpg.Record]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for each in standing:
        if each["state"] == "left":
            found[each["reason"] or "finished"] += each["people"]
    return dict(found)


def _line(row: asyncpg.Record) -> EntryLine:
    return EntryLine(**{field.name: row[field.name] for field in fields(EntryLine)})
