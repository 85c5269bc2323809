"""What must hold before the demo starts; each fault is one sentence with a way out."""

import contextlib
import fcntl
import shutil
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

from backend.errors import Conflict, Unavailable

NEEDED_BYTES = 2_500_000_000
"""Free space that a first run needs: database, history and logs, with room to spare."""


def require_space(home: Path, *, needed: int = NEEDED_BYTES) -> None:
    """Refuse to start on a disk that would fill up.

    Raises:
        Unavailable: with what is free, what is needed and what to do.
    """
    free = shutil.disk_usage(home).free
    if free < needed:
        raise Unavailable(
            f"The disk of {home} has {free / 1e9:.1f} GB free and the demo needs {needed / 1e9:.1f} GB: "
            "free some space, or set JOREN_HOME to a folder on another disk.",
            code="disk_full",
        )


def require_ports(ports: Mapping[str, int]) -> None:
    """Refuse to start where another program listens.

    Args:
        ports: port by the option that changes it.

    Raises:
        Conflict: naming the port and the option.
    """
    for option, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise Conflict(
                    f"Port {port} is taken by another program: stop it, or run joren demo {option} with another number.",
                    code="port_taken",
                ) from error


@contextlib.contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold the folder for one demo; the lock goes with the process, so a killed demo leaves none behind.

    Raises:
        Conflict: when a demo runs in this folder.
    """
    with (home / "demo.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                f"A demo is running in {home} already: open its address, stop it with Ctrl-C in its terminal, "
                "or set JOREN_HOME to another folder.",
                code="demo_running",
            ) from error
        yield
