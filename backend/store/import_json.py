"""Reads NDJSON: one JSON object a line."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import polars as pl

from backend.errors import BadInput
from backend.store.import_tables import LONGEST_ROW, Look, Reading, Reject, Table, check_columns

_LOOKED_AT = 200
_Scalar = str | int | float | bool | None


def look(path: Path) -> Look:
    """The keys of its first objects; of objects that hold objects, none.

    Raises:
        BadInput: there is no line in it.
    """
    first = next(lines(path, chunk=_LOOKED_AT), None)
    if first is None:
        raise BadInput(f"{path.name} holds no rows that can be read.", code="empty_file", field="file")
    names: dict[str, None] = {}
    for _, line in first[0]:
        try:
            names |= dict.fromkeys(msgspec.json.decode(line, type=dict[str, _Scalar]))
        except msgspec.MsgspecError:
            continue
    columns = check_columns(path.name, list(names)) if names else ()
    return Look(reading=Reading(format="ndjson"), columns=columns)


def lines(path: Path, *, chunk: int) -> Iterator[tuple[list[tuple[int, bytes]], float]]:
    """Lines with their numbers, empty ones left out, and the share of the file read so far.

    A line that is longer than `LONGEST_ROW` comes cut, so that it is refused and costs no more memory than that.
    """
    size, done, batch = max(path.stat().st_size, 1), 0, []
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST_ROW + 1):
            number += 1
            done += len(line)
            while not line.endswith(b"\n") and (rest := file.readline(LONGEST_ROW)):
                done += len(rest)
                if rest.endswith(b"\n"):
                    break
            if stripped := line.removeprefix(b"\xef\xbb\xbf" if number == 1 else b"").strip():
                batch.append((number, stripped))
            if len(batch) == chunk:
                yield batch, done / size
                batch = []
    if batch:
        yield batch, 1.0


def tables(path: Path, chunk: int) -> Iterator[Table]:
    """Flat objects as rows; a line that is none is a reject."""
    for batch, share in lines(path, chunk=chunk):
        numbers: list[int] = []
        rows: list[dict[str, str | None]] = []
        unread: list[Reject] = []
        for number, line in batch:
            try:
                row = msgspec.json.decode(line, type=dict[str, _Scalar])
            except msgspec.MsgspecError as error:
                unread.append(Reject(number, "not a flat JSON object", str(error), line=line.decode(errors="replace")))
                continue
            numbers.append(number)
            rows.append({name: None if value is None else str(value) for name, value in row.items()})
        names = dict.fromkeys(name for row in rows for name in row)
        columns = {name: pl.Series([row.get(name) for row in rows], dtype=pl.String) for name in names}
        yield Table(numbers, columns, tuple(unread), share)
