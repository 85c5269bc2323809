"""The catalogue says in two languages what each figure is, and everything in it can be measured."""

import pytest

from segments.errors import UnknownMetric
from segments.metrics import catalog
from segments.metrics.compute import LISTS, MEASURES, compute
from segments.metrics.facts import Facts
from segments.metrics.metric import Metric
from segments.metrics.notes import NOTES
from segments.windows import Window
from tests.segments.history import days_of
from tests.segments.metrics.members import after


def test_every_kpi_has_a_measure_and_every_measure_a_kpi() -> None:
    assert set(catalog.CATALOG) == {*MEASURES, "retention"}
    assert {slug for slug, metric in catalog.CATALOG.items() if metric.sheet} == set(LISTS)


@pytest.mark.parametrize("metric", catalog.CATALOG.values(), ids=catalog.CATALOG)
def test_words_are_there_in_both_languages(metric: Metric) -> None:
    for words in (metric.title, metric.numerator, metric.denominator, metric.window, metric.definition):
        assert set(words) == {"ja", "en"}
        assert all(text.strip() for text in words.values())
    assert all(option.ja and option.en for option in metric.options)


@pytest.mark.parametrize("slug", catalog.CATALOG)
def test_an_empty_shop_has_no_figure_and_no_fault(slug: str) -> None:
    measured = compute(slug, Facts(days=days_of([]), today=after(9)), Window(after(0), after(1)))
    assert measured.numerator == 0
    assert measured.value in (None, 0.0)
    assert set(measured.notes) <= set(NOTES)


def test_an_unknown_slug_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownMetric, match="launch_rate"):
        catalog.get("lunch_rate")
