"""`joren doctor`: every check says what it looked at, what it found, and how to mend it."""

import asyncio
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path

import asyncpg
import msgspec
import typer
from deltalake.exceptions import DeltaError

from backend import settings
from backend.cli.runtime import database, print_json, run
from backend.errors import JorenError, NotConfigured
from backend.lake.damage import examine_frame, examine_lake
from backend.lake.engine import engine_at
from backend.lake.frame import CustomerFrame
from backend.lake.tables import Lake
from backend.push.emulator.address import require_loopback
from backend.services.sending_rights import MARK_FILE, judge, read_mark
from backend.settings import Settings
from backend.store import schema, sending_rights
from backend.wiring import Services

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_OLDEST_POSTGRES = 15
_LOW_DISK = 1_000_000_000


class Health(StrEnum):
    """How a check came out."""

    OK = "ok"
    CARE = "care"
    WRONG = "wrong"


class Finding(msgspec.Struct, frozen=True):
    """One check's result.

    Attributes:
        subject: what was looked at.
        health: ok, care (works, but look at it) or wrong.
        found: one sentence.
        remedy: what to do; empty when nothing is.
    """

    subject: str
    health: Health
    found: str
    remedy: str = ""


@app.command()
def doctor(
    json: bool = typer.Option(False, "--json", help="Print the findings as JSON."),
    thorough: bool = typer.Option(False, "--thorough", help="Read every row of the lake, not only what its files say."),
    mend: bool = typer.Option(False, "--mend", help="Make damaged files of lake and frame whole from what is left."),
) -> None:
    """Check settings, database, lake, credentials and disk; say what is wrong and how to mend it.

    Ends with status 1 when something is wrong. Examples: joren doctor --json; joren doctor --mend
    """
    findings = [*(run(_mend) if mend else ()), *examine(thorough=thorough)]
    if json:
        print_json(findings)
    else:
        for finding in findings:
            typer.echo(f"{finding.health.value:5}  {finding.subject:12}  {finding.found}")
            if finding.remedy:
                typer.echo(f"{'':5}  {'':12}  → {finding.remedy}")
    if any(finding.health is Health.WRONG for finding in findings):
        raise typer.Exit(1)


async def _mend(services: Services) -> list[Finding]:
    done = await services.refresh.mend()
    if done.frame:
        await services.refresh.run_until_current()
    findings = [Finding("mended", Health.CARE, str(damage)) for damage in done.found]
    findings += [
        Finding("mended", Health.OK, f"{rows:,} rows of {table} are back.") for table, rows in done.restored.items()
    ]
    if done.frame:
        findings.append(Finding("mended", Health.OK, "The customer frame was made again."))
    findings += [Finding("lost", Health.WRONG, sentence) for sentence in done.lost]
    return findings or [Finding("mended", Health.OK, "Nothing was damaged.")]


def examine(*, thorough: bool = False) -> Iterator[Finding]:
    """Every check in order; later ones are left out when the settings themselves do not stand."""
    try:
        current = settings.read()
    except settings.BadSettings as error:
        yield Finding("settings", Health.WRONG, str(error), "Change or unset the variables it names.")
        return
    yield Finding("settings", Health.OK, f"JOREN_HOME is {current.home}.")
    for check in (_disk, _database, _lake):
        yield from check(current)
    yield from _files(current, thorough=thorough)
    yield from _old_history(current)
    yield from _engine(current)
    yield from _push(current)


def _disk(current: Settings) -> Iterator[Finding]:
    place = next(folder for folder in (current.home, *current.home.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    found = f"{free / 1e9:.1f} GB free."
    if free < _LOW_DISK:
        yield Finding("disk", Health.WRONG, found, "Free some space, or set JOREN_HOME to a folder on another disk.")
    else:
        yield Finding("disk", Health.OK, found)


def _database(current: Settings) -> Iterator[Finding]:
    try:
        with database(current) as ready:
            yield from asyncio.run(_ask_database(str(ready.database_url), current.home))
    except JorenError as error:
        yield Finding("database", Health.WRONG, error.message, "See the sentence above.")
    except (OSError, asyncpg.PostgresError) as error:
        yield Finding("database", Health.WRONG, f"It does not answer: {error}.", "Start it, or unset DATABASE_URL.")


async def _ask_database(dsn: str, home: Path) -> list[Finding]:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        version = connection.get_server_version()
        unsafe = [name for name in ("fsync", "full_page_writes") if await connection.fetchval(f"SHOW {name}") != "on"]
        revision = await schema.revision(dsn)
        findings = [_version_finding(version.major), _schema_finding(revision)]
        if revision == schema.head():
            findings += await _sending(connection, home)
        if unsafe:
            found = f"{' and '.join(unsafe)} is off: a crash can lose acknowledged events."
            findings.append(Finding("durability", Health.WRONG, found, "Set it to on and restart PostgreSQL."))
        else:
            findings.append(Finding("durability", Health.OK, "fsync and full_page_writes are on."))
        return findings
    finally:
        await connection.close()


def _version_finding(major: int) -> Finding:
    if major < _OLDEST_POSTGRES:
        return Finding("database", Health.WRONG, f"PostgreSQL {major} is too old.", "Use PostgreSQL 15 or newer.")
    return Finding("database", Health.OK, f"PostgreSQL {major} answers.")


def _schema_finding(revision: str | None) -> Finding:
    if revision == schema.head():
        return Finding("schema", Health.OK, f"At revision {revision}.")
    return Finding("schema", Health.WRONG, f"At revision {revision}, not {schema.head()}.", "Run joren migrate.")


async def _sending(connection: asyncpg.Connection, home: Path) -> list[Finding]:
    """Whether this database may send: nothing is said before the first worker has armed it."""
    right = await sending_rights.read_right(connection)
    if right is None:
        return []
    identity, position = await sending_rights.read_identity(connection)
    held = judge(right, identity, position, read_mark(home / MARK_FILE))
    if held is None:
        return [Finding("sending", Health.OK, "This database may send.")]
    found = "Nothing is sent: this database was restored, or put back to an earlier state."
    return [Finding("sending", Health.WRONG, found, "Run joren arm.")]


def _lake(current: Settings) -> Iterator[Finding]:
    if "://" in current.lake:
        yield Finding("lake", Health.OK, f"An object store, {current.lake}.")
        return
    folder = Path(current.lake)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"joren")
        probe.unlink()
    except OSError as error:
        yield Finding("lake", Health.WRONG, f"{folder} cannot be written: {error.strerror}.", "Mend its permissions.")
        return
    yield Finding("lake", Health.OK, f"{folder} can be written.")


def _files(current: Settings, *, thorough: bool) -> Iterator[Finding]:
    """History and frame, file by file."""
    lake, frame = Lake(current.lake, current.lake_options), CustomerFrame(current.home / "frame")
    try:
        damages = [*examine_lake(lake, thorough=thorough), *examine_frame(frame)]
    except (OSError, JorenError) as error:
        remedy = (
            "Look at JOREN_LAKE and at the object store's variables."
            if "://" in current.lake
            else "See the sentence above."
        )
        yield Finding("files", Health.WRONG, f"The lake cannot be read: {error}.", remedy)
        return
    for damage in damages:
        yield Finding("files", Health.WRONG, str(damage), "Run joren doctor --mend: it rebuilds what can be rebuilt.")
    if not damages:
        yield Finding("files", Health.OK, "Every file of the lake and of the customer frame is there and can be read.")


def _old_history(current: Settings) -> Iterator[Finding]:
    """Which raw history there is, and how long it is kept."""
    try:
        since = Lake(current.lake, current.lake_options).raw_since()
    except (DeltaError, OSError, JorenError):
        return  # the files' own findings say what is wrong
    kept = (
        f"Raw events and order lines are kept for {current.history_months} months (JOREN_HISTORY_MONTHS)"
        if current.history_months
        else "Raw events and order lines are kept for ever (JOREN_HISTORY_MONTHS is 0)"
    )
    if since is None:
        yield Finding("history", Health.OK, f"{kept}; none were dropped.")
    else:
        found = f"{kept}; those of business days before {since} were dropped. What is counted of those days stays."
        yield Finding("history", Health.OK, found)


def _engine(current: Settings) -> Iterator[Finding]:
    try:
        engine = engine_at(current.engine, current.lake_options)
        with engine.session():
            pass
    except JorenError as error:
        yield Finding("engine", Health.WRONG, error.message, "Change or unset JOREN_ENGINE.")
        return
    found = "Everybody's rows are reduced on the cluster." if engine.distributed else "Rows are reduced in the process."
    yield Finding("engine", Health.OK, found)


def _push(current: Settings) -> Iterator[Finding]:
    if current.fcm_emulator:
        yield from _tried(current.fcm_emulator, require_loopback, "Pushes go to the emulator at {}.")
    elif current.fcm_service_account:
        yield from _service_account(current.fcm_service_account)
    else:
        remedy = "Set JOREN_FCM_SERVICE_ACCOUNT to a service-account file to send for real."
        yield Finding("push", Health.CARE, "No sender is configured: campaigns can be planned, not sent.", remedy)


def _tried(value: str, check: Callable[[str], object], sentence: str) -> Iterator[Finding]:
    try:
        check(value)
    except NotConfigured as error:
        yield Finding("push", Health.WRONG, error.message, "Change JOREN_FCM_EMULATOR.")
    else:
        yield Finding("push", Health.OK, sentence.format(value))


def _service_account(path: Path) -> Iterator[Finding]:
    try:
        content = msgspec.json.decode(path.read_bytes())
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        yield Finding("push", Health.WRONG, f"{path} cannot be read: {error.strerror}.", "Name a readable file.")
        return
    except msgspec.DecodeError:
        yield Finding("push", Health.WRONG, f"{path} is not JSON.", "Download the service-account key again.")
        return
    if not isinstance(content, dict) or content.get("type") != "service_account":
        yield Finding(
            "push", Health.WRONG, f"{path} is not a service-account key.", "Name one of type service_account."
        )
    elif mode & 0o077:
        yield Finding("push", Health.WRONG, f"{path} can be read by others (mode {mode:o}).", f"Run chmod 600 {path}.")
    else:
        yield Finding("push", Health.OK, f"Pushes go to the real FCM, project {content.get('project_id')}.")
