"""Figures: KPIs of the catalogue and the dashboard, for everyone or for one segment.

History is read from the lake when the frame has moved on, and kept in memory with what the figures share, so that
asking again is cheap. Everything that computes runs in a worker thread.
"""

import asyncio
import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import asyncpg
import structlog

from backend.clock import Clock
from backend.errors import BadInput, NotFound
from backend.services.insights.state import Merges, count_in, load_figures, read_definitions
from backend.store import events
from backend.store import segments as segment_store
from backend.store.rules import resolve_rule
from segments.asking import Question, ask
from segments.figures import DEFAULT_DAYS, EVERYONE, Audience, Figures
from segments.frame import Frame
from segments.history import History
from segments.ids import SegmentId
from segments.metrics import catalog
from segments.metrics.facts import Facts
from segments.metrics.lifecycle import derive_thresholds
from segments.metrics.metric import Measured
from segments.metrics.options import read_options
from segments.metrics.result import AsOfRule, Dashboard, KpiResult, SegmentName
from segments.metrics.thresholds import Thresholds
from segments.nearest import hint
from segments.periods import SEGMENT, read_comparison
from segments.rules.parse import parse
from segments.snapshots import Choice
from segments.windows import Window

_CHEAP = 0.5
"""Seconds of loading below which a state is thrown away as soon as anything is new."""
_EARLIEST, _LATEST = 1990, 2200
"""Years of moments that may be asked about: beyond the calendar's own no zone can be applied."""
_STALE = 5.0
"""Seconds for which a dearer state still answers; the figures say as of when they are."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _State:
    """What the shop was when ``loaded`` (seconds, monotonic), which took ``took`` seconds."""

    key: Hashable
    definitions: Hashable
    figures: Figures
    loaded: float
    took: float

    def answers(self, key: Hashable, definitions: Hashable) -> bool:
        """Whether it still does: nothing is new, or only events are and it was too dear to be thrown away so soon."""
        dear = self.took > _CHEAP and time.monotonic() - self.loaded < _STALE
        return definitions == self.definitions and (dear or key == self.key)


class Insights:
    """KPIs and the dashboard.

    Args:
        pool: the database: settings, definitions, merges, segments.
        clock: decides which business day is running.
        lake: history.
        frame: the customer frame.
    """

    def __init__(self, pool: asyncpg.Pool, clock: Clock, lake: History, frame: Frame) -> None:
        self._pool = pool
        self._clock = clock
        self._lake = lake
        self._frame = frame
        self._merges = Merges()
        self._state: _State | None = None
        self._loading = asyncio.Lock()

    async def kpi(
        self,
        slug: str,
        *,
        window: Window | None = None,
        period: str | None = None,
        segment_id: int | None = None,
        as_of_rule: AsOfRule = "cohort",
        options: Mapping[str, object] | None = None,
        by: str | None = None,
        compare: str | None = None,
        as_of: date | None = None,
        known_at: datetime | None = None,
    ) -> KpiResult:
        """One figure.

        Args:
            slug: a KPI of the catalogue.
            window: business days; without one the last `DEFAULT_DAYS` full days that can be complete
                (for retention the last twelve full weeks).
            period: a window by its name (`segments.periods.NAMED`), instead.
            segment_id: only this segment's members.
            as_of_rule: when membership, and an attribute's value, is looked at.
            options: of the KPI, as text or numbers.
            by: an attribute to break it down by (`segments.breakdown.BREAKDOWNS`).
            compare: a `segments.periods.Compare`, or ``segment:NAME`` (or its number).
            as_of: the business day at whose end the shop is looked at; None for now.
            known_at: what had been received by this moment alone; None for all that has. It reads all history anew.

        Raises:
            UnknownMetric: the catalogue has no such KPI.
            BadOption: an option is unknown or out of range, or nothing can be broken down, compared or named so.
            NotFound: no such segment.
            BadInput: ``known_at`` lies outside of the calendar.
        """
        read_options(catalog.get(slug), options or {})
        if known_at is not None and not _EARLIEST <= known_at.year < _LATEST:
            raise BadInput(f"Moments are from {_EARLIEST} to {_LATEST - 1}.", field="known_at")
        question = Question(
            slug=slug,
            window=window,
            period=period,
            audience=await self._audience(segment_id, as_of_rule),
            options=options or {},
            by=by,
            by_rule=as_of_rule,
            compare=read_comparison(compare) if compare else None,
            against=await self._against(compare, as_of_rule),
        )
        asked = [question.audience] if question.against is None else [question.audience, question.against]
        figures = await self._figures(*asked)

        def answer() -> KpiResult:
            known = figures.knew(known_at) if known_at else figures
            return ask(known.at(as_of) if as_of else known, question)

        return await asyncio.to_thread(answer)

    async def measure(
        self, choices: Sequence[Choice], day: date, segment_id: int | None = None, version: int | None = None
    ) -> list[Measured | None]:
        """Figures at the end of a business day, of a segment in one of its versions; None where one failed.

        Raises:
            NotFound: no such segment, or version.
        """
        audience = await self._audience(segment_id, "cohort", version=version)
        figures = await self._figures(audience)
        return await asyncio.to_thread(lambda: [_measured(figures.at(day), each, audience) for each in choices])

    async def known_until(self) -> datetime:
        """Up to when facts are known."""
        return (await asyncio.to_thread(self._frame.read)).as_of

    async def dashboard(
        self, *, days: int = DEFAULT_DAYS, segment_id: int | None = None, as_of_rule: AsOfRule = "cohort"
    ) -> Dashboard:
        """The first page: four figures with their lines, the retention heatmap, and who there is.

        Raises:
            NotFound: no such segment.
        """
        audience = await self._audience(segment_id, as_of_rule)
        async with self._pool.acquire() as connection:
            failed = sum(row["failed"] for row in await events.count_failed_by_code(connection))
        figures = await self._figures(audience)
        return await asyncio.to_thread(figures.dashboard, days=days, audience=audience, failed_events=failed)

    async def derive_thresholds(self, since: date) -> Thresholds:
        """Life-cycle thresholds by the history before a business day, read for this alone and not kept."""
        async with self._loading, self._pool.acquire() as connection:
            known = await read_definitions(connection)
            await self._merges.catch_up(connection)
            survivors = dict(self._merges.survivors)
        view = await asyncio.to_thread(self._frame.read)
        days = count_in(self._lake.customer_days(), survivors, view, known.settings)
        return await asyncio.to_thread(derive_thresholds, Facts(days=days, today=since), since=since)

    async def _against(self, compare: str | None, as_of_rule: AsOfRule) -> Audience | None:
        if compare is None or not compare.startswith(SEGMENT):
            return None
        name = compare.removeprefix(SEGMENT)
        async with self._pool.acquire() as connection:
            number = await segment_store.find_segment(connection, name=name)
            if number is None and name.isdecimal() and len(name) < len("2147483647"):
                number = int(name)
            names = [row["name"] for row in await segment_store.list_segments(connection)]
        if number is None:
            raise NotFound(f"There is no segment {name}; {hint(name, names)}.", code="segment_not_found")
        return await self._audience(number, as_of_rule)

    async def _audience(self, segment_id: int | None, as_of_rule: AsOfRule, *, version: int | None = None) -> Audience:
        if segment_id is None:
            return EVERYONE
        async with self._pool.acquire() as connection:
            row = await segment_store.get_segment(connection, segment_id=segment_id, version=version)
            if row is None:
                raise NotFound(f"There is no segment {segment_id}.", code="segment_not_found")
            rule = await resolve_rule(connection, parse(row["rule"]), segment_id=segment_id)
        name = SegmentName(id=SegmentId(row["segment_id"]), name=row["name"], version=row["version"])
        return Audience(name, rule, as_of_rule)

    async def _figures(self, *audiences: Audience) -> Figures:
        """The figures, with a frame that can be asked who belongs to these."""
        figures = await self._state_now()
        rules = [audience.rule for audience in audiences if audience.rule is not None]
        if not rules:
            return figures
        frame = (await self._frame.read_for(rules)).frame
        more = {*frame.collect_schema()} - {*figures.frame.collect_schema()}
        return figures.with_frame(frame) if more else figures

    async def _state_now(self) -> Figures:
        async with self._loading:
            async with self._pool.acquire() as connection:
                known = await read_definitions(connection)
                version = await self._merges.catch_up(connection)
            view = await asyncio.to_thread(self._frame.read)
            today = known.settings.calendar.business_day(self._clock.now())
            key, definitions = (view.seq, view.made_at, version), (today, known)
            if self._state is None or not self._state.answers(key, definitions):
                started = time.monotonic()
                figures = await asyncio.to_thread(
                    load_figures, self._lake, view, known, self._merges.survivors, today=today
                )
                ended = time.monotonic()
                self._state = _State(key, definitions, figures, ended, ended - started)
            figures = self._state.figures
            return replace(figures, as_of=view.as_of) if self._state.key == key else figures


def _measured(figures: Figures, choice: Choice, audience: Audience) -> Measured | None:
    try:
        return figures.kpi(choice.slug, audience=audience, options=choice.options).measured
    except Exception:
        log.exception("figure_failed", kpi=choice.key, segment=audience.segment, day=figures.day)
        return None
