"""``docs/kpi.md`` is what the catalogue says."""

from pathlib import Path

from segments.metrics.document import render

PAGE = Path(__file__).parents[3] / "docs" / "kpi.md"
COMMAND = """python -c "from segments.metrics.document import render; print(render(), end='')" > docs/kpi.md"""


def test_the_page_equals_the_catalogue() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), f"write it anew: {COMMAND}"
