"""One firebase-admin App with its own HTTP/2 connection, made to try each message exactly once.

firebase-admin has no public switch for its retries, its TLS settings or its address, so this module, and no other,
reaches for private names. They are few, the release is pinned, and a test names them.
"""

import asyncio
import itertools
from collections.abc import Callable

import firebase_admin
import google.auth.credentials
import httpx
import msgspec
from firebase_admin import exceptions, messaging
from firebase_admin._http_client import METRICS_HEADERS

from backend.push.outcomes import failure, outcome
from backend.push.routes import Route
from campaigns.delivery import Outcome

CALL = 100
"""Messages in one call: as many streams as one HTTP/2 connection carries."""

_NUMBERS = itertools.count(1)


class Lane:
    """Sends calls of at most `CALL` messages, one call at a time, on one connection."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._free = asyncio.Lock()
        options = {"projectId": route.project, "httpTimeout": route.timeout}
        self._app = firebase_admin.initialize_app(route.credential, options, name=f"joren-{next(_NUMBERS)}")
        self._service = messaging._get_messaging_service(self._app)  # noqa: SLF001 - no public way, see above
        if route.address is not None:
            self._service._fcm_url = route.address  # noqa: SLF001 - no public way, see above
        self._connect()

    @property
    def busy(self) -> bool:
        """Whether a call is under way."""
        return self._free.locked()

    async def send(self, messages: list[messaging.Message]) -> list[Outcome]:
        """One outcome for each message, in order."""
        async with self._free:
            try:
                batch = await messaging.send_each_async(messages, app=self._app)
            except exceptions.FirebaseError as error:
                # Some part of the library failed for one message and took the call's answers with it.
                await self._reconnect()
                return [failure(error)] * len(messages)
            if any(_is_broken(response.exception) for response in batch.responses):
                await self._reconnect()
            return [outcome(response) for response in batch.responses]

    async def aclose(self) -> None:
        """Close the connection and give the App up."""
        await self._client.aclose()
        # firebase-admin closes its client by asyncio.run, which needs a thread without a running loop.
        await asyncio.to_thread(firebase_admin.delete_app, self._app)

    def _connect(self) -> None:
        self._client = _client(self._route)
        self._service._async_client._async_client = self._client  # noqa: SLF001 - no public way, see above

    async def _reconnect(self) -> None:
        """A connection that lost an answer is not used again: streams may hang in it."""
        old = self._client
        self._connect()
        await old.aclose()


def _is_broken(error: BaseException | None) -> bool:
    return error is not None and getattr(error, "http_response", None) is None


def _client(route: Route) -> httpx.AsyncClient:
    """The client that firebase-admin would make, without its retries, its second tries on 401 and its proxies."""
    transport: httpx.AsyncBaseTransport = httpx.AsyncHTTPTransport(http2=True, retries=0, verify=route.trust)
    if route.address is not None:
        transport = OnlyTo(httpx.URL(route.address), transport)
    return httpx.AsyncClient(
        transport=transport,
        timeout=route.timeout,
        headers=METRICS_HEADERS,
        auth=_signing(route.credential),
        event_hooks={"response": [_readable]},
        trust_env=False,
    )


def _signing(credential: google.auth.credentials.Credentials) -> Callable[[httpx.Request], httpx.Request]:
    """Signs requests with a token that the sender keeps fresh: nothing blocks here."""

    def sign(request: httpx.Request) -> httpx.Request:
        request.headers["Authorization"] = f"Bearer {credential.token}"
        return request

    return sign


async def _readable(response: httpx.Response) -> None:
    """Make an answer nobody can read a failure of its own message; firebase-admin would let it sink the whole call."""
    try:
        body = msgspec.json.decode(await response.aread())
    except msgspec.DecodeError:
        body = None
    if response.is_success and not (isinstance(body, dict) and isinstance(body.get("name"), str)):
        raise httpx.DecodingError("The answer is no message name.", request=response.request)
    if isinstance(body, dict) and not isinstance(body.get("error", {}), dict):
        raise httpx.DecodingError(f"HTTP {response.status_code} with an unreadable body.", request=response.request)


class OnlyTo(httpx.AsyncBaseTransport):
    """A transport that refuses to talk to anything but one host and port."""

    def __init__(self, address: httpx.URL, transport: httpx.AsyncBaseTransport) -> None:
        self._address = address
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the request on, or fail as a connection that never came about.

        Raises:
            httpx.ConnectError: for any other host, port or scheme.
        """
        url = request.url
        if (url.scheme, url.host, url.port) != (self._address.scheme, self._address.host, self._address.port):
            raise httpx.ConnectError(f"Requests to {url.host} are refused here.", request=request)
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()
