"""`joren shop` shows and changes settings, and names the one that cannot be taken."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from backend.cli.main import app

Joren = Callable[..., Result]


@pytest.fixture
def joren(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Joren:
    monkeypatch.setattr("backend.log.configure", lambda **_: None)  # its stream would be closed for later tests
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("JOREN_HOME", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(app, ["shop", *arguments])


def test_settings_are_shown_and_changed(joren: Joren) -> None:
    before = json.loads(joren("show", "--json").stdout)
    assert (before["cap_7d"], before["quiet_from"]) == (3, "21:00:00")
    done = joren("set", "cap_7d=2", "quiet_from=22:00", "name_ja=珈琲 常連", "simulated=true")
    assert done.exit_code == 0, done.output
    assert "珈琲 常連" in done.stdout
    wanted = {"cap_7d": 2, "quiet_from": "22:00:00", "name_ja": "珈琲 常連", "simulated": True}
    assert json.loads(joren("show", "--json").stdout) == before | wanted


@pytest.mark.parametrize("given", ["cap_7d=many", "cap_7d=51", "week_starts=8", "day=1", "quiet_from=soon", "zone"])
def test_what_cannot_be_taken_is_one_sentence_with_status_2(joren: Joren, given: str) -> None:
    done = joren("set", "name_en=Other", given)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert json.loads(joren("show", "--json").stdout)["name_en"] == "Joren"


def test_the_sentence_names_the_setting(joren: Joren) -> None:
    for given in ("cap_7d=51", "zone=Tokyo", "capp=1"):
        assert given.partition("=")[0] in joren("set", given).stderr


def test_thresholds_are_set_and_given_back_to_history(joren: Joren) -> None:
    assert "No version is stored" in joren("thresholds").stdout
    assert "45 / 90 / 180 days  set by command line" in joren("thresholds", "45", "90", "180").stdout
    assert joren("thresholds", "--from-history").exit_code == 0
    first, second = json.loads(joren("thresholds", "--json").stdout)
    assert (first["thresholds"]["t3"], first["derived"]) == (180, False)
    assert (second["thresholds"]["version"], second["derived"], second["thresholds"]["provisional"]) == (2, True, True)


@pytest.mark.parametrize("given", [("45", "90"), ("90", "45", "180"), ("45", "90", "180", "--from-history")])
def test_thresholds_that_cannot_be_are_one_sentence(joren: Joren, given: tuple[str, ...]) -> None:
    done = joren("thresholds", *given)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)


def test_margin_rates_are_added_and_listed(joren: Joren) -> None:
    assert "No margin is known" in joren("margins").stdout
    done = joren("margins", "tea=62.5", "coffee beans 40", "--default", "30", "--from", "2026-01-05")
    assert "from 2026-01-05  default 30 %; coffee beans 40 %, tea 62.5 %  set by command line" in done.stdout
    assert joren("margins", "--unknown").exit_code == 0
    first, second = json.loads(joren("margins", "--json").stdout)
    assert (first["rates"]["categories"], second["rates"]["default"]) == ([["coffee beans", 4000], ["tea", 6250]], None)


@pytest.mark.parametrize(
    "given", [("tea",), ("tea=101",), ("tea=1", "tea=2"), ("--default", "x"), ("tea=5", "--from", "1980-01-01")]
)
def test_margin_rates_that_cannot_be_are_one_sentence(joren: Joren, given: tuple[str, ...]) -> None:
    done = joren("margins", *given)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.output
