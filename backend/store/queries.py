"""Loads the statements of ``sql/*.sql``.

A file holds one noun's statements. Each begins with a line ``-- name: verb_noun`` and a comment that says
what it is for and, where it is not plain, why it has this shape. A statement ends where the next begins.
"""

import re
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def nouns() -> list[str]:
    """The nouns that have a file of statements, in order."""
    folder = resources.files("backend.store") / "sql"
    return sorted(entry.name.removesuffix(".sql") for entry in folder.iterdir() if entry.name.endswith(".sql"))


@cache
def load(noun: str) -> "Mapping[str, str]":
    """The statements of one noun by name.

    Raises:
        ValueError: when a name stands twice in the file.
    """
    text = (resources.files("backend.store") / "sql" / f"{noun}.sql").read_text(encoding="utf-8")
    _, *pieces = _NAME.split(text)
    found: dict[str, str] = {}
    for name, statement in zip(pieces[::2], pieces[1::2], strict=True):
        if name in found:
            message = f"{noun}.sql holds two statements named {name}"
            raise ValueError(message)
        found[name] = statement.strip()
    return MappingProxyType(found)
