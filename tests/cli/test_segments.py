"""`joren segment` from rule to explanation, on a frame on disk."""

import asyncio
import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from backend.cli.segments import app
from backend.lake.frame import CustomerFrame
from tests.segments.rules.people import TODAY, ago, frame_of, person
from tests.services.frames import AS_OF

ONCE = {"attribute": "orders", "op": "=", "value": 1}


@pytest.fixture
def joren(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("JOREN_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setattr("backend.log.configure", lambda **_: None)  # its stream would be closed for later tests
    rows = [
        person({"Order Completed": [40]}, orders=1, last_order=ago(40), reachable=True) | {"customer_id": 1},
        person(orders=2) | {"customer_id": 2},
    ]
    CustomerFrame(tmp_path / "frame").write(frame_of(rows), day=TODAY, at=AS_OF, seq=1, epoch=1)

    def call(*arguments: str, input: str | None = None) -> Result:  # noqa: A002 - as the runner names it
        return CliRunner().invoke(app, list(arguments), input=input)

    return call


def test_a_segment_is_made_listed_and_counted(joren: Any) -> None:
    made = joren("create", "一度だけ", "--rule", json.dumps(ONCE), "--json")
    assert made.exit_code == 0, made.output
    document = json.loads(made.stdout)
    assert document["segment"]["rule"] == ONCE
    assert document["count"]["size"] == 1
    number = str(document["segment"]["id"])
    for name in ("一度だけ", number):
        counted = json.loads(joren("count", name, "--json").stdout)
        assert (counted["size"], counted["total"], counted["share"], counted["reachable"]) == (1, 2, 0.5, 1)
        assert counted["as_of"] == "2026-06-30T03:00:00Z"
    listed = json.loads(joren("list", "--json").stdout)
    assert [each["segment"]["name"] for each in listed] == ["一度だけ"]
    told = joren("list", "--language", "ja").stdout
    assert "購入回数がちょうど1回" in told
    assert "1 of 2 customers (50.0%), 1 can be reached by push." in told


def test_the_rule_comes_from_a_file_or_standard_input(joren: Any, tmp_path: Path) -> None:
    file = tmp_path / "rule.json"
    file.write_text(json.dumps(ONCE))
    assert "has exactly 1 order." in joren("preview", "--rule", f"@{file}").stdout
    seen = joren("preview", "--rule", "-", "--json", input=json.dumps({"all": []}))
    assert json.loads(seen.stdout)["count"]["size"] == 2


def test_a_membership_is_explained(joren: Any, dsn: str) -> None:
    asyncio.run(_know_member(dsn))
    joren("create", "s", "--rule", json.dumps({"all": [ONCE, {"attribute": "rank", "op": "is_not_set"}]}))
    told = joren("explain", "s", "--customer", "M-1").stdout
    assert told.splitlines() == [
        "Customer 1 is in “s”.",
        "✓ has exactly 1 order and rank is not known",
        "  ✓ has exactly 1 order  [1 order]",
        "  ✓ rank is not known  [not known]",
    ]
    why = json.loads(joren("explain", "s", "--customer-id", "2", "--json").stdout)
    assert (why["member"], why["ja"]["parts"][0]["found"]) == (False, "2回")
    assert joren("explain", "s").exit_code == 2
    assert joren("explain", "s", "--customer", "M-1", "--customer-id", "1").exit_code == 2


async def _know_member(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "INSERT INTO customers (user_id, created_at, born_source_id) VALUES ('M-1', now(), 1), ('M-2', now(), 1)"
    )
    await connection.execute("INSERT INTO identities VALUES ('user', 'M-1', 1, true, now())")
    await connection.close()


def test_bad_input_is_one_sentence_and_status_2(joren: Any) -> None:
    for rule, sentence in {
        "{": "The rule is not JSON",
        "[]": "rule: [] is not a rule",
        '{"attribute": "orders", "op": "~"}': 'rule.op: "~" is no operator',
        "@/no/such/file": "/no/such/file cannot be read: No such file or directory",
    }.items():
        refused = joren("create", "s", "--rule", rule)
        assert refused.exit_code == 2
        assert refused.stderr.count("\n") == 1
        assert sentence in refused.stderr
    unknown = joren("count", "nobody")
    assert unknown.exit_code == 1
    assert 'No segment is called "nobody"' in unknown.stderr


def test_a_segment_is_changed_and_put_away(joren: Any) -> None:
    joren("create", "Once", "--rule", json.dumps(ONCE))
    twice = ONCE | {"value": 2}
    saved = json.loads(joren("save", "Once", "--rule", json.dumps(twice), "--name", "Twice", "--json").stdout)
    assert (saved["segment"]["name"], saved["segment"]["version"], saved["segment"]["rule"]) == ("Twice", 2, twice)
    renamed = json.loads(joren("save", "Twice", "--name", "二度", "--json").stdout)["segment"]
    assert (renamed["name"], renamed["version"], renamed["rule"]) == ("二度", 2, twice)
    nothing = joren("save", "二度")
    assert (nothing.exit_code, nothing.stderr.count("\n")) == (2, 1)
    assert joren("archive", "二度").exit_code == 0
    assert json.loads(joren("list", "--json").stdout) == []
    assert joren("save", "二度", "--name", "三度").exit_code == 1
