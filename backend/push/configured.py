"""The sender that the settings name, opened when it is first needed.

Opening late lets a server or worker start before the emulator has made its certificate. Where no push service is
configured nothing is lost: the answer is a refusal that pauses the campaign until a person has mended it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from backend.errors import NotConfigured
from campaigns.delivery import Outcome, PushSender, Refusal, Refused
from campaigns.message import PushMessage

if TYPE_CHECKING:
    from backend.push.fast import FastSender
    from backend.push.firebase import FirebaseSender
    from backend.push.routes import Route


class ConfiguredSender:
    """Implements `campaigns.delivery.PushSender` by the one sender that is configured. Belongs to one event loop.

    Args:
        service_account: of the real FCM.
        emulator: address of the emulator, where there is no service account.
        ca_file: the emulator's certificate authority.
        plain: send through firebase-admin's own HTTP stack instead of the fast one.
    """

    def __init__(
        self, *, service_account: Path | None, emulator: str | None, ca_file: Path, plain: bool = False
    ) -> None:
        self._service_account = service_account
        self._emulator = emulator
        self._ca_file = ca_file
        self._plain = plain
        self._sender: FirebaseSender | FastSender | None = None

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

    def _open(self) -> PushSender:
        if self._sender is None:
            from backend.push.fast import FastSender  # noqa: PLC0415 - half a second, for those who send
            from backend.push.firebase import FirebaseSender  # noqa: PLC0415 - likewise

            self._sender = (FirebaseSender if self._plain else FastSender)(self._route())
        return self._sender

    def _route(self) -> "Route":
        from backend.push.routes import emulator_route, real_route  # noqa: PLC0415 - likewise

        if self._service_account is not None:
            return real_route(self._service_account)
        if self._emulator is not None:
            return emulator_route(self._emulator, self._ca_file)
        raise NotConfigured("No push service is configured: set JOREN_FCM_SERVICE_ACCOUNT or JOREN_FCM_EMULATOR.")
