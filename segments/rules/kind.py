"""Kinds of attributes."""

from enum import StrEnum


class Kind(StrEnum):
    """Kinds of attributes, as a form shows them."""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    LIST = "list"
    """Several texts; traits only."""
