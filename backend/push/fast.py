"""Push through Firebase Cloud Messaging, quickly: firebase-admin's messages, credentials and error classes, a transport of our own.

firebase-admin spends most of its time in its HTTP stack, and one of its connections carries a hundred messages, all of which
are in doubt when it breaks. Here a message has a connection to itself while it is under way (`connections`). Nothing is
tried twice. What an answer means is what firebase-admin says it means: an error is given to its own reader.
"""

from collections.abc import Sequence

import httpx
import msgspec
from firebase_admin import messaging
from firebase_admin._http_client import METRICS_HEADERS

from backend.errors import BadInput
from backend.push.bearer import Bearer
from backend.push.connections import Answer, Connections, Fate, Lost, NotSent
from backend.push.messages import encoded_json
from backend.push.outcomes import failure
from backend.push.routes import Route
from campaigns.delivery import Accepted, Outcome, Refusal, Refused, Unknown
from campaigns.message import PushMessage

CONNECTIONS = 256
"""Messages under way at once; at 50 ms an answer that is 5,000 a second."""

_HTTPS = 443
_FCM = "https://fcm.googleapis.com/v1/projects/{}/messages:send"


class _Name(msgspec.Struct):
    name: str


_NAME = msgspec.json.Decoder(_Name)


class FastSender:
    """Implements `campaigns.delivery.PushSender`. Belongs to the event loop it was opened in."""

    def __init__(self, route: Route, *, connections: int = CONNECTIONS) -> None:
        address = httpx.URL(route.address or _FCM.format(route.project))
        self._bearer = Bearer(route.credential)
        self._connections = Connections(
            address.host, address.port or _HTTPS, route.trust, most=connections, seconds=route.timeout
        )
        self._target = f"POST {address.raw_path.decode()} HTTP/1.1\r\nHost: {address.netloc.decode()}\r\n"

    async def send(self, messages: Sequence[PushMessage]) -> list[Outcome]:
        """Try each message exactly once; see the port."""
        if not messages:
            return []
        if refusal := await self._bearer.missing():
            return [refusal] * len(messages)
        head = self._head()
        outcomes: list[Outcome | None] = []
        requests: list[bytes] = []
        for message in messages:
            try:
                body = encoded_json(message)
            except BadInput as error:
                outcomes.append(Refused(Refusal.INVALID_ARGUMENT, detail=error.message))
            else:
                outcomes.append(None)
                requests.append(b"%b%d\r\n\r\n%b" % (head, len(body), body))
        fates = iter(await self._connections.ask(requests))
        told = [meaning(next(fates)) if outcome is None else outcome for outcome in outcomes]
        if any(isinstance(outcome, Refused) and outcome.kind is Refusal.AUTH for outcome in told):
            self._bearer.forget()
        return told

    async def aclose(self) -> None:
        """Close all connections; the sender is of no use afterwards."""
        await self._connections.aclose()

    def _head(self) -> bytes:
        fixed = {**METRICS_HEADERS, "Authorization": f"Bearer {self._bearer.token}", "Content-Type": "application/json"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fixed.items())
        return f"{self._target}{lines}Content-Length: ".encode("latin-1")


def meaning(fate: Fate) -> Outcome:
    """What became of a request says of the message."""
    if isinstance(fate, NotSent):
        return Refused(Refusal.NOT_SENT, detail=fate.why)
    if isinstance(fate, Lost):
        return Unknown("bad_body" if fate.seen == "bad_answer" else fate.seen)
    return _said(fate)


def _said(answer: Answer) -> Outcome:
    """What an answer of FCM says of the message."""
    if httpx.codes.is_success(answer.status):
        try:
            return Accepted(_NAME.decode(answer.body).name)
        except msgspec.DecodeError:
            return Unknown("bad_body")
    try:
        body = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = {}
    if isinstance(body, dict) and not isinstance(body.get("error", {}), dict):
        return Unknown("bad_body")
    return failure(_as_firebase_reads(answer))


def _as_firebase_reads(answer: Answer) -> Exception:
    request = httpx.Request("POST", "https://fcm.invalid")
    content = answer.body.decode(errors="replace").encode()
    response = httpx.Response(answer.status, headers=answer.headers, content=content, request=request)
    error = httpx.HTTPStatusError(f"HTTP {answer.status}", request=request, response=response)
    service = messaging._MessagingService  # noqa: SLF001 - no public way to FCM's own codes; a test names it
    found: Exception = service._handle_fcm_httpx_error(service, error)  # noqa: SLF001 - see above; it uses nothing of itself
    return found
