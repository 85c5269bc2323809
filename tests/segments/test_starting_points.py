"""Every starting point is a rule that stands and can be told in both languages."""

import pytest

from segments.rules.describe import describe
from segments.rules.parse import dump, parse
from segments.starting_points import STARTING_POINTS, StartingPoint


@pytest.mark.parametrize("point", STARTING_POINTS, ids=lambda point: point.name)
def test_a_starting_point_is_a_rule(point: StartingPoint) -> None:
    rule = parse(point.rule("S01" if point.asks else ""))
    assert parse(dump(rule)) == rule
    for language in ("ja", "en"):
        assert describe(rule, language)
    assert all((point.ja, point.en, point.when_ja, point.when_en))
