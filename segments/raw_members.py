"""Which rules look at raw history that was dropped: who they find are then too few, or too many, and that must be said.

Every answer that says how many a rule finds, or whom, says it by ``known_since``: the first business day of which all is there
that the rule asks for; None where nothing that it asks for was dropped.
"""

from datetime import date, timedelta

from segments.rules.behaviour import source_of
from segments.rules.rule import BEHAVIOURAL, Attribute, Behavioural, Between, Rule, Within, conditions_of

NOTE = "members_dropped"
"""The note of a figure of such people."""

_RAW = ("events", "lines")
_RAW_COLUMNS = ("nps_score",)
"""Columns that are worked out of raw events of all time."""


def looks_behind(rule: Rule, since: date | None, *, day: date) -> bool:
    """Whether raw events or order lines of days before ``since`` may decide who belongs at the end of ``day`` or later.

    Args:
        rule: with its references resolved.
        since: the first business day of which raw history is all there (`segments.history.History.raw_since`); None where it is
            all there.
        day: the first of the days on which membership is asked for.
    """
    if since is None:
        return False
    for one in conditions_of(rule):
        if isinstance(one, Attribute) and one.name in _RAW_COLUMNS:
            return True
        if isinstance(one, BEHAVIOURAL) and source_of(one.behaviour) in _RAW and _begins(one, day) < since:
            return True
    return False


def asks_raw(rule: Rule) -> bool:
    """Whether raw events or order lines decide at all."""
    return looks_behind(rule, date.max, day=date.max - timedelta(days=1))


def known_since(rule: Rule, since: date | None, *, day: date) -> date | None:
    """``since`` where the rule looks behind it, see `looks_behind`; else None."""
    return since if looks_behind(rule, since, day=day) else None


def _begins(condition: Behavioural, day: date) -> date:
    """The first day that may decide a condition; `date.min` where no number of days bounds it."""
    window = getattr(condition, "window", None)
    if condition.behaviour.then is not None:
        return date.min
    if isinstance(window, Between):
        return window.first or date.min
    if not isinstance(window, Within):
        return date.min
    if window.days is not None:
        return day - timedelta(days=window.days)
    return day - timedelta(minutes=window.minutes or 0) - timedelta(days=1)
