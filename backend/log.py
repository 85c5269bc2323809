"""Structured logs: named facts with fields, no sentences. JSON lines, or colours on a terminal."""

import logging
import sys
from collections.abc import Collection

import structlog
from structlog.typing import EventDict, WrappedLogger


def configure(*, json: bool | None = None, level: str = "info", unsaid: Collection[str] = ()) -> None:
    """Set up structlog for this process.

    Args:
        json: JSON lines, else colours; by default unless the errors go to a terminal.
        level: less than that is not told.
        unsaid: events that are not told, since they are meant to happen.
    """

    def leave_out(_logger: WrappedLogger, _method: str, facts: EventDict) -> EventDict:
        if facts["event"] in unsaid:
            raise structlog.DropEvent
        return facts

    as_json = not sys.stderr.isatty() if json is None else json
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            leave_out,
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info if as_json else structlog.processors.ExceptionPrettyPrinter(),
            structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
