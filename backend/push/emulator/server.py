"""Runs the emulator: FCM's endpoint over TLS, by HTTP/2 or HTTP/1.1, the control interface and phone page over plain HTTP."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from litestar import Litestar

from backend.errors import BadInput
from backend.push.emulator import certificate, http1
from backend.push.emulator.address import is_loopback
from backend.push.emulator.control import control_router
from backend.push.emulator.emulator import Emulator
from backend.push.emulator.endpoint import fcm_app
from backend.push.emulator.guard import same_machine
from backend.push.emulator.listener import listening, listening_over_tls


@dataclass(frozen=True, slots=True)
class Running:
    """A running emulator.

    Attributes:
        url: FCM's endpoint, what `JOREN_FCM_EMULATOR` names.
        control_url: control interface and phone pages.
        ca_file: the authority that a sender must trust.
        emulator: the emulator itself, for tests in the same process.
    """

    url: str
    control_url: str
    ca_file: Path
    emulator: Emulator


@contextlib.asynccontextmanager
async def running(
    folder: Path, *, host: str = "127.0.0.1", port: int = 0, control_port: int = 0, routes: Sequence[Any] = ()
) -> AsyncIterator[Running]:
    """Run an emulator while the block runs.

    Args:
        folder: its state and certificate.
        host: a loopback address; anything else is refused.
        port: of FCM's endpoint; 0 takes a free one.
        control_port: of the plain listener; 0 takes a free one.
        routes: further Litestar routes for the plain listener, such as the phone page.

    Raises:
        BadInput: when ``host`` is no loopback address.
        Conflict: when a port is taken or another emulator holds the folder.
    """
    if not is_loopback(host):
        raise BadInput(f"The emulator listens on this machine only, not on {host}: use 127.0.0.1.", field="host")
    files = certificate.ensure(folder)
    with Emulator(folder) as emulator:
        async with (
            listening_over_tls(
                fcm_app(emulator),
                partial(http1.Connection, emulator),
                host=host,
                port=port,
                certificate=files.server,
            ) as fcm,
            listening(_plain_app(emulator, routes), host=host, port=control_port) as control,
        ):
            shown = f"[{host}]" if ":" in host else host
            yield Running(f"https://{shown}:{fcm}", f"http://{shown}:{control}", files.authority, emulator)


def _plain_app(emulator: Emulator, routes: Sequence[Any]) -> Litestar:
    return Litestar(
        [control_router(emulator), *routes], guards=[same_machine], openapi_config=None, logging_config=None
    )
