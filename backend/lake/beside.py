"""Columns laid beside the stored rows of the frame: a row for each, in their order, a part after the other."""

from collections.abc import Iterator

import polars as pl

from backend.lake.parting import PLACE
from backend.lake.shelf import Shelf, parts_of

ROWS = 500_000
"""Stored rows that are looked up at a time."""


def beside(stored: pl.LazyFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The columns of ``rows``, a row for each stored row, in their order; nothing for whom there is none."""
    ids = stored.select("customer_id").collect().to_series()
    return _joined(ids, rows).select(_filled(rows.schema))


def laid_beside(stored: pl.LazyFrame, rows: pl.DataFrame, shelf: Shelf) -> pl.DataFrame:
    """The same for whole frames: looked up some stored rows at a time, and laid on a shelf.

    Args:
        stored: ``customer_id``.
        rows: ``customer_id``, each once and in the order of `PLACE`, and the columns.
        shelf: where they are laid.
    """
    ids = stored.select("customer_id").collect().to_series()
    return shelf.lay(_looked_up(ids, rows))


def _looked_up(ids: pl.Series, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    for place in range(0, max(len(ids), 1), ROWS):
        yield _found(ids.slice(place, ROWS), rows)


def _found(ids: pl.Series, rows: pl.DataFrame) -> pl.DataFrame:
    """Of some stored rows: each part of ``rows`` is asked for those only whose places are among its own."""
    places = ids.to_frame().select(PLACE).to_series()
    order = places.arg_sort()
    asked, places = ids.gather(order), places.gather(order)
    found, begin = [_joined(asked.clear(), rows.clear())], 0
    for part in parts_of(rows):
        end = int(places.search_sorted(part.tail(1).select(PLACE).item(), side="right")) if part.height else begin
        if end > begin:  # to look for nobody costs as much as to look for many: the part is made ready first
            found.append(_joined(asked.slice(begin, end - begin), part))
        begin = end
    found.append(_joined(asked.slice(begin), rows.clear()))
    return pl.concat(found).select(_filled(rows.schema))[order.arg_sort()]


def _joined(ids: pl.Series, rows: pl.DataFrame) -> pl.DataFrame:
    return ids.to_frame("customer_id").join(rows, on="customer_id", how="left", maintain_order="left")


def _filled(schema: pl.Schema) -> Iterator[pl.Expr]:
    """Days and amounts of whoever never did it are an empty list, and who is not on a list is not; other facts stay unknown."""
    for name, dtype in schema.items():
        if isinstance(dtype, pl.List):
            yield pl.col(name).fill_null(pl.lit([], dtype=dtype))
        elif name != "customer_id":
            yield pl.col(name).fill_null(value=False) if dtype == pl.Boolean() else pl.col(name)
