"""`joren worker`."""

import asyncio
from importlib import import_module

import typer

from backend import log, settings
from backend.cli.runtime import database, failing_clearly
from backend.wiring import open_services

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def worker() -> None:
    """Refresh facts, launch campaigns that are due and deliver pushes, until Ctrl-C.

    Run as many as you like: one of them refreshes, all deliver. Example: joren worker
    """
    with failing_clearly():
        current = settings.read()
        log.configure(level=current.log_level)
        with database(current) as ready:
            asyncio.run(import_module("backend.worker").run(open_services(ready)))
