"""Sizes and intersections of segments, against sets of people."""

from datetime import UTC, datetime
from itertools import combinations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.overlap import overlap_of, overlapping
from segments.rules.parse import parse

NOW = datetime(2026, 11, 22, tzinfo=UTC)
people = st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=30)
documents = st.lists(
    st.builds(
        lambda op, n: {"attribute": "orders", "op": op, "value": n},
        st.sampled_from(["=", "<", ">="]),
        st.integers(0, 4),
    ),
    max_size=4,
)


@settings(max_examples=80, deadline=None)
@given(people=people, documents=documents)
def test_intersections_are_those_of_the_sets(
    people: list[tuple[int, bool]], documents: list[dict[str, object]]
) -> None:
    frame = pl.DataFrame(
        [(number, *each) for number, each in enumerate(people)],
        schema={"customer_id": pl.Int64, "orders": pl.Int64, "reachable": pl.Boolean},
        orient="row",
    )
    rules = [parse(document) for document in documents]
    overlap = overlap_of(overlapping(frame.lazy(), rules).collect(), rules=len(rules), as_of=NOW)
    holds = {"=": int.__eq__, "<": int.__lt__, ">=": int.__ge__}
    sets = [
        {n for n, (orders, _) in enumerate(people) if holds[str(each["op"])](orders, each["value"])}
        for each in documents
    ]
    reach = {n for n, (_, reachable) in enumerate(people) if reachable}
    everyone = set(range(len(people)))
    for size in range(len(sets) + 1):
        for places in combinations(range(len(sets)), size):
            inside = everyone.intersection(*(sets[place] for place in places))
            assert overlap.size(*places) == len(inside)
            assert overlap.reachable(*places) == len(inside & reach)
            only = inside.difference(*(sets[place] for place in range(len(sets)) if place not in places))
            assert sum(cell.size for cell in overlap.cells if cell.places == places) == len(only)
    assert overlap.total == len(people)
    assert [cell.size for cell in overlap.exact()] == sorted((cell.size for cell in overlap.exact()), reverse=True)
