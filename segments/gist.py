"""Which events of a batch say anything about who is whom that its others do not. Pure.

Of events that differ in nothing but their moment, four say all: the first and the last that came, the earliest and the
latest by when they were said. A claim counts from its earliest moment and an address hears its latest one; a birth goes
by the first to come, and what an owner tells of his device by the last. See docs/decisions/0012-identity-under-reordering.md.
"""

from collections.abc import Sequence

import polars as pl


def telling(alike: Sequence[str], *, of: pl.DataFrame) -> list[int]:
    """Places of the events that are enough, in their order.

    Args:
        alike: columns that are equal in events which differ in nothing but their moment.
        of: the batch in the order of arrival, with these and ``said_at``.
    """
    place, said_at = pl.col("_place"), pl.col("said_at")
    kept = (
        of.select(*alike, "said_at")
        .with_row_index("_place")
        .group_by(*alike)
        .agg(
            place.first().alias("first"),
            place.last().alias("last"),
            place.get(said_at.arg_min()).alias("earliest"),
            place.get(said_at.arg_max()).alias("latest"),
        )
        .drop(*alike)
        .unpivot()
    )
    return kept.get_column("value").unique().sort().to_list()
