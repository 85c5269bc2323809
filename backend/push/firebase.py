"""Push through Firebase Cloud Messaging, with firebase-admin: to Google, or to the emulator on this machine.

Which of the two is decided once, by which function opened the sender; neither can become the other. Google's needs a
service account. The emulator's takes loopback addresses only, trusts the emulator's own certificate authority only,
carries a made-up credential, and its transport refuses every other host.
"""

import asyncio
import datetime as dt
import ssl
from collections.abc import Sequence
from pathlib import Path

import google.auth.credentials
import google.auth.transport.requests
import httpx
from firebase_admin import credentials, messaging
from google.auth.exceptions import GoogleAuthError, TransportError

from backend.errors import BadInput, NotConfigured
from backend.push.emulator.address import require_loopback
from backend.push.lane import CALL, TIMEOUT, Lane, Route
from backend.push.messages import encoded
from campaigns.delivery import Outcome, Refusal, Refused
from campaigns.message import PushMessage

LANES = 4
"""Apps, each with a connection of its own; one carries about 100 / latency messages a second."""

_MARGIN = dt.timedelta(minutes=5)


class FirebaseSender:
    """Implements `campaigns.delivery.PushSender`. Belongs to the event loop it was opened in."""

    def __init__(self, route: Route, *, lanes: int = LANES) -> None:
        self._credential = route.credential
        self._refreshing = asyncio.Lock()
        self._lanes = [Lane(route) for _ in range(lanes)]
        self._next = 0

    async def send(self, messages: Sequence[PushMessage]) -> list[Outcome]:
        """Try each message exactly once; see the port."""
        outcomes: dict[int, Outcome] = {}
        sound: list[tuple[int, messaging.Message]] = []
        for place, message in enumerate(messages):
            try:
                sound.append((place, encoded(message)))
            except BadInput as error:
                outcomes[place] = Refused(Refusal.INVALID_ARGUMENT, detail=error.message)
        calls = [sound[start : start + CALL] for start in range(0, len(sound), CALL)]
        for answered in await asyncio.gather(*(self._call(call) for call in calls)):
            outcomes.update(answered)
        return [outcomes[place] for place in range(len(messages))]

    async def aclose(self) -> None:
        """Close all connections; the sender is of no use afterwards."""
        for lane in self._lanes:
            await lane.aclose()

    async def _call(self, call: list[tuple[int, messaging.Message]]) -> dict[int, Outcome]:
        places = [place for place, _ in call]
        if refusal := await self._without_credential():
            return dict.fromkeys(places, refusal)
        outcomes = await self._lane().send([message for _, message in call])
        if any(isinstance(outcome, Refused) and outcome.kind is Refusal.AUTH for outcome in outcomes):
            self._credential.token = None  # what was refused is not shown again
        return dict(zip(places, outcomes, strict=True))

    def _lane(self) -> Lane:
        """A lane without a call under way, else the next in turn."""
        self._next += 1
        turn = self._next % len(self._lanes)
        ordered = self._lanes[turn:] + self._lanes[:turn]
        return next((lane for lane in ordered if not lane.busy), ordered[0])

    async def _without_credential(self) -> Refused | None:
        """Renew the token before it runs out, off the event loop; the refusal where that fails: nothing was sent."""
        async with self._refreshing:
            if _lasts(self._credential):
                return None
            try:
                request = google.auth.transport.requests.Request()
                await asyncio.to_thread(self._credential.refresh, request)
            except GoogleAuthError as error:
                passing = isinstance(error, TransportError) or getattr(error, "retryable", False)
                kind = Refusal.NOT_SENT if passing else Refusal.AUTH
                return Refused(kind, detail=type(error).__name__)
            return None


def open_real(service_account_path: Path) -> FirebaseSender:
    """A sender to Google's FCM, in the project of a service account.

    Raises:
        NotConfigured: when the file cannot be read or is no service account.
    """
    try:
        certificate = credentials.Certificate(str(service_account_path))
    except (OSError, ValueError, AttributeError) as error:  # AttributeError: the file holds JSON, but no object
        raise NotConfigured(
            f"JOREN_FCM_SERVICE_ACCOUNT: {service_account_path} is no service-account file ({type(error).__name__})."
        ) from None
    trust = httpx.create_ssl_context()
    return FirebaseSender(Route(certificate.get_credential(), certificate.project_id, None, trust))


def open_emulator(
    url: str, ca_file: Path, *, project: str = "joren-demo", timeout: float = TIMEOUT, lanes: int = LANES
) -> FirebaseSender:
    """A sender to the emulator on this machine.

    Args:
        url: ``https://127.0.0.1:8085`` or alike; nothing but loopback is taken.
        ca_file: the emulator's certificate authority, ``JOREN_HOME/emulator/ca.pem``.
        project: any name; part of the address.
        timeout: seconds until an answer counts as missing.
        lanes: connections.

    Raises:
        NotConfigured: when the address is not https or not this machine, or the certificate authority is missing.
    """
    require_loopback(url)
    try:
        trust = ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError):
        raise NotConfigured(f"{ca_file} is missing or unreadable: start the emulator first (joren emulator).") from None
    address = str(httpx.URL(url).join(f"/v1/projects/{project}/messages:send"))
    return FirebaseSender(Route(EmulatorCredential(), project, address, trust, timeout), lanes=lanes)


class EmulatorCredential(google.auth.credentials.Credentials):
    """A credential that is none: no secret, nothing to renew, of no use at Google."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Google's library is untyped
        self.token = "emulator"  # noqa: S105 - any word will do

    def refresh(self, request: object) -> None:  # noqa: ARG002 - the base class's signature
        """Put the word back."""
        self.token = "emulator"  # noqa: S105 - any word will do


def _lasts(credential: google.auth.credentials.Credentials) -> bool:
    if not credential.token:
        return False
    expiry = credential.expiry  # naive UTC, as Google's library keeps it
    return expiry is None or expiry.replace(tzinfo=dt.UTC) - dt.datetime.now(dt.UTC) > _MARGIN
