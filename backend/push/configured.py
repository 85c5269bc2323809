"""The sender that the settings name, opened when it is first needed.

Opening late lets a server or worker start before the emulator has made its certificate. Where no push service is
configured nothing is lost: the answer is a refusal that pauses the campaign until a person has mended it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from backend.errors import NotConfigured
from campaigns.delivery import Outcome, Refusal, Refused
from campaigns.message import PushMessage

if TYPE_CHECKING:
    from backend.push.firebase import FirebaseSender


class ConfiguredSender:
    """Implements `campaigns.delivery.PushSender` by the one sender that is configured. Belongs to one event loop."""

    def __init__(self, *, service_account: Path | None, emulator: str | None, ca_file: Path) -> None:
        self._service_account = service_account
        self._emulator = emulator
        self._ca_file = ca_file
        self._sender: FirebaseSender | None = None

    async def send(self, messages: Sequence[PushMessage]) -> list[Outcome]:
        """Try each message exactly once; see the port."""
        try:
            sender = self._open()
        except NotConfigured as error:
            return [Refused(Refusal.AUTH, detail=error.message) for _ in messages]
        return await sender.send(messages)

    async def aclose(self) -> None:
        """Close what was opened."""
        if self._sender is not None:
            await self._sender.aclose()

    def _open(self) -> "FirebaseSender":
        if self._sender is None:
            self._sender = self._make()
        return self._sender

    def _make(self) -> "FirebaseSender":
        from backend.push.firebase import open_emulator, open_real  # noqa: PLC0415 - half a second, for those who send

        if self._service_account is not None:
            return open_real(self._service_account)
        if self._emulator is not None:
            return open_emulator(self._emulator, self._ca_file)
        raise NotConfigured("No push service is configured: set JOREN_FCM_SERVICE_ACCOUNT or JOREN_FCM_EMULATOR.")
