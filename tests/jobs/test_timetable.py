"""What reaches people or other servers stands still in a restored installation; what takes in and counts goes on."""

import inspect
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

from backend.jobs.timetable import timetable

GUARDED = {"launch", "winners", "deliver_0", "deliver_1", "triggers", "journeys", "webhooks"}


def test_all_that_sends_is_guarded() -> None:
    held: list[Any] = []

    def guard(step: Any) -> Any:
        held.append(step)
        return step

    names = set(inspect.signature(timetable).parameters) - {"sending_rights"}
    given: dict[str, Any] = {name: MagicMock(name=name) for name in names}
    loops = timetable(**given, sending_rights=SimpleNamespace(guard=guard))  # type: ignore[arg-type]
    assert {loop.name for loop in loops if loop.step in held} >= GUARDED
