"""What every command shares: settings, a database that is up and migrated, services, and one clear sentence on failure."""

import asyncio
import contextlib
import dataclasses
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import asyncpg
import msgspec
import typer

from backend import log, settings
from backend.embedded.postgres import EmbeddedPostgres
from backend.errors import BadInput, JorenError, NotConfigured, Unavailable
from backend.store import schema
from backend.wiring import Services, open_services
from segments.errors import FactsError

T = TypeVar("T")


def run(work: Callable[[Services], Awaitable[T]]) -> T:
    """Run ``work`` with the services of this installation; failures end the process with one sentence."""
    with failing_clearly():
        current = settings.read()
        log.configure(level="warning" if sys.stderr.isatty() else current.log_level)
        with database(current) as ready:
            return asyncio.run(_with_services(ready, work))
    raise AssertionError  # pragma: no cover - failing_clearly always leaves


async def _with_services(current: settings.Settings, work: Callable[[Services], Awaitable[T]]) -> T:
    async with open_services(current) as services:
        return await work(services)


@contextlib.contextmanager
def database(current: settings.Settings, *, migrating: bool = False) -> Iterator[settings.Settings]:
    """Settings whose ``database_url`` answers and has this release's schema.

    The embedded database is started when it is not running and brought up to date; one named by `DATABASE_URL`
    is changed only by `joren migrate`.
    """
    if current.database_url is None:
        with EmbeddedPostgres(current.home).hold() as dsn:
            schema.migrate_now(dsn)
            yield _with_database(current, dsn)
        return
    if not migrating:
        _require_schema(current.database_url)
    yield current


def _with_database(current: settings.Settings, dsn: str) -> settings.Settings:
    return dataclasses.replace(current, database_url=dsn)


def _require_schema(dsn: str) -> None:
    try:
        revision = asyncio.run(schema.revision(dsn))
    except (OSError, asyncpg.PostgresError) as error:
        sentence = f"The database of DATABASE_URL does not answer ({error}). Start it, or unset DATABASE_URL."
        raise Unavailable(sentence, code="database_unavailable") from error
    if revision != schema.head():
        raise NotConfigured(
            f"The database has schema {revision or 'none'}, this release needs {schema.head()}: run joren migrate.",
            code="schema_outdated",
        )


@contextlib.contextmanager
def failing_clearly() -> Iterator[None]:
    """Turn expected failures into one sentence on stderr and an exit status: 2 for bad input, 1 for the rest."""
    try:
        yield
    except (BadInput, FactsError, settings.BadSettings) as error:
        fail(str(error), status=2)
    except JorenError as error:
        fail(error.message)
    except (ConnectionError, asyncpg.PostgresConnectionError) as error:
        fail(f"The database went away ({error}). Run the command again; what was stored is kept.")
    except TimeoutError:
        fail("The database took too long: the machine is very busy. Run the command again; what was stored is kept.")
    except KeyboardInterrupt:
        fail("Stopped. What was stored is kept; run the command again to go on.", status=130)


def fail(sentence: str, *, status: int = 1) -> None:
    """Print one sentence on stderr and leave."""
    typer.echo(f"joren: {sentence}", err=True)
    raise typer.Exit(status)


def print_json(value: Any) -> None:
    """Print any of our values as one JSON document."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode())
