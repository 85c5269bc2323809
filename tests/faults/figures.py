"""What the fault tests counted: each writes a line, and ``python -m tests.faults.figures`` makes a table of all lines.

The lines lie in ``test-results/faults.ndjson`` and add up over rounds and runs until the file is removed.
"""

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

SCALE = int(os.environ.get("JOREN_FAULT_SCALE", "1"))
"""How many times as much load: more in ``make prove``, where minutes do not matter."""

FILE = Path(__file__).parents[2] / "test-results" / "faults.ndjson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One run of one fault.

    Attributes:
        fault: its number in the catalogue of faults, and what it does.
        operations: events or requests that clients wrote down with an outcome.
        faults: how often it struck.
        lost: acknowledged and neither row nor failed event.
        doubled: rows or sends beyond the first of one id.
        unknown: pushes of which nobody can know whether they arrived, and which are shown as such.
        recovery: seconds from the end of the fault to the next success, where that is asked for.
    """

    fault: str
    operations: int
    faults: int
    lost: int
    doubled: int
    unknown: int = 0
    recovery: float | None = None


def note(figures: Figures) -> None:
    """Add a run. One short write at the end of the file, so that parallel tests do not tear each other's lines."""
    FILE.parent.mkdir(exist_ok=True)
    with FILE.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(figures)) + "\n")


def read() -> list[Figures]:
    """Every run that was noted."""
    return [Figures(**json.loads(line)) for line in FILE.read_text(encoding="utf-8").splitlines()]


def table(runs: Iterable[Figures]) -> str:
    """All runs of each fault added up, as a table in Markdown."""
    groups: dict[str, list[Figures]] = {}
    for run in runs:
        groups.setdefault(run.fault, []).append(run)
    head = "| fault | runs | operations | faults | lost | doubled | unknown | worst recovery |\n"
    return (
        head
        + "|---|--:|--:|--:|--:|--:|--:|--:|\n"
        + "".join(_row(fault, groups[fault]) for fault in sorted(groups, key=_place))
    )


def _row(fault: str, runs: list[Figures]) -> str:
    worst = max((run.recovery for run in runs if run.recovery is not None), default=None)
    sums = (sum(getattr(run, name) for run in runs) for name in ("operations", "faults", "lost", "doubled", "unknown"))
    cells = [fault, f"{len(runs):,}", *(f"{each:,}" for each in sums), "–" if worst is None else f"{worst:.1f} s"]
    return f"| {' | '.join(cells)} |\n"


def _place(fault: str) -> tuple[int, str]:
    number = fault.split(" ", 1)[0].removeprefix("F")
    return (int(number) if number.isdigit() else 0, fault)


PAGE = """# What the fault tests counted

Written by `python -m tests.faults.figures`, which `make prove` calls after its rounds. Every row is a fault that was injected on purpose while clients wrote down what they were told; *lost* is acknowledged and neither
row nor failed event, of pushes: somebody whom none reached and of whom none is shown as unknown; *doubled* is a second row or push of one id; *unknown* is a push whose answer was lost, with the worker or on its way. What each test does and which saboteur turns it red: [reliability.md](reliability.md).

{table}
{runs} runs, {day}.
"""


def main() -> None:
    """Print the page."""
    runs = read()
    sys.stdout.write(PAGE.format(table=table(runs), runs=len(runs), day=datetime.now(UTC).date()))


if __name__ == "__main__":
    main()
