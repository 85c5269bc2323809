"""Segments as pages show them."""

from collections.abc import Sequence
from typing import Any

from admin_ui.i18n import Say
from backend.services.segment_values import KnownValue


def sentence_of(say: Say, described: Any) -> str:
    """The rule in the page's language, of anything that carries ``sentence_ja`` and ``sentence_en``."""
    return str(getattr(described, f"sentence_{say.language}"))


def coded(known: Sequence[KnownValue]) -> bool:
    """Whether values go by another name than their own, so that one chooses rather than types."""
    return any(each.ja != each.value for each in known)
