"""Segments as pages show them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from litestar import Response

from admin_ui import charts, filters
from admin_ui.i18n import Say
from admin_ui.page import Page
from backend.services.segment_values import KnownValue
from segments.frame import Progress
from segments.ledger import History
from segments.overview import StoredSegment


def sentence_of(say: Say, described: Any) -> str:
    """The rule in the page's language, of anything that carries ``sentence_ja`` and ``sentence_en``."""
    return str(getattr(described, f"sentence_{say.language}"))


def coded(known: Sequence[KnownValue]) -> bool:
    """Whether values go by another name than their own, so that one chooses rather than types."""
    return any(each.ja != each.value for each in known)


def size_chart(history: History, say: Say) -> str:
    """A segment's size and reach at the end of each day."""
    days = [filters.short_day(each.day, say) for each in history.days]
    notes = [f"+{each.entered:,} −{each.left:,}" for each in history.days]
    sizes = charts.series(say("People"), [each.size for each in history.days], notes, colour=1)
    reach = charts.series(say("Reached by push"), [each.reachable for each in history.days], [""] * len(days), colour=3)
    return charts.chart("line", days, [sizes, reach])


def moment(text: str) -> datetime | None:
    """A moment as a hidden field carries it; None for anything else."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def still_counting(page: Page, progress: Progress, stored: StoredSegment | None = None) -> Response[Any]:
    """Nothing while everyone is being counted; where that failed, words in place of those that the exact figures follow."""
    if progress is Progress.COUNTING:
        return Response(None, status_code=204)
    answer = page.show("segments/_uncounted.html", stored=stored)
    answer.headers.update({"HX-Retarget": "#counting", "HX-Reswap": "outerHTML"})
    return answer
