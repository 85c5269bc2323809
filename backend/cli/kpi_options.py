"""The command's options that the catalogue decides: one for each option that any KPI has, by the name it has there."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import typer

from backend.errors import BadInput
from segments.metrics.catalog import CATALOG
from segments.metrics.metric import Option

_PREFIX = "option_"
_MOST_NAMED = 3


class MembersOf(StrEnum):
    """When a customer's membership of the segment is looked at."""

    COHORT = "cohort"
    TODAY = "today"


def with_catalogue_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the catalogue's options beside its own; it gets them in its ``**named``."""
    own = inspect.signature(command)
    declared = [one for one in own.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    names = {f"{_PREFIX}{name}": users for name, users in _options().items()}
    added = [_parameter(name, users) for name, users in names.items()]
    command.__signature__ = own.replace(parameters=[*declared, *added])  # type: ignore[attr-defined]
    command.__annotations__ |= dict.fromkeys(names, str)
    return command


def given_options(named: Mapping[str, str | None], pairs: Sequence[str]) -> dict[str, str]:
    """What was given for the KPI's options, by their own names and by ``--set``.

    Raises:
        BadInput: a pair that is none.
    """
    found = {name.removeprefix(_PREFIX): value for name, value in named.items() if value is not None}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise BadInput(f"{pair!r} is not of the form NAME=VALUE, like n=3.", field="set")
        found[name.strip().replace("-", "_")] = value.strip()
    return found


def _options() -> dict[str, list[tuple[str, Option]]]:
    found: dict[str, list[tuple[str, Option]]] = {}
    for metric in CATALOG.values():
        for option in metric.options:
            found.setdefault(option.name, []).append((metric.slug, option))
    return found


def _parameter(name: str, users: list[tuple[str, Option]]) -> inspect.Parameter:
    slugs = [slug for slug, _ in users]
    more = f" and {len(slugs) - _MOST_NAMED} more" if len(slugs) > _MOST_NAMED else ""
    text = f"{users[0][1].en} (of {', '.join(slugs[:_MOST_NAMED])}{more})."
    flag = f"--{name.removeprefix(_PREFIX).replace('_', '-')}"
    default: Any = typer.Option(None, flag, help=text)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=str)
