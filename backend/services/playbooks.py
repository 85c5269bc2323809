"""Playbooks in the running shop: which can reach anybody here, what to answer, and the segment and draft that one makes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import polars as pl

from backend.errors import BadInput, Conflict, NotFound
from campaigns.campaign import LONGEST_NAME, Draft, check_draft
from campaigns.errors import DraftIncomplete
from campaigns.overview import CampaignDetail
from campaigns.playbooks.advice import Shop, look, repeat_interval, suggest
from campaigns.playbooks.library import BY_SLUG, PLAYBOOKS
from campaigns.playbooks.playbook import NUMBERS, Answer, Need, Plan, Playbook, draft_of, read_answers
from campaigns.wording import check_words
from segments.customers import StoredFrame
from segments.errors import RuleError
from segments.history import History
from segments.overview import StoredSegment
from segments.rules.parse import dump, parse
from segments.rules.rule import Rule

MOST_OF_A_NAME = 50
"""So many drafts or segments may be called the same but for the number behind it."""
_SOME_SEGMENT = 1
"""Stands for the segment while a draft is looked at before there is one."""


class Segments(Protocol):
    """Where segments are kept."""

    async def find(self, name: str) -> StoredSegment:
        """The segment of a name."""
        ...

    async def create(self, name: str, rule: Rule, *, actor: str) -> StoredSegment:
        """A new segment."""
        ...


class Campaigns(Protocol):
    """Where campaigns are kept."""

    async def create(self, draft: Draft, *, by: str) -> CampaignDetail:
        """Keep a new draft."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelved:
    """A playbook as it stands in this shop.

    Attributes:
        missing: what the shop does not know, without which it reaches nobody.
        suggested: answers out of the shop's own data, by what is asked.
        plan: what it makes of them, with the usual answers for the rest; None while one has to be given.
    """

    playbook: Playbook
    missing: tuple[Need, ...]
    suggested: Mapping[str, Answer]
    plan: Plan | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a playbook made: its segment, where it has one, and the draft."""

    segment: StoredSegment | None
    campaign: CampaignDetail


class Playbooks:
    """The library.

    Args:
        frame: the customer frame.
        lake: order lines.
        segments: where its segments are kept.
        campaigns: where its drafts are kept.
        pair: the two categories that are bought together most; None where that is not known.
    """

    def __init__(
        self,
        frame: StoredFrame,
        lake: History,
        *,
        segments: Segments,
        campaigns: Campaigns,
        pair: Callable[[], Awaitable[tuple[str, str] | None]],
    ) -> None:
        self._frame = frame
        self._lake = lake
        self._segments = segments
        self._campaigns = campaigns
        self._pair = pair

    async def list(self) -> tuple[Shelved, ...]:
        """All playbooks in the order of a customer's life."""
        shop, pair = await self._look(), await self._pair()
        return tuple(_shelved(each, shop, pair, {}) for each in PLAYBOOKS)

    async def get(self, slug: str, given: Mapping[str, object] | None = None) -> Shelved:
        """One playbook, with what it makes of the answers given and those that the shop's data suggests.

        Raises:
            NotFound: there is none of that name.
            BadInput: an answer that cannot be, by its name.
        """
        playbook, shop = _find(slug), await self._look()
        pair = await self._pair() if any(ask.name == "goes_with" for ask in playbook.asks) else None
        answers = dict(given or {})
        with_interval = await self._interval(playbook, answers)
        return _shelved(playbook, shop, pair, answers, interval=with_interval)

    async def make(
        self, slug: str, given: Mapping[str, object] | None = None, *, language: str = "ja", by: str
    ) -> Made:
        """Make the segment and the draft; a segment of the same name and rule is used again.

        Raises:
            NotFound: there is no such playbook.
            BadInput: an answer that is missing or cannot be, by its name.
        """
        shelved = await self.get(slug, given)
        plan = shelved.plan or _plan(shelved.playbook, shelved.suggested, given or {})
        _check(plan, language)
        segment = await self._segment(plan, language, by=by) if plan.segment else None
        tag, segment_id = shelved.playbook.tag(language), None if segment is None else int(segment.segment.id)
        draft = draft_of(plan, segment_id=segment_id, language=language, tag=tag)
        return Made(segment=segment, campaign=await self._campaign(draft, by=by))

    async def _look(self) -> Shop:
        view = await asyncio.to_thread(self._frame.read)
        return await asyncio.to_thread(look, view.frame, today=view.day)

    async def _interval(self, playbook: Playbook, answers: Mapping[str, object]) -> int | None:
        """The interval of the category that was answered, where the playbook asks for days."""
        category = answers.get("category")
        if playbook.slug != "second-purchase" or not isinstance(category, str) or not category:
            return None
        return await asyncio.to_thread(self._category_interval, category)

    def _category_interval(self, category: str) -> int | None:
        lines: pl.LazyFrame = self._lake.order_lines()
        return repeat_interval(lines, category)

    async def _segment(self, plan: Plan, language: str, *, by: str) -> StoredSegment:
        assert plan.segment is not None  # noqa: S101 - the caller has looked
        rule = parse(plan.segment.rule)
        for name in _names(plan.segment.name.in_language(language)):
            try:
                there = await self._segments.find(name)
            except NotFound:
                return await self._segments.create(name, rule, actor=by)
            if there.archived_at is None and dump(there.segment.rule) == dump(rule):
                return there
        raise Conflict("Too many segments have this name: rename some first.", code="name_taken", field="name")

    async def _campaign(self, draft: Draft, *, by: str) -> CampaignDetail:
        for name in _names(draft.name):
            try:
                return await self._campaigns.create(replace(draft, name=name), by=by)
            except Conflict as error:
                if error.code != "name_taken":
                    raise
        raise Conflict("Too many campaigns have this name: rename some first.", code="name_taken", field="name")


def _find(slug: str) -> Playbook:
    if slug not in BY_SLUG:
        raise NotFound(f"There is no playbook {slug}; there are {', '.join(BY_SLUG)}.", code="playbook_not_found")
    return BY_SLUG[slug]


def _shelved(
    playbook: Playbook,
    shop: Shop,
    pair: tuple[str, str] | None,
    given: Mapping[str, object],
    *,
    interval: int | None = None,
) -> Shelved:
    found = {ask.name: suggest(ask, shop, slug=playbook.slug, pair=pair) for ask in playbook.asks}
    if interval is not None:
        found["days"] = interval
    suggested = {name: answer for name, answer in found.items() if answer is not None}
    complete = all(ask.usual is not None or ask.name in suggested or given.get(ask.name) for ask in playbook.asks)
    return Shelved(
        playbook=playbook,
        missing=tuple(need for need in playbook.needs if need not in shop.there),
        suggested=suggested,
        plan=_plan(playbook, suggested, given) if complete else None,
    )


def _plan(playbook: Playbook, suggested: Mapping[str, Answer], given: Mapping[str, object]) -> Plan:
    """What was given, then what the shop's data suggests within what may be answered, then what is usual."""
    fitting = {ask.name: suggested[ask.name] for ask in playbook.asks if ask.name in suggested}
    for ask in playbook.asks:
        answer = fitting.get(ask.name)
        if isinstance(answer, int) and ask.kind in NUMBERS:
            fitting[ask.name] = min(max(answer, ask.low), ask.high)
    try:
        said = {name: one for name, one in given.items() if one not in (None, "")}
        return playbook.plan(read_answers(playbook, {**fitting, **said}))
    except DraftIncomplete as error:
        raise _refusal(error) from error


def _check(plan: Plan, language: str) -> None:
    """Refuse before anything is kept what would be refused later."""
    draft = draft_of(plan, segment_id=_SOME_SEGMENT if plan.segment else None, language=language)
    try:
        check_draft(draft)
        check_words(draft)
        if plan.segment is not None:
            parse(plan.segment.rule)
    except DraftIncomplete as error:
        raise _refusal(error) from error
    except RuleError as error:
        raise BadInput(error.message, code="bad_rule", field="rule") from error


def _refusal(error: DraftIncomplete) -> BadInput:
    message = f"{error.message[0].upper()}{error.message[1:]}."
    return BadInput(message, code="bad_answer", field=error.field)


def _names(name: str) -> list[str]:
    """The name itself, then with a number behind it."""
    room = LONGEST_NAME - len(f" ({MOST_OF_A_NAME})")
    return [name[:LONGEST_NAME], *(f"{name[:room]} ({number})" for number in range(2, MOST_OF_A_NAME + 1))]
