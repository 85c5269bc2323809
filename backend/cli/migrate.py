"""`joren migrate`."""

import typer

from backend import settings
from backend.cli.runtime import database, failing_clearly
from backend.store import schema

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def migrate() -> None:
    """Bring the database to this release's schema. Safe to run again.

    Example: DATABASE_URL=postgresql://joren@db/joren joren migrate
    """
    with failing_clearly(), database(settings.read(), migrating=True) as ready:
        assert ready.database_url is not None  # noqa: S101 - `database` gives settings with an address
        schema.migrate_now(ready.database_url)
        typer.echo(f"The database is at schema {schema.head()}.")
