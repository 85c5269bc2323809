"""Administrators from the command line."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from backend.cli.main import app
from backend.clock import SystemClock
from backend.services.access.sessions import Access, Session
from backend.store.pool import open_pool

Joren = Callable[..., Result]


@pytest.fixture
def joren(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Joren:
    """The command in this process; it leaves the log alone, whose stream would be closed for the tests that follow."""
    monkeypatch.setattr("backend.log.configure", lambda **_: None)
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("JOREN_HOME", str(tmp_path))
    return lambda *arguments, typed=None: CliRunner().invoke(app, ["admin", "create", *arguments], input=typed)


def sign_in(dsn: str, email: str, password: str) -> Session:
    async def enter() -> Session:
        pool: asyncpg.Pool = await open_pool(dsn)
        try:
            _, session = await Access(pool, SystemClock()).sign_in(email=email, password=password, network="127.0.0.1")
            return session
        finally:
            await pool.close()

    return asyncio.run(enter())


def test_a_generated_password_is_printed_once_and_signs_in(joren: Joren, dsn: str) -> None:
    done = joren("--email", "hanako@example.jp", "--name", "山田 花子", "--role", "marketer")
    assert done.exit_code == 0, done.output
    password = done.stdout.rpartition("Password (shown once): ")[2].strip()
    assert sign_in(dsn, "hanako@example.jp", password).administrator.role == "marketer"


def test_a_given_password_is_read_from_standard_input_and_not_repeated(joren: Joren, dsn: str) -> None:
    password = "焼きたてのパンはいかがでしょう"
    done = joren("--email", "t@example.jp", "--name", "店長", "--password-stdin", typed=f"{password}\n")
    assert done.exit_code == 0, done.output
    assert password not in done.output
    assert sign_in(dsn, "t@example.jp", password).administrator.role == "administrator"


@pytest.mark.parametrize(
    ("typed", "status", "said"),
    [
        ("short\n", 2, "at least 12 characters"),
        ("\n", 2, "holds no password"),
        ("an honest long password\n", 0, "Created"),
    ],
)
def test_what_cannot_be_taken_is_one_sentence(joren: Joren, typed: str, status: int, said: str) -> None:
    done = joren("--email", "t@example.jp", "--name", "店長", "--password-stdin", typed=typed)
    assert done.exit_code == status
    assert said in done.output
    assert "Traceback" not in done.output


def test_an_address_is_taken_once(joren: Joren) -> None:
    assert joren("--email", "t@example.jp", "--name", "a").exit_code == 0
    again = joren("--email", "T@example.jp", "--name", "b")
    assert again.exit_code == 1
    assert "already has an account" in again.output
