"""`joren serve`."""

import os
from enum import StrEnum

import typer
from granian.constants import Interfaces

from backend import settings
from backend.cli.draining_server import DrainingServer
from backend.cli.runtime import database, failing_clearly
from backend.demo.preflight import require_ports

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class Role(StrEnum):
    """What a server process answers."""

    INTAKE = "intake"
    ADMIN = "admin"
    ALL = "all"


@app.command()
def serve(
    host: str = typer.Option("127.0.0.1", help="Address to listen on."),
    port: int = typer.Option(8000, min=1, max=65535, help="Port to listen on."),
    role: Role = typer.Option(Role.ALL, help="intake takes events only; admin serves pages and API; all does both."),
    workers: int = typer.Option(1, min=1, max=64, help="Processes that answer; each has its own memory and core."),
    drain: float = typer.Option(
        0, min=0, max=300, help="On SIGTERM, seconds to go on answering while load balancers look elsewhere."
    ),
) -> None:
    """Serve the intake API and the admin pages until Ctrl-C.

    Example: joren serve --host 127.0.0.1 --port 8000 --role all
    """
    with failing_clearly(), database(settings.read()) as ready:
        if host == "127.0.0.1":
            require_ports({"--port": port})
        os.environ["DATABASE_URL"] = str(ready.database_url)  # noqa: TID251 - handed to the server's own processes
        os.environ["JOREN_ROLE"] = role.value  # noqa: TID251 - handed to the server's own processes
        DrainingServer(
            "backend.asgi:from_environment",
            address=host,
            port=port,
            interface=Interfaces.ASGI,
            factory=True,
            workers=workers,
            respawn_failed_workers=True,
            backpressure=2048,
            log_access=False,
            drain=drain,
        ).serve()
