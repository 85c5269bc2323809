"""What the linters cannot say: every command has an example, every setting is explained, no file grows without end."""

import re
from importlib import import_module
from pathlib import Path

import pytest
import typer.main

from backend import settings
from backend.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
PACKAGES = ("segments", "campaigns", "backend", "admin_ui")


def leaves() -> list[tuple[str, str]]:
    """Every command that does something, with its help text."""
    waiting = [(name, typer.main.get_command(import_module(module).app)) for name, (module, _) in COMMANDS.items()]
    found = []
    while waiting:
        name, command = waiting.pop(0)
        children = getattr(command, "commands", {})
        waiting += [(name if child == name else f"{name} {child}", each) for child, each in children.items()]
        if not children:
            found.append((name, command.help or ""))
    return found


@pytest.mark.parametrize(("name", "text"), leaves(), ids=lambda value: value if " " not in value[:30] else "")
def test_every_command_shows_an_example(name: str, text: str) -> None:
    assert re.search(rf"joren {re.escape(name)}\b", text), f"joren {name} --help has no example"


def test_make_prove_runs_every_benchmark_that_no_other_starts() -> None:
    named = re.search(r"^BENCHMARKS := ((?:.*\\\n)*.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert named is not None
    scripts = {path.stem for path in (ROOT / "benchmarks").glob("*.py") if "__main__" in path.read_text()}
    assert set(named[1].replace("\\", "").split()) == scripts - {"big_history", "dry_runs"}


def test_every_setting_is_explained() -> None:
    source = Path(settings.__file__).read_text()
    names = set(re.findall(r'values\.get\("([A-Z_]+)"', source))
    assert names
    documentation = str(settings.Settings.__doc__)
    assert [name for name in names if name not in documentation] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_accretes(package: str) -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / package).rglob("*.py")
        if (lines := path.read_text().count("\n")) > 450
    }
    assert long == {}
