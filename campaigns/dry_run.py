"""What a marketer sees before a launch: whom each gate removes, how the rest is drawn, and what some of them would read."""

from dataclasses import dataclass
from datetime import date, datetime

from campaigns.reasons import Label
from campaigns.rehearsal import Fork, Rehearsal
from campaigns.winner import Decision, TestSize


@dataclass(frozen=True, slots=True)
class Removed:
    """How many people one gate removes: the first gate that fires takes them, so the counts add up.

    Attributes:
        examples: a few of them by number, to look at; only a dry run knows any.
    """

    reason: str
    label: Label
    people: int
    examples: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """The message as one member of the segment would get it."""

    customer_id: int
    language: str
    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What would happen if the campaign were launched now. Nothing is stored.

    segment_size = sum of ``removed`` + control + treated. Whom they are counted of: of a campaign that is launched, the people of its
    segment; of one that follows dates, those of them whose date it is at the next launch (``day``); of one that begins person by
    person, everybody for whom it would have begun in the last weeks (``rehearsal``), each once. Of a journey the gates are those of its
    first push; where it sends none, nobody is removed but by the global holdout.

    Attributes:
        as_of: how fresh the facts are that the segment was taken from.
        devices: live addresses of the treated.
        deferred_until: the last end of quiet hours that anybody would wait for, where now falls into them; None where nobody would.
        expires_at: after this nothing more goes out.
        smallest_effect: the smallest difference of conversion rates (a share, 0.012 = 1.2 points) that the arms
            can show with 80 % power at the ``base_rate``; None where an arm is empty.
        suggested_holdout: percent that makes a verdict possible, None where the segment is too small for any.
        base_rate: the share of the segment that did the conversion event in the last ``conversion_days``;
            None where that is not known (then 5 % is assumed).
        test: who of the treated would test the variants and who would wait for the winner; None without such a rule, and once it is decided.
        decision: what the test came out as, of a campaign that repeats and goes on after it: what is launched now is sent that.
        known_since: see `segments.raw_members`: whether who is in the segment hangs on history that was dropped.
        day: the shop's day of the launch that it is for, of a campaign that follows dates; None too where none comes any more.
        rehearsal: only of what begins person by person.
        fork: how these people would part where a journey divides first; None where that cannot be asked now.
    """

    campaign_id: int
    revision: int
    as_of: datetime
    segment_size: int
    removed: tuple[Removed, ...]
    control: int
    treated: int
    devices: int
    deferred_until: datetime | None
    expires_at: datetime
    samples: tuple[Sample, ...]
    smallest_effect: float | None
    suggested_holdout: float | None
    base_rate: float | None
    test: TestSize | None = None
    known_since: date | None = None
    day: date | None = None
    rehearsal: Rehearsal | None = None
    fork: Fork | None = None
    decision: Decision | None = None
