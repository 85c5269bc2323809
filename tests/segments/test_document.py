"""``docs/events.md`` is what the vocabulary says."""

from pathlib import Path

from segments.document import render

PAGE = Path(__file__).parents[2] / "docs" / "events.md"
COMMAND = """python -c "from segments.document import render; print(render(), end='')" > docs/events.md"""


def test_the_page_is_the_vocabulary() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), f"run: {COMMAND}"
