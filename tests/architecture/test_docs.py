"""The pages of the documentation lead where they say, and the list of decisions names every one by its title."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.fixtures.installation import ROOT

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
DECISIONS = ROOT / "docs" / "decisions"
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"```.*?```", re.DOTALL)


def broken_links(page: Path) -> Iterator[str]:
    """Links of a page to files of ours that are not there, or to headings that they do not have."""
    for target in _LINK.findall(_FENCE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, heading = target.partition("#")
        file = (page.parent / unquote(name)).resolve() if name else page
        if not file.exists() or (heading and file.suffix == ".md" and heading not in headings(file)):
            yield target


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    titles = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


def test_a_link_to_nowhere_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A title\n[1](there.md) [2](page.md#a-title) [3](#no-title) [4](https://example.com/x)\n")
    assert list(broken_links(page)) == ["there.md", "#no-title"]


def test_the_list_of_decisions_names_each_by_its_title() -> None:
    titles = [(file.name, file.read_text().split("\n", 1)[0]) for file in sorted(DECISIONS.glob("[0-9]*.md"))]
    expected = [f"- [{title[2:6]}]({name}) {title[7:]}" for name, title in titles]
    listed = [line for line in (DECISIONS / "README.md").read_text().splitlines() if line.startswith("- [")]
    assert listed == expected


def test_the_front_page_leads_to_every_how_to() -> None:
    front = (ROOT / "README.md").read_text()
    missing = [page.name for page in (ROOT / "docs" / "how-to").glob("*.md") if f"how-to/{page.name}" not in front]
    assert missing == []
