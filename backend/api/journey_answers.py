"""How journeys are told as data: what API and command line share."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from campaigns.journey_overview import EntryDetail, EntryLine, JourneyOverview, VisitLine
from campaigns.journey_picture import NOBODY
from campaigns.journey_words import Words, describe


class StepAnswer(msgspec.Struct, frozen=True):
    """A step and its people: ``here`` now, ``passed`` by way out (empty where there is one), ``aside`` where it always failed.

    ``outcomes``: what came of it, how often: ``treated``, ``control``, the reason for being left out, ``done`` …
    """

    step: int
    kind: str
    ja: str
    en: str
    here: int
    passed: dict[str, int]
    aside: int
    outcomes: dict[str, int]


class JourneyAnswer(msgspec.Struct, frozen=True):
    """A version of a journey with its people; ``left`` by reason."""

    campaign_id: int
    version: int
    versions: list[int]
    entered: int
    left: dict[str, int]
    steps: list[StepAnswer]


class EntryAnswer(msgspec.Struct, frozen=True):
    """One person's way. ``step`` counts from 0; ``occurrence`` is the event, change or launch that let her in."""

    entry_id: int
    campaign_id: int
    version: int
    customer_id: int
    user_id: str | None
    occurrence: int
    state: str
    reason: str | None
    step: int
    lap: int
    waiting_for: str | None
    due_at: datetime
    until_at: datetime | None
    entered_at: datetime
    changed_at: datetime
    way_kept: bool


class VisitAnswer(msgspec.Struct, frozen=True):
    """A step that was passed, the way out, and what came of it."""

    step: int
    lap: int
    way: str
    outcome: str
    at: datetime


class EntryDetailAnswer(msgspec.Struct, frozen=True):
    """One person's way, step by step."""

    entry: EntryAnswer
    visits: list[VisitAnswer]


class RetryAnswer(msgspec.Struct, frozen=True):
    """How many go on."""

    entries: int


def journey_answer(found: JourneyOverview, *, ja: Words, en: Words) -> JourneyAnswer:
    """The overview as data."""
    told = zip(describe(found.steps, ja), describe(found.steps, en), strict=True)
    steps = [
        StepAnswer(
            step=place,
            kind=str(found.steps[place].__struct_config__.tag),
            ja=in_ja,
            en=in_en,
            here=(count := found.counts.get(place, NOBODY)).here,
            passed=dict(count.passed),
            aside=count.aside,
            outcomes=dict(found.outcomes.get(place, {})),
        )
        for place, (in_ja, in_en) in enumerate(told)
    ]
    return JourneyAnswer(found.campaign_id, found.version, list(found.versions), found.entered, dict(found.left), steps)


def entry_answer(line: EntryLine) -> EntryAnswer:
    """A line as data."""
    return EntryAnswer(**{name: getattr(line, name) for name in EntryAnswer.__struct_fields__})


def entry_detail_answer(found: EntryDetail) -> EntryDetailAnswer:
    """A whole way as data."""
    return EntryDetailAnswer(entry_answer(found.entry), _visits(found.visits))


def _visits(visits: Sequence[VisitLine]) -> list[VisitAnswer]:
    return [VisitAnswer(each.step, each.lap, each.way, each.outcome, each.at) for each in visits]
