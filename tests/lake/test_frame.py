"""The frame: the newest row of each customer wins, readers always see one consistent state."""

import random
import signal
import textwrap
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from backend.errors import Conflict
from backend.lake import folding
from backend.lake import frame as frames
from backend.lake.frame import CustomerFrame
from backend.lake.frame_view import OF_ROWS
from backend.lake.manifest import Manifest
from segments.reduce.latest import latest_columns
from segments.sampling import NEAR, drawn
from tests.fixtures import commands

DAY = date(2026, 4, 1)
AT = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)


def rows(orders: dict[int, int], **lists: list[date]) -> pl.DataFrame:
    """Rows of customers with a number of orders, and the same list columns for all of them."""
    frame = pl.DataFrame(
        {"customer_id": list(orders), "as_of": DAY, "orders": list(orders.values())},
        schema={"customer_id": pl.Int64, "as_of": pl.Date, "orders": pl.Int64},
    )
    return frame.with_columns(
        pl.lit(days, dtype=pl.List(pl.Date)).alias(f"days:{name}") for name, days in lists.items()
    )


def write(frame: CustomerFrame, new: pl.DataFrame, **overrides: Any) -> Manifest:
    return frame.write(new, **{"day": DAY, "at": AT, "seq": 1, "epoch": 1, **overrides})


def orders(frame: CustomerFrame) -> dict[int, int]:
    read = frame.read().frame.select("customer_id", "orders").collect()
    assert read.get_column("customer_id").is_unique().all()
    return dict(read.iter_rows())


@pytest.fixture
def frame(tmp_path: Path) -> CustomerFrame:
    return CustomerFrame(tmp_path / "frame")


def test_before_the_first_write_the_frame_is_empty(frame: CustomerFrame) -> None:
    view = frame.read()
    assert (view.customers, view.seq) == (0, 0)
    assert view.frame.select("customer_id", "reachable").collect().is_empty()


def test_the_newest_row_of_a_customer_wins(frame: CustomerFrame) -> None:
    write(frame, rows(dict.fromkeys(range(100), 0)))
    write(frame, rows({3: 1, 4: 1}))
    write(frame, rows({4: 2, 200: 7}), seq=9)
    found = orders(frame)
    assert (found[2], found[3], found[4], found[200], len(found)) == (0, 1, 2, 7, 101)
    assert (frame.read().customers, frame.read().seq) == (101, 9)


@pytest.mark.parametrize("seed", [0, 3, *(pytest.param(seed, marks=pytest.mark.prove) for seed in (1, 2, 4))])
def test_any_sequence_of_writes_equals_a_plain_dictionary(
    frame: CustomerFrame, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "FOLD_ROWS", 20)
    monkeypatch.setattr(folding, "FOLD_SHARE", 0.1 * seed)
    monkeypatch.setattr(folding, "HEAVY_SHARE", 0.5 * seed)
    monkeypatch.setattr(folding, "FOLD_AT_ONCE", 30)
    monkeypatch.setattr(frames, "MERGED_ROWS", 1 + seed * 5)
    chance = random.Random(seed)
    model: dict[int, int] = {}
    for step in range(25):
        new = {chance.randrange(120): step for _ in range(chance.randrange(1, 30))}
        gone = {chance.randrange(120) for _ in range(chance.randrange(4))} - set(new)
        write(frame, rows(new), removed=gone)
        if chance.random() < 0.5:
            frame.fold(epoch=1)
        model = {key: value for key, value in (model | new).items() if key not in gone}
        assert orders(frame) == orders(CustomerFrame(frame.path)) == model
        assert frame.read().customers == len(model)


def test_overlays_are_folded_a_part_at_a_time_and_what_comes_meanwhile_stands(
    frame: CustomerFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "FOLD_ROWS", 0)
    monkeypatch.setattr(folding, "HEAVY_SHARE", 1.0)
    monkeypatch.setattr(folding, "FOLD_AT_ONCE", 25)  # five buckets of six
    write(frame, rows(dict.fromkeys(range(96), 0)))
    write(frame, rows(dict.fromkeys(range(16), 1)), removed=[95])
    model = {number: int(number < 16) for number in range(95)}
    states = []
    for step in range(4):
        frame.fold(epoch=1)
        write(frame, rows({step: 2}))
        model[step] = 2
        states.append((len(frame.manifest().folding), len(frame.manifest().folded)))
        assert orders(frame) == orders(CustomerFrame(frame.path)) == model
        assert frame.read().customers == 95
    assert states == [(1, 5), (1, 10), (1, 15), (0, 0)]
    assert len(frame.manifest().overlays) <= 3, "of the one that was folded nothing is left"
    with pytest.raises(Conflict):
        frame.fold(epoch=0)


def test_a_frame_that_is_folded_at_once_forgets_what_was_on_its_way(
    frame: CustomerFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "FOLD_ROWS", 0)
    monkeypatch.setattr(folding, "FOLD_AT_ONCE", 1)
    write(frame, rows(dict.fromkeys(range(96), 0)))
    write(frame, rows(dict.fromkeys(range(16), 1)), removed=[95])
    frame.fold(epoch=1)
    assert frame.manifest().folding
    frame.purge(epoch=1)
    state = frame.manifest()
    assert (state.overlays, state.folding, state.folded) == ([], [], [])
    assert orders(frame) == {number: int(number < 16) for number in range(95)}


def test_few_files_are_in_force_however_many_writes(frame: CustomerFrame) -> None:
    write(frame, rows(dict.fromkeys(range(500), 0)))
    for step in range(40):
        manifest = write(frame, rows({step: 1}))
    assert len(manifest.overlays) <= 6


def test_the_day_moves_without_rewriting_rows(frame: CustomerFrame) -> None:
    first = write(frame, rows({1: 1}))
    second = write(frame, rows({}), day=DAY + timedelta(days=1))
    assert first.files() == second.files()
    assert frame.read().frame.collect().get_column("as_of").to_list() == [date(2026, 4, 2)]


def test_an_event_that_is_new_to_the_shop_is_an_empty_list_for_everyone_else(frame: CustomerFrame) -> None:
    write(frame, rows({1: 1, 2: 1}, opened=[DAY]))
    write(frame, rows({2: 2}, opened=[DAY], visited=[DAY]))
    read = frame.read().frame.sort("customer_id").collect()
    assert read.get_column("days:visited").to_list() == [[], [DAY]]
    assert read.get_column("days:opened").to_list() == [[DAY], [DAY]]


def test_rows_of_an_earlier_release_have_their_newest_days_worked_out(frame: CustomerFrame) -> None:
    days = [DAY, DAY - timedelta(days=3)]
    write(frame, rows({1: 1, 2: 1}, visited=days))
    write(frame, rows({3: 1}))
    write(frame, rows({2: 2}, visited=days[1:]).with_columns(latest_columns(["visited"])))
    asked = ["customer_id", "latest:visited:1", "latest:visited:2", "times:visited"]
    for view in (frame.read(), CustomerFrame(frame.path).read()):
        found = view.frame.select(asked).sort("customer_id").collect()
        number = (DAY - date(1969, 12, 31)).days
        assert found.rows() == [(1, number, number - 3, 2), (2, number - 3, 0, 1), (3, 0, 0, 0)]
        assert view.rows.filter(view.current).select(asked).sort("customer_id").collect().equals(found)


def test_a_reader_keeps_what_he_has_when_files_go(frame: CustomerFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "GRACE", timedelta())
    write(frame, rows(dict.fromkeys(range(100), 0)))
    view = CustomerFrame(frame.path).read()
    write(frame, rows(dict.fromkeys(range(100), 1)))
    write(frame, rows({1: 2}))
    assert view.frame.collect().get_column("orders").sum() == 0


def test_a_reader_who_comes_too_late_reads_again(frame: CustomerFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "GRACE", timedelta())
    monkeypatch.setattr(folding, "FOLD_ROWS", 0)
    write(frame, rows({1: 1}))
    reader = CustomerFrame(frame.path)
    stale = reader.manifest()
    write(frame, rows({1: 2}))
    write(frame, rows({1: 3}))
    answers = iter([stale, stale])
    real = CustomerFrame.manifest
    monkeypatch.setattr(CustomerFrame, "manifest", lambda self: next(answers, None) or real(self))
    assert orders(reader) == {1: 3}


def test_a_file_out_of_force_stays_for_a_while(frame: CustomerFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "FOLD_ROWS", 0)
    old = write(frame, rows({1: 1})).files()
    new = write(frame, rows({1: 2})).files()
    assert old.isdisjoint(new)
    assert old | new <= {path.name for path in frame.path.iterdir()}


def test_a_writer_that_was_passed_is_refused(frame: CustomerFrame) -> None:
    write(frame, rows({1: 1}), epoch=2)
    with pytest.raises(Conflict):
        write(frame, rows({1: 0}), epoch=1)
    assert orders(frame) == {1: 1}


@pytest.mark.fault
@pytest.mark.parametrize(("step", "nth"), [("fsync", 1), ("fsync", 2), ("fsync", 3), ("rename", 1), ("rename", 2)])
def test_killed_at_any_step_of_a_write_the_frame_is_the_old_one_and_goes_on(
    frame: CustomerFrame, step: str, nth: int
) -> None:
    write(frame, rows({1: 1, 2: 1}))
    script = textwrap.dedent(
        """
        import os, pathlib, signal, sys
        from pathlib import Path
        from backend.lake.frame import CustomerFrame
        from tests.lake.test_frame import rows, write
        owner, name = (os, "fsync") if sys.argv[2] == "fsync" else (pathlib.Path, "rename")
        real, calls = getattr(owner, name), 0
        def dies(*args):
            global calls
            calls += 1
            if calls == int(sys.argv[3]):
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args)
        setattr(owner, name, dies)
        write(CustomerFrame(Path(sys.argv[1])), rows({1: 2, 3: 2}))
        """
    )
    before, after = {1: 1, 2: 1}, {1: 2, 2: 1, 3: 2}
    assert commands.script(script, str(frame.path), step, str(nth)) == -signal.SIGKILL
    in_force = step == "fsync" and nth == 3  # the manifest is replaced; only the folder was not yet synced
    assert orders(frame) == (after if in_force else before)
    write(frame, rows({1: 2, 3: 2}))
    assert orders(frame) == after
    assert not list(frame.path.glob("*.new"))


def test_as_of_moves_on_while_there_is_nothing_newer(frame: CustomerFrame) -> None:
    manifest = write(frame, rows({1: 1}))
    later = AT + timedelta(hours=3)
    frame.confirm(manifest, at=later)
    assert (frame.read().as_of, frame.read().made_at) == (later, AT)
    assert CustomerFrame(frame.path).read().as_of == later


def test_a_note_about_an_earlier_frame_counts_for_nothing(frame: CustomerFrame) -> None:
    manifest = write(frame, rows({1: 1}))
    write(frame, rows({1: 2}), at=AT + timedelta(minutes=1), seq=2)
    frame.confirm(manifest, at=AT + timedelta(hours=3))
    assert frame.read().as_of == AT + timedelta(minutes=1)


def test_a_note_that_was_cut_short_is_passed_over(frame: CustomerFrame) -> None:
    frame.confirm(write(frame, rows({1: 1})), at=AT + timedelta(hours=3))
    (frame.path / "confirmed.json").write_bytes(b'{"epoch"')
    assert frame.read().as_of == AT


def test_every_stored_row_is_told_from_those_in_force(frame: CustomerFrame) -> None:
    write(frame, rows(dict.fromkeys(range(40), 1)))
    write(frame, rows({3: 2, 4: 2}))
    write(frame, rows({3: 3}), removed=[5])
    view = frame.read()
    assert view.rows.select(pl.len()).collect().item() > view.customers == 39
    current = view.rows.filter(view.current).drop(OF_ROWS).sort("customer_id").collect()
    assert current.equals(view.frame.sort("customer_id").collect())


def test_stored_rows_tell_who_stands_lowest_in_the_draw(frame: CustomerFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "near_limit", lambda customers: 2**29 if customers < 100 else 2**28)

    def near() -> set[int]:
        return {*frame.read().rows.filter(NEAR).select("customer_id").collect().to_series()}

    def lowest(numbers: range, limit: int) -> set[int]:
        drawing = pl.DataFrame({"customer_id": numbers}, schema={"customer_id": pl.Int64})
        return {*drawing.filter(drawn() < limit).to_series()}

    write(frame, rows(dict.fromkeys(range(40), 1)))
    assert near() == lowest(range(40), 2**29)
    write(frame, rows(dict.fromkeys(range(30, 60), 2)))
    assert near() == lowest(range(60), 2**29)
    write(frame, rows(dict.fromkeys(range(60, 120), 2)))
    assert near() == lowest(range(120), 2**28), "so many that fewer of them are near"
