"""`joren arm` on a database that was restored; `joren doctor` tells that it is needed."""

from pathlib import Path

import asyncpg

from tests.fixtures.commands import joren


async def test_a_restored_database_is_told_and_armed(pool: asyncpg.Pool, dsn: str, tmp_path: Path) -> None:
    def run(*command: str) -> tuple[int, str]:
        done = joren(*command, home=tmp_path, DATABASE_URL=dsn)
        return done.returncode, done.stdout

    assert run("arm") == (0, "This installation may send.\n")
    await pool.execute("UPDATE sending_rights SET system_identifier = 1")
    status, said = run("arm")
    assert (status, "restored copy" in said) == (1, True)
    assert "Nothing is sent: this database was restored" in run("doctor")[1]
    status, said = run("arm", "--yes")
    assert (status, "within seconds its workers send again" in said) == (0, True)
    assert "This database may send." in run("doctor")[1]
    assert await pool.fetchval("SELECT count(*) FROM audit_log WHERE action = 'sending.arm'") == 1
