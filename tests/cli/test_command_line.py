"""The command as a person meets it: help, one clear sentence on failure, an exit status."""

import ast
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import backend.cli
from tests.fixtures.commands import joren

ROOT = Path(__file__).parents[2]


def started(*arguments: str, home: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """The command from its very start, in a process that knows nothing yet."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "JOREN_HOME": str(home), **variables}
    return subprocess.run(
        [sys.executable, "-m", "backend.cli", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        timeout=110,
        check=False,
    )


def test_overview_lists_every_command(tmp_path: Path) -> None:
    done = started("--help", home=tmp_path)
    assert done.returncode == 0
    assert {"demo", "serve", "worker", "kpi", "doctor"} <= set(done.stdout.split())


def test_fits_take_one_thread_unless_somebody_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS")
    importlib.reload(backend.cli)
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    importlib.reload(backend.cli)
    assert os.environ["OPENBLAS_NUM_THREADS"] == "3"


def test_little_is_read_ahead_of_local_files_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for lake, ahead in (("", "4"), ("/srv/lake", "4"), ("s3://bucket/lake", None)):
        monkeypatch.delenv("POLARS_ROW_GROUP_PREFETCH_SIZE", raising=False)
        monkeypatch.setenv("JOREN_LAKE", lake)
        importlib.reload(backend.cli)
        assert os.environ.get("POLARS_ROW_GROUP_PREFETCH_SIZE") == ahead


def test_unknown_command_is_said(tmp_path: Path) -> None:
    done = started("servce", home=tmp_path)
    assert done.returncode == 2
    assert "servce" in done.stderr


def test_database_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    done = started("source", "list", home=tmp_path, DATABASE_URL="postgresql://nobody@127.0.0.1:9/none")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "DATABASE_URL does not answer" in done.stderr


async def test_outdated_schema_names_the_command_that_mends_it(tmp_path: Path, dsn: str, pool: object) -> None:
    await pool.execute("UPDATE alembic_version SET version_num = '0000'")  # type: ignore[attr-defined]
    done = joren("source", "list", home=tmp_path, DATABASE_URL=dsn)
    assert done.returncode == 1
    assert "run joren migrate" in done.stderr


def test_doctor_refuses_two_senders(tmp_path: Path) -> None:
    done = joren(
        "doctor",
        "--json",
        home=tmp_path,
        JOREN_FCM_SERVICE_ACCOUNT="key.json",
        JOREN_FCM_EMULATOR="https://127.0.0.1:8085",
    )
    assert done.returncode == 1
    (finding,) = json.loads(done.stdout)
    assert finding["health"] == "wrong"
    assert "unset one" in finding["found"]


@pytest.mark.parametrize(
    ("content", "mode", "found"),
    [
        ('{"type": "service_account", "project_id": "p"}', 0o644, "can be read by others"),
        ('{"type": "user"}', 0o600, "is not a service-account key"),
        ("not json", 0o600, "is not JSON"),
    ],
)
def test_doctor_looks_at_the_credential(tmp_path: Path, dsn: str, content: str, mode: int, found: str) -> None:
    key = tmp_path / "key.json"
    key.write_text(content)
    key.chmod(mode)
    done = joren("doctor", home=tmp_path, DATABASE_URL=dsn, JOREN_FCM_SERVICE_ACCOUNT=str(key))
    assert done.returncode == 1
    assert found in done.stdout


def test_doctor_is_content_with_a_sound_installation(tmp_path: Path, dsn: str) -> None:
    done = joren("doctor", "--json", home=tmp_path, DATABASE_URL=dsn)
    findings = {finding["subject"]: finding["health"] for finding in json.loads(done.stdout)}
    assert findings == {
        "settings": "ok", "disk": "ok", "database": "ok", "schema": "ok", "durability": "ok", "lake": "ok",
        "files": "ok", "engine": "ok", "history": "ok", "push": "care",
    }  # fmt: skip
    assert done.returncode == 0


SERVERS = {"draining_server", "emulator", "serve"}
"""Modules of the command that are a server, or start one in their own process."""


def test_commands_do_not_load_what_only_servers_and_workers_need() -> None:
    commands = {path.stem for path in (ROOT / "backend" / "cli").glob("*.py")} - {"__init__", "__main__"}
    assert commands > SERVERS
    script = f"""
import sys
from importlib import import_module
import backend.wiring.everything
for name in {sorted(commands - SERVERS)}:
    import_module(f"backend.cli.{{name}}")
print(sorted({{name.partition(".")[0] for name in sys.modules}}))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    loaded = set(ast.literal_eval(done.stdout))
    assert "polars" in loaded
    assert not {"alembic", "granian", "hypercorn", "litestar", "pgqueuer", "sqlalchemy"} & loaded
