"""Structured logs: named facts with fields, no sentences. JSON lines, or colours on a terminal."""

import logging
import sys

import structlog


def configure(*, json: bool | None = None, level: str = "info") -> None:
    """Set up structlog for this process; ``json`` defaults to "not on a terminal"."""
    as_json = not sys.stderr.isatty() if json is None else json
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
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
