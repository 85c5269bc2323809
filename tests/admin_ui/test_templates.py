"""Every template compiles, loads nothing from elsewhere and writes nothing inline."""

import json
import re
from pathlib import Path

import pytest

from admin_ui.environment import TEMPLATES, make_environment

ROOT = Path(__file__).parents[2]
NAMES = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html"))


@pytest.mark.parametrize("name", NAMES)
def test_it_compiles(name: str) -> None:
    assert make_environment().get_template(name)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_inline_and_nothing_is_unescaped(name: str) -> None:
    source = (TEMPLATES / name).read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|\|\s*safe\b|autoescape", source)
    assert not re.search(r"<script(?![^>]*\bsrc=)", source)
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", source)


def test_every_changing_form_carries_the_token() -> None:
    for name in NAMES:
        for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", (TEMPLATES / name).read_text(), re.DOTALL):
            assert 'name="csrf"' in form or 'action="/sign-in"' in form, f"{name}: {form[:80]}"


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
    assert [name for name, package in lock["packages"].items() if name and not package.get("integrity")] == []
