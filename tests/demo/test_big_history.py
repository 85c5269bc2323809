"""A big history is written once, however often the writing is interrupted, and into no folder that holds anything else."""

from datetime import date
from pathlib import Path

import msgspec
import pytest

from backend.demo import facts
from backend.lake.schemas import HISTORY
from benchmarks import big_history
from benchmarks.big_history import SOURCES, Plan, Writer, lake_in

PLAN = Plan(members=50, days=40, last=date(2026, 3, 31), seed=7, writers=2)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty members a part."""
    monkeypatch.setattr(facts, "BLOCK", 20)
    monkeypatch.setattr(big_history, "BLOCKS_AT_ONCE", 1)


def test_writing_goes_on_where_it_was_and_ends_with_every_row_once(tmp_path: Path) -> None:
    next(Writer(tmp_path, PLAN, 0).write())
    for number in (1, 0):
        list(Writer(tmp_path, PLAN, number).write())
    assert [list(Writer(tmp_path, PLAN, number).write()) for number in (0, 1)] == [[0, 0], [0]]
    made = list(facts.lake_blocks(PLAN.shop, sources=SOURCES))
    assert len(made) == 3
    for table in HISTORY:
        assert lake_in(tmp_path).rows(table).collect().height == sum(getattr(rows, table).height for rows in made) > 0
    assert lake_in(tmp_path).events().collect().get_column("seq").is_unique().all()


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(SystemExit, match="not empty"):
        big_history.write_history(tmp_path, PLAN)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize(("complete", "state"), [(False, "a part"), (True, "all")])
def test_a_folder_with_another_history_is_refused_and_told_apart(tmp_path: Path, complete: bool, state: str) -> None:
    other = msgspec.structs.replace(PLAN, members=51, complete=complete)
    (tmp_path / "plan.json").write_bytes(msgspec.json.encode(other))
    with pytest.raises(SystemExit, match=f"holds {state} of another history: 51 members"):
        big_history.write_history(tmp_path, PLAN)
