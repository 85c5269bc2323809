"""Customer tokens from the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from backend.cli.main import app
from tests.fixtures.customer_tokens import Issuer, private_pem

Joren = Callable[..., Result]


@pytest.fixture
def joren(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Joren:
    monkeypatch.setattr("backend.log.configure", lambda **_: None)
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("JOREN_HOME", str(tmp_path))

    def invoke(*arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(app, ["source", *arguments], **options)

    return invoke


def test_a_key_is_added_used_and_retired(joren: Joren, tmp_path: Path) -> None:
    assert joren("create", "店アプリ").exit_code == 0
    file = tmp_path / "public.pem"
    file.write_text(Issuer().public)
    refused = joren("set", "店アプリ", "--token-mode", "enforce")
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    added = joren("token-key", "add", "店アプリ", str(file), "--kid", "2026-04", "--json")
    assert json.loads(added.stdout)["algorithm"] == "ES256"
    assert joren("token-key", "add", "店アプリ", "-", input=Issuer(algorithm="EdDSA").public).exit_code == 0
    assert joren("set", "店アプリ", "--token-mode", "enforce").exit_code == 0
    assert joren("token-key", "retire", "店アプリ", "2026-04").exit_code == 0
    listed = {key["kid"]: key for key in json.loads(joren("token-key", "list", "店アプリ", "--json").stdout)}
    assert listed["2026-04"]["retired_by"] == "command line"
    assert [key["algorithm"] for key in listed.values() if key["retired_at"] is None] == ["EdDSA"]
    assert "never used" in joren("token-key", "list", "店アプリ").stdout
    assert json.loads(joren("token-report", "店アプリ", "--json").stdout)["mode"] == "enforce"
    assert "No event had to" in joren("token-report", "店アプリ").stdout


@pytest.mark.parametrize("text", [private_pem(Issuer().key), "rubbish"])
def test_what_is_no_public_key_is_refused_with_status_2(joren: Joren, text: str) -> None:
    joren("create", "app")
    done = joren("token-key", "add", "app", "-", input=text)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)


def test_a_mode_that_does_not_exist_is_refused_with_status_2(joren: Joren) -> None:
    joren("create", "app")
    assert joren("set", "app", "--token-mode", "sometimes").exit_code == 2
    assert joren("set", "nobody", "--token-mode", "off").exit_code == 1
