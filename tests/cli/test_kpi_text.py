"""Figures as text on the command line."""

import pytest

from backend.cli.kpi_text import value_text
from segments.metrics.metric import Unit


@pytest.mark.parametrize(
    ("value", "text"), [(417, "417"), (3.0, "3"), (0.242593, "0.243"), (5.3e-5, "5.3e-05"), (-9612.179, "-9,612.18")]
)
def test_a_plain_number_keeps_digits_that_tell_something(value: float, text: str) -> None:
    assert value_text(value, Unit.NUMBER, "JPY") == text
