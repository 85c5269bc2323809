"""The phones that the emulator knows, and what arrived at each."""

from collections.abc import Iterable
from typing import TypeAlias

import msgspec

_KEPT = 50
"""Messages kept for each address; the counts go on."""


class Delivered(msgspec.Struct, frozen=True, gc=False):
    """A message that the emulator accepted for a device.

    Attributes:
        id: number of it among all messages of this emulator; phones ask for "after this one".
        name: the name that the answer gave.
        at: seconds since 1970, UTC.
        ttl_seconds: how long it waits for a phone that is away.
    """

    id: int
    name: str
    at: float
    title: str | None = None
    body: str | None = None
    image: str | None = None
    link: str | None = None
    data: dict[str, str] = msgspec.field(default_factory=dict)
    ttl_seconds: int = 0
    tag: str | None = None
    label: str | None = None
    sound: str | None = None
    badge: int | None = None


class Device(msgspec.Struct, tag="device"):
    """One address with its counts.

    Attributes:
        kind: token or fid.
        project: the project it registered with; None takes any.
        installed: False once the app is gone, or where the address never registered.
        attempts: requests that named it, however they ended.
        accepted: requests of those that led to a message.
        messages: the last ones, oldest first.
    """

    address: str
    kind: str = "fid"
    project: str | None = None
    installed: bool = False
    attempts: int = 0
    accepted: int = 0
    messages: list[Delivered] = []


class Registered(msgspec.Struct, frozen=True, tag="registered"):
    """Apps were installed."""

    addresses: tuple[str, ...]
    kind: str = "fid"
    project: str | None = None


class Uninstalled(msgspec.Struct, frozen=True, tag="uninstalled"):
    """An app was removed."""

    address: str


class Attempted(msgspec.Struct, frozen=True, gc=False, tag="attempted"):
    """A request named an address, and perhaps led to a message."""

    address: str
    message: Delivered | None = None


class Cleared(msgspec.Struct, frozen=True, tag="cleared"):
    """Counts and messages were set back; apps stay installed."""


Change: TypeAlias = Device | Registered | Uninstalled | Attempted | Cleared


class Devices:
    """All addresses, changed only by `apply`, so that a journal of changes rebuilds them."""

    def __init__(self, changes: Iterable[Change] = ()) -> None:
        self._all: dict[str, Device] = {}
        self.last_message = 0
        for change in changes:
            self.apply(change)

    def apply(self, change: Change) -> None:
        """Bring one change about."""
        match change:
            case Device():
                self._all[change.address] = change
                self.last_message = max([self.last_message, *(message.id for message in change.messages)])
            case Registered():
                for address in change.addresses:
                    self._install(address, kind=change.kind, project=change.project)
            case Uninstalled():
                self._known(change.address).installed = False
            case Attempted():
                self._attempt(change)
            case Cleared():
                self._clear()

    def get(self, address: str) -> Device | None:
        """The device of an address, where one was ever named."""
        return self._all.get(address)

    def all(self) -> Iterable[Device]:
        """Every address that registered or was named by a request."""
        return self._all.values()

    def _known(self, address: str) -> Device:
        return self._all.setdefault(address, Device(address))

    def _install(self, address: str, *, kind: str, project: str | None) -> None:
        device = self._known(address)
        device.kind, device.project, device.installed = kind, project, True

    def _attempt(self, change: Attempted) -> None:
        device = self._known(change.address)
        device.attempts += 1
        if change.message is not None:
            device.accepted += 1
            device.messages = [*device.messages[1 - _KEPT :], change.message]
            self.last_message = max(self.last_message, change.message.id)

    def _clear(self) -> None:
        for device in self._all.values():
            device.attempts = device.accepted = 0
            device.messages = []
