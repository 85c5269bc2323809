"""The sender through firebase-admin: where it can reach, what it sends, and the private names it rests on."""

import json
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import google.auth.credentials
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from firebase_admin import _http_client, _messaging_encoder, messaging
from google.auth.exceptions import RefreshError, TransportError

from backend.errors import BadInput, NotConfigured
from backend.push.emulator import certificate
from backend.push.emulator.server import Running
from backend.push.fast import FastSender
from backend.push.firebase import FirebaseSender
from backend.push.lane import OnlyTo
from backend.push.messages import encoded, encoded_json
from backend.push.outcomes import retry_after
from backend.push.routes import EmulatorCredential, Route, emulator_route, real_route
from campaigns.delivery import Accepted, Outcome, Refusal, Refused
from campaigns.message import AddressKind, Press
from tests.fixtures.phones import push


def test_the_private_names_we_rest_on_are_there() -> None:
    """firebase-admin is pinned to 7.7; a newer one that moves these must be looked at by a person."""
    assert messaging._MessagingService.FCM_URL == "https://fcm.googleapis.com/v1/projects/{0}/messages:send"
    assert callable(messaging._get_messaging_service)
    assert hasattr(_http_client.HttpxAsyncClient(), "_async_client")
    assert isinstance(_http_client.METRICS_HEADERS, dict)
    assert callable(messaging._MessagingService._handle_fcm_httpx_error)
    assert callable(_messaging_encoder.MessageEncoder().default)


@pytest.mark.parametrize(
    "url",
    [
        "https://fcm.googleapis.com",
        "https://10.0.0.7:8085",
        "https://127.0.0.1.example.com:8085",
        "https://127.0.0.1@fcm.googleapis.com",
        "https://user@127.0.0.1:8085",
        "http://127.0.0.1:8085",
        "127.0.0.1:8085",
        "https://127.0.0.1:8085/elsewhere",
        "https://127.0.0.1:99999",
        "https://0.0.0.0:8085",
        "",
    ],
)
def test_an_emulator_is_on_this_machine_or_refused(url: str, tmp_path: Path) -> None:
    trust = certificate.ensure(tmp_path).authority

    with pytest.raises(NotConfigured, match="JOREN_FCM_EMULATOR"):
        emulator_route(url, trust)


def test_a_missing_authority_says_what_to_start(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="joren emulator"):
        emulator_route("https://127.0.0.1:8085", tmp_path / "ca.pem")


async def test_the_emulators_transport_reaches_nothing_else() -> None:
    reached: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        reached.append(request.url.host)
        return httpx.Response(200)

    only = OnlyTo(httpx.URL("https://127.0.0.1:8085/v1"), httpx.MockTransport(answer))
    async with httpx.AsyncClient(transport=only) as client:
        await client.get("https://127.0.0.1:8085/else")
        for elsewhere in ("https://fcm.googleapis.com/v1", "https://127.0.0.1:8086/", "http://127.0.0.1:8085/"):
            with pytest.raises(httpx.ConnectError):
                await client.get(elsewhere)

    assert reached == ["127.0.0.1"]


def test_the_certificate_is_for_loopback_only_and_kept(tmp_path: Path) -> None:
    first = certificate.ensure(tmp_path)
    content = first.server.read_bytes()

    assert certificate.ensure(tmp_path).server.read_bytes() == content
    assert first.server.stat().st_mode & 0o077 == 0
    ssl.create_default_context(cafile=str(first.authority))
    first.authority.write_text("broken")
    assert certificate.ensure(tmp_path).server.read_bytes() != content


async def test_a_closed_port_is_surely_not_sent(emulator: Running, unused_tcp_port: int) -> None:
    sender = FirebaseSender(emulator_route(f"https://127.0.0.1:{unused_tcp_port}", emulator.ca_file), lanes=1)

    outcomes = await sender.send([push("phone-one"), push("phone-two")])
    await sender.aclose()

    assert [kind_of(outcome) for outcome in outcomes] == [Refusal.NOT_SENT, Refusal.NOT_SENT]


async def test_a_stranger_with_another_certificate_is_surely_not_sent(emulator: Running, tmp_path: Path) -> None:
    other = certificate.ensure(tmp_path / "other")
    sender = FirebaseSender(emulator_route(emulator.url, other.authority), lanes=1)

    [outcome] = await sender.send([push("phone-one")])
    await sender.aclose()

    assert kind_of(outcome) is Refusal.NOT_SENT
    assert emulator.emulator.device("phone-one") is None


async def test_a_message_that_cannot_be_encoded_does_not_sink_its_neighbours(emulator: Running) -> None:
    emulator.emulator.register(["phone-one"])
    sender = FirebaseSender(emulator_route(emulator.url, emulator.ca_file), lanes=1)
    bad = [
        push("phone-one", label="no spaces allowed"),
        push(""),
        push("phone-one", data={"number": 1}),
        push("phone-one", body="長" * 1400),
    ]

    outcomes = await sender.send([push("phone-one"), *bad, push("phone-one")])
    await sender.aclose()

    assert isinstance(outcomes[0], Accepted)
    assert isinstance(outcomes[-1], Accepted)
    assert [kind_of(outcome) for outcome in outcomes[1:-1]] == [Refusal.INVALID_ARGUMENT] * 4
    device = emulator.emulator.device("phone-one")
    assert device is not None
    assert device.attempts == 2


async def test_calls_go_side_by_side_over_several_connections(emulator: Running) -> None:
    addresses = [f"phone-{number:04}" for number in range(150)]
    emulator.emulator.register(addresses)
    sender = FirebaseSender(emulator_route(emulator.url, emulator.ca_file), lanes=2)

    outcomes = await sender.send([push(address, delivery_id=n) for n, address in enumerate(addresses)])
    await sender.aclose()

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    shown = [emulator.emulator.device(address) for address in addresses]
    assert [device and [message.data["delivery_id"] for message in device.messages] for device in shown] == [
        [str(number)] for number in range(150)
    ]


class FailingCredential(google.auth.credentials.Credentials):
    """A credential that cannot be renewed."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def refresh(self, request: object) -> None:
        raise self._error


@pytest.mark.parametrize(
    ("error", "kind"), [(RefreshError("invalid_grant"), Refusal.AUTH), (TransportError("no route"), Refusal.NOT_SENT)]
)
async def test_without_a_token_nothing_is_sent(emulator: Running, error: Exception, kind: Refusal) -> None:
    emulator.emulator.register(["phone-one"])
    sender = FirebaseSender(route_to(emulator, FailingCredential(error)), lanes=1)

    [outcome] = await sender.send([push("phone-one")])
    await sender.aclose()

    assert kind_of(outcome) is kind
    device = emulator.emulator.device("phone-one")
    assert device is not None
    assert device.attempts == 0


class ShortLivedCredential(EmulatorCredential):
    """A credential whose token runs out, and that counts its renewals."""

    def __init__(self, lasts: timedelta) -> None:
        super().__init__()
        self.renewals = 0
        self._lasts = lasts
        self.token = None

    def refresh(self, request: object) -> None:
        self.renewals += 1
        self.token = f"token-{self.renewals}"
        self.expiry = (datetime.now(UTC) + self._lasts).replace(tzinfo=None)


@pytest.mark.parametrize(("lasts", "renewals"), [(timedelta(hours=1), 1), (timedelta(minutes=1), 2)])
async def test_a_token_is_renewed_before_it_runs_out(emulator: Running, lasts: timedelta, renewals: int) -> None:
    emulator.emulator.register(["phone-one"])
    credential = ShortLivedCredential(lasts)
    sender = FirebaseSender(route_to(emulator, credential), lanes=1)

    for _ in range(2):
        assert isinstance((await sender.send([push("phone-one")]))[0], Accepted)
    await sender.aclose()

    assert credential.renewals == renewals


def test_what_a_message_says_on_the_wire() -> None:
    message = push("phone-one", delivery_id=42, link="app://coupons", ttl_seconds=3600)

    wire = json.loads(str(encoded(message)))

    assert wire["fid"] == "phone-one"
    assert wire["data"] == {"campaign_id": "7", "delivery_id": "42", "link": "app://coupons"}
    assert wire["android"] == {
        "ttl": "3600s",
        "priority": "high",
        "notification": {"tag": "joren-campaign-7", "sound": "default"},
    }
    headers = wire["apns"]["headers"]
    assert (headers["apns-collapse-id"], headers["apns-priority"]) == ("joren-campaign-7", "10")
    assert 0 <= int(headers["apns-expiration"]) - datetime.now(UTC).timestamp() <= 3600
    assert wire["fcm_options"] == {"analytics_label": "joren-7"}


def test_picture_buttons_sound_and_badge_go_where_each_platform_looks() -> None:
    more: dict[str, Any] = {"sound": "chime.wav", "badge": 3, "channel": "offers", "category": "booking"}
    buttons = (Press("book", "予約する", "https://shop.example/book"), Press("later", "あとで"))
    message = push("phone-one", link="app://tea", image="https://shop.example/tea.png", buttons=buttons, **more)

    wire = json.loads(str(encoded(message)))

    assert json.loads(encoded_json(message))["message"] == wire | {
        "apns": json.loads(encoded_json(message))["message"]["apns"]
    }
    assert wire["notification"]["image"] == "https://shop.example/tea.png"
    assert wire["android"]["notification"] == {
        "tag": "joren-campaign-7",
        "sound": "chime.wav",
        "channel_id": "offers",
        "notification_count": 3,
    }
    aps = {"sound": "chime.wav", "badge": 3, "category": "booking", "mutable-content": 1}
    assert wire["apns"]["payload"]["aps"] == aps
    assert wire["webpush"]["notification"]["actions"] == [
        {"action": "book", "title": "予約する"},
        {"action": "later", "title": "あとで"},
    ]
    assert json.loads(wire["data"]["buttons"]) == [
        {"id": "book", "label": "予約する", "link": "https://shop.example/book"},
        {"id": "later", "label": "あとで", "link": "app://tea"},
    ]


def test_silence_is_silence() -> None:
    wire = json.loads(str(encoded(push("phone-one", sound=None))))

    assert "sound" not in wire["android"]["notification"]
    assert "payload" not in wire["apns"]
    assert "webpush" not in wire


def test_a_token_is_sent_as_a_token_without_a_warning() -> None:
    wire = json.loads(str(encoded(push("phone-one", address_kind=AddressKind.TOKEN))))

    assert wire["token"] == "phone-one"
    assert "fid" not in wire


@pytest.mark.parametrize(("seconds", "ttl", "expires"), [(0, "0s", True), (-5, "0s", True), (10**9, "2419200s", False)])
def test_a_life_stays_within_fcms_limits(seconds: int, ttl: str, *, expires: bool) -> None:
    wire = json.loads(str(encoded(push("phone-one", ttl_seconds=seconds))))

    assert wire["android"]["ttl"] == ttl
    assert (wire["apns"]["headers"]["apns-expiration"] == "0") is expires


def test_the_size_limit_counts_bytes() -> None:
    with pytest.raises(BadInput, match="4096"):
        encoded(push("phone-one", body="あ" * 1366))


@pytest.mark.parametrize(
    ("header", "expected"),
    [("30", timedelta(seconds=30)), ("", None), ("soon", None), ("Sun, 06 Nov 1994 08:49:37 GMT", timedelta(0))],
)
def test_retry_after_is_read_as_seconds_or_date(header: str, expected: timedelta | None) -> None:
    assert retry_after(httpx.Headers({"Retry-After": header})) == expected


@pytest.mark.parametrize("content", [None, "", "{}", '{"type": "authorized_user"}', "[1]"])
def test_a_file_that_is_no_service_account_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "account.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(NotConfigured, match="JOREN_FCM_SERVICE_ACCOUNT"):
        real_route(path)


async def test_a_service_account_leads_to_google_and_nowhere_else(tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    path.write_text(json.dumps(service_account()))

    plain, fast = FirebaseSender(real_route(path)), FastSender(real_route(path))
    address = plain._lanes[0]._service._fcm_url
    await plain.aclose()

    assert address == "https://fcm.googleapis.com/v1/projects/a-real-shop/messages:send"
    assert fast._connections.place == ("fcm.googleapis.com", 443)
    assert fast._head().startswith(
        b"POST /v1/projects/a-real-shop/messages:send HTTP/1.1\r\nHost: fcm.googleapis.com\r\n"
    )


def service_account() -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return {
        "type": "service_account",
        "project_id": "a-real-shop",
        "private_key_id": "1",
        "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "client_email": "push@a-real-shop.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }


def route_to(emulator: Running, credential: google.auth.credentials.Credentials) -> Route:
    trust = ssl.create_default_context(cafile=str(emulator.ca_file))
    return Route(credential, "joren-demo", f"{emulator.url}/v1/projects/joren-demo/messages:send", trust)


def kind_of(outcome: Outcome) -> Refusal | None:
    return outcome.kind if isinstance(outcome, Refused) else None


@pytest.mark.parametrize("kind", AddressKind)
@pytest.mark.parametrize(
    "values", [{}, {"link": "https://example.jp/新着", "label": None, "ttl_seconds": 0}, {"data": {"a": "b"}}]
)
def test_both_senders_send_the_same_words(kind: AddressKind, values: dict[str, Any]) -> None:
    message = push("phone", address_kind=kind, **values)
    assert json.loads(encoded_json(message)) == {"message": json.loads(str(encoded(message)))}


@pytest.mark.parametrize("values", [{"label": "no spaces please"}, {"body": "長" * 2000}])
def test_both_senders_refuse_the_same(values: dict[str, Any]) -> None:
    for encode in (encoded, encoded_json):
        with pytest.raises(BadInput):
            encode(push("phone", **values))
