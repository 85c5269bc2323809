"""How memberships, drafts and versions are told as data: what API and command line share."""

from datetime import date, datetime
from typing import Any

import msgspec

from backend.api.segment_answers import Sentence
from segments.ledger import Change, History, MembershipState
from segments.rules.parse import dump
from segments.segment_versions import Draft, SegmentVersion, Words
from segments.uses import SegmentUses


class StateAnswer(msgspec.Struct, frozen=True):
    """How many are in a segment, by which version and up to when; ``current``: that is the version in force.

    ``known_since`` is null where all history that the rule asks for is there, else the first day of which it is.
    """

    segment_id: int
    version: int | None
    current: bool
    size: int | None
    reachable: int | None
    since: datetime | None
    changed_at: datetime | None
    as_of: datetime | None
    known_since: date | None


class ChangeAnswer(msgspec.Struct, frozen=True):
    """Somebody entered or left; ``cause`` is facts, time, rule or merge."""

    id: int
    segment_id: int
    version: int
    customer_id: int
    user_id: str | None
    at: datetime
    entered: bool
    cause: str


class DayAnswer(msgspec.Struct, frozen=True):
    """A business day: members at its end, and how many entered and left on it."""

    day: date
    size: int
    reachable: int
    entered: int
    left: int


class HistoryAnswer(msgspec.Struct, frozen=True):
    """Sizes by day, oldest first."""

    state: StateAnswer
    days: list[DayAnswer]


class EditAnswer(msgspec.Struct, frozen=True):
    """A version of a rule, who made it, and the conditions that went and came with it."""

    version: int
    rule: dict[str, Any]
    sentence: Sentence
    changed_at: datetime
    changed_by: str
    removed: list[Sentence]
    added: list[Sentence]


class DraftAnswer(msgspec.Struct, frozen=True):
    """A rule that is being written; ``outdated``: the live one has changed since it was begun."""

    segment_id: int
    rule: dict[str, Any]
    sentence: Sentence
    base_version: int
    outdated: bool
    saved_at: datetime
    saved_by: str
    removed: list[Sentence]
    added: list[Sentence]


class NamedAnswer(msgspec.Struct, frozen=True):
    """A segment or campaign."""

    id: int
    name: str


class SegmentUsesAnswer(msgspec.Struct, frozen=True):
    """What goes by a segment; ``drafts`` are segments whose draft asks for it."""

    segments: list[NamedAnswer]
    drafts: list[NamedAnswer]
    campaigns: list[NamedAnswer]


def state_answer(state: MembershipState) -> StateAnswer:
    """A state as API and command line tell it."""
    return StateAnswer(
        segment_id=state.segment_id,
        version=state.version,
        current=state.current,
        size=state.size,
        reachable=state.reachable,
        since=state.since,
        changed_at=state.changed_at,
        as_of=state.as_of,
        known_since=state.known_since,
    )


def change_answer(change: Change) -> ChangeAnswer:
    """A change as API and command line tell it."""
    return ChangeAnswer(
        id=change.change_id,
        segment_id=change.segment_id,
        version=change.version,
        customer_id=change.customer_id,
        user_id=change.user_id,
        at=change.at,
        entered=change.entered,
        cause=change.cause,
    )


def history_answer(history: History) -> HistoryAnswer:
    """Sizes by day as API and command line tell them."""
    days = [DayAnswer(one.day, one.size, one.reachable, one.entered, one.left) for one in history.days]
    return HistoryAnswer(state_answer(history.state), days)


def edit_answer(version: SegmentVersion) -> EditAnswer:
    """A version as API and command line tell it."""
    return EditAnswer(
        version=version.version,
        rule=dump(version.rule),
        sentence=_sentence(version.sentence),
        changed_at=version.changed_at,
        changed_by=version.changed_by,
        removed=[_sentence(one) for one in version.removed],
        added=[_sentence(one) for one in version.added],
    )


def draft_answer(draft: Draft) -> DraftAnswer:
    """A draft as API and command line tell it."""
    return DraftAnswer(
        segment_id=draft.segment_id,
        rule=dump(draft.rule),
        sentence=_sentence(draft.sentence),
        base_version=draft.base_version,
        outdated=draft.outdated,
        saved_at=draft.saved_at,
        saved_by=draft.saved_by,
        removed=[_sentence(one) for one in draft.removed],
        added=[_sentence(one) for one in draft.added],
    )


def segment_uses_answer(uses: SegmentUses) -> SegmentUsesAnswer:
    """Uses as API and command line tell them."""
    kinds = (uses.segments, uses.drafts, uses.campaigns)
    return SegmentUsesAnswer(*([NamedAnswer(number, name) for number, name in kind.items()] for kind in kinds))


def _sentence(words: Words) -> Sentence:
    return Sentence(words.ja, words.en)
