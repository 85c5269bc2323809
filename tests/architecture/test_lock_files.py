"""Lock files pin everything by hash and name no registry's host."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_python_lock_names_no_host_and_every_pin_has_a_hash() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"https?://|--index-url|--find-links", text)
    pins = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert len(pins) > 50
    assert [pin.split(" ", 1)[0] for pin in pins if "--hash=sha256:" not in pin] == []


def test_every_direct_dependency_is_in_the_lock() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    locked = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert {re.split(r"[<>=!~\[ ]", line)[0].lower() for line in wanted} <= locked


@pytest.mark.parametrize("name", ["package-lock.json", "tests/sdk/package-lock.json"])
def test_npm_lock_names_no_host_and_every_package_has_a_hash(name: str) -> None:
    lock = json.loads((ROOT / name).read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    assert [name for name, package in packages.items() if "://" in package.get("resolved", "")] == []
    assert [name for name, package in packages.items() if "integrity" not in package] == []
