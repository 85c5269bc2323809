"""The emulator's own HTTP interface, for phones, tests and curious people. Plain HTTP, this machine only.

GET    /emulator/health
GET    /emulator/settings                       latency and faults; PUT replaces them
GET    /emulator/addresses                      attempts and accepted by address
POST   /emulator/addresses                      register: {"addresses": [...], "kind": "fid", "project": null}
POST   /emulator/phones                         a new phone's address
GET    /emulator/addresses/{address}            counts and the last messages
DELETE /emulator/addresses/{address}            the app is removed
GET    /emulator/addresses/{address}/stream     server-sent events, one a message; Last-Event-ID or ?after=
POST   /emulator/clear                          counts and messages back to nothing
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, Router, delete, get, post, put
from litestar.di import NamedDependency, Provide
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody
from litestar.response import ServerSentEvent, ServerSentEventMessage

from backend.push.emulator.devices import Device
from backend.push.emulator.emulator import Emulator
from backend.push.emulator.faults import EmulatorSettings

_Emulator = NamedDependency[Emulator]


class Registration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Addresses to register."""

    addresses: list[str]
    kind: str = "fid"
    project: str | None = None


class EmulatorControl(Controller):
    """Everything but FCM's own endpoint."""

    path = "/emulator"

    @get("/health")
    async def health(self, emulator: _Emulator) -> dict[str, Any]:
        """Up, and how many addresses it knows."""
        return {"status": "ok", "addresses": sum(1 for _ in emulator.devices())}

    @get("/settings")
    async def settings(self, emulator: _Emulator) -> EmulatorSettings:
        """How it behaves now."""
        return emulator.settings

    @put("/settings")
    async def change_settings(self, emulator: _Emulator, data: JSONBody[EmulatorSettings]) -> EmulatorSettings:
        """How it shall behave from now on."""
        emulator.settings = data
        return data

    @get("/addresses")
    async def addresses(self, emulator: _Emulator, named: FromQuery[bool] = False) -> dict[str, dict[str, Any]]:  # noqa: FBT002 - a query parameter
        """Counts of each address; with ``?named=true`` only of those that a request has named."""
        return {device.address: _counts(device) for device in emulator.devices() if device.attempts or not named}

    @post("/addresses", status_code=200)
    async def register(self, emulator: _Emulator, data: JSONBody[Registration]) -> dict[str, int]:
        """Install the app at addresses."""
        emulator.register(data.addresses, kind=data.kind, project=data.project)
        return {"registered": len(data.addresses)}

    @post("/phones", status_code=200)
    async def register_phone(self, emulator: _Emulator) -> dict[str, str]:
        """A new phone's address, as the app would get it from the Firebase SDK."""
        return {"address": emulator.register_phone(), "kind": "fid"}

    @get("/addresses/{address:str}")
    async def address(self, emulator: _Emulator, address: FromPath[str]) -> dict[str, Any]:
        """Counts and the last messages of an address."""
        device = _known(emulator, address)
        return {**_counts(device), "messages": device.messages}

    @delete("/addresses/{address:str}", status_code=200)
    async def uninstall(self, emulator: _Emulator, address: FromPath[str]) -> dict[str, Any]:
        """Remove the app from a phone."""
        emulator.uninstall(_known(emulator, address).address)
        return _counts(_known(emulator, address))

    @get("/addresses/{address:str}/stream")
    async def stream(
        self,
        emulator: _Emulator,
        address: FromPath[str],
        after: FromQuery[int] = 0,
        last_event_id: Annotated[int | None, HeaderParameter(name="Last-Event-ID")] = None,
    ) -> ServerSentEvent:
        """Messages as they come."""
        seen = after if last_event_id is None else max(after, last_event_id)
        return ServerSentEvent(_events(emulator, address, after=seen), headers={"Cache-Control": "no-store"})

    @post("/clear", status_code=200)
    async def clear(self, emulator: _Emulator) -> Response[None]:
        """Set counts and messages back."""
        emulator.clear()
        return Response(None)


@get("/health")
async def alive() -> dict[str, str]:
    """Up."""
    return {"status": "ok"}


def control_router(emulator: Emulator) -> Router:
    """The routes above for one emulator, and ``/health`` for supervisors that ask every program there."""
    return Router(
        "/",
        route_handlers=[EmulatorControl, alive],
        dependencies={"emulator": Provide(lambda: emulator, sync_to_thread=False)},
    )


async def _events(emulator: Emulator, address: str, *, after: int) -> AsyncIterator[ServerSentEventMessage]:
    yield ServerSentEventMessage(comment="connected", retry=1000)
    async for message in emulator.stream(address, after=after):
        yield ServerSentEventMessage(data=msgspec.json.encode(message).decode(), event="push", id=message.id)


def _known(emulator: Emulator, address: FromPath[str]) -> Device:
    device = emulator.device(address)
    if device is None:
        raise NotFoundException(f"No request named {address}, and it never registered.")
    return device


def _counts(device: Device) -> dict[str, Any]:
    return {
        "address": device.address,
        "kind": device.kind,
        "installed": device.installed,
        "attempts": device.attempts,
        "accepted": device.accepted,
    }
