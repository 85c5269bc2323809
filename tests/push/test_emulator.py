"""The emulator answers as FCM does, keeps what it knows, and makes exactly the faults it is told to."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.errors import BadInput, Conflict
from backend.push.emulator.answers import Fault
from backend.push.emulator.emulator import Emulator
from backend.push.emulator.faults import EmulatorSettings, FaultRule, fault_for
from backend.push.emulator.server import Running, running

SEND = "/v1/projects/joren-demo/messages:send"
BEARER = {"Authorization": "Bearer anything"}


@pytest.fixture(params=["HTTP/1.1", "HTTP/2"])
async def fcm(request: pytest.FixtureRequest, emulator: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=emulator.url,
        verify=ssl.create_default_context(cafile=str(emulator.ca_file)),
        http2=request.param == "HTTP/2",
        headers=BEARER,
    ) as client:
        yield client


@pytest.fixture
async def control(emulator: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=emulator.control_url) as client:
        yield client


def body(address: str, **message: Any) -> dict[str, Any]:
    return {"message": {"fid": address, "notification": {"title": "t", "body": "b"}, **message}}


@pytest.mark.parametrize("fcm", ["HTTP/1.1", "HTTP/2"], indirect=True)
async def test_it_speaks_http_2_and_1_and_names_the_message(
    request: pytest.FixtureRequest, emulator: Running, fcm: httpx.AsyncClient
) -> None:
    emulator.emulator.register(["phone-one"])

    answer = await fcm.post(SEND, json=body("phone-one"))

    assert answer.http_version == request.node.callspec.params["fcm"]
    assert answer.status_code == 200
    assert answer.json()["name"].startswith("projects/joren-demo/messages/")


async def test_it_shows_what_a_phone_would_show(emulator: Running, fcm: httpx.AsyncClient) -> None:
    emulator.emulator.register(["phone-one"])
    android = {"ttl": "3600s", "priority": "high", "notification": {"tag": "joren-campaign-7"}}
    sent = body("phone-one", android=android, data={"campaign_id": "7", "link": "app://coupons"})

    await fcm.post(SEND, json={**sent, "message": {**sent["message"], "fcm_options": {"analytics_label": "joren-7"}}})

    device = emulator.emulator.device("phone-one")
    assert device is not None
    [message] = device.messages
    assert (message.title, message.body, message.link) == ("t", "b", "app://coupons")
    assert (message.tag, message.ttl_seconds, message.label) == ("joren-campaign-7", 3600, "joren-7")


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"notification": {"title": "t"}}, "message"),
        ({"fid": "phone-one", "token": "phone-one"}, "message"),
        ({"topic": "news"}, "message.topic"),
        ({"fid": "no good"}, "message.fid"),
        ({"fid": "phone-one", "data": {"from": "me"}}, "message.data[from]"),
        ({"fid": "phone-one", "data": {"number": 1}}, "message"),
        ({"fid": "phone-one", "android": {"ttl": "a while"}}, "message.android.ttl"),
        ({"fid": "phone-one", "android": {"ttl": "2419201s"}}, "message.android.ttl"),
        ({"fid": "phone-one", "colour": "red"}, "message"),
        ({"fid": "phone-one", "data": {"text": "あ" * 1400}}, "message"),
    ],
)
async def test_malformed_messages_get_400_with_the_field(
    emulator: Running, fcm: httpx.AsyncClient, message: dict[str, Any], field: str
) -> None:
    emulator.emulator.register(["phone-one"])

    answer = await fcm.post(SEND, json={"message": message})

    assert answer.status_code == 400
    violation, own = answer.json()["error"]["details"]
    assert violation["fieldViolations"][0]["field"] == field
    assert own["errorCode"] == "INVALID_ARGUMENT"


async def test_a_payload_of_exactly_4096_bytes_is_taken(emulator: Running, fcm: httpx.AsyncClient) -> None:
    emulator.emulator.register(["phone-one"])
    fixed = len("title" + "t" + "body" + "b" + "text")

    taken = await fcm.post(SEND, json=body("phone-one", data={"text": "x" * (4096 - fixed)}))
    refused = await fcm.post(SEND, json=body("phone-one", data={"text": "x" * (4097 - fixed)}))

    assert (taken.status_code, refused.status_code) == (200, 400)


async def test_unreadable_and_unsigned_requests_are_refused(fcm: httpx.AsyncClient) -> None:
    unreadable = await fcm.post(SEND, content=b"{")
    unsigned = await fcm.post(SEND, json=body("phone-one"), headers={"Authorization": ""})

    assert unreadable.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert unsigned.status_code == 401


@pytest.mark.parametrize("fcm", ["HTTP/1.1"], indirect=True)
async def test_no_more_than_the_endpoint_is_there(fcm: httpx.AsyncClient) -> None:
    assert (await fcm.post("/v1/projects/joren-demo/messages")).status_code == 404
    assert (await fcm.get(SEND)).status_code == 405


async def test_a_request_in_pieces_is_one_and_what_is_no_request_is_refused(emulator: Running) -> None:
    emulator.emulator.register(["phone-one"])
    host, port = httpx.URL(emulator.url).host, httpx.URL(emulator.url).port
    trust = ssl.create_default_context(cafile=str(emulator.ca_file))
    message = json.dumps(body("phone-one")).encode()
    head = f"POST {SEND} HTTP/1.1\r\nHost: x\r\nauthorization: Bearer y\r\nTransfer-Encoding: chunked\r\n\r\n".encode()

    reader, writer = await asyncio.open_connection(host, port, ssl=trust)
    for piece in (head[:9], head[9:], b"%x\r\n%b\r\n0\r\n\r\n" % (len(message), message), b"nonsense\r\n\r\n"):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.01)
    said = await reader.read()
    writer.close()

    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\n\r\n{" in said
    assert b"HTTP/1.1 400 Bad Request\r\n" in said


async def test_requests_sent_ahead_are_answered_one_after_the_other(emulator: Running) -> None:
    emulator.emulator.register(["phone-one"])
    emulator.emulator.settings = EmulatorSettings(latency_ms=2)
    message = json.dumps(body("phone-one")).encode()
    sent = (
        f"POST {SEND} HTTP/1.1\r\nauthorization: Bearer y\r\nContent-Length: {len(message)}\r\n\r\n".encode() + message
    )
    elsewhere, unsigned = b"GET /nowhere HTTP/1.1\r\n\r\n", f"POST {SEND} HTTP/1.1\r\n\r\n".encode()
    last = sent.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")

    trust = ssl.create_default_context(cafile=str(emulator.ca_file))
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(emulator.url).port, ssl=trust)
    writer.write(elsewhere * 1500 + sent + unsigned + sent * 30 + last + sent)
    said = await asyncio.wait_for(reader.read(), 10)
    writer.close()

    statuses = [int(answer[:3]) for answer in said.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [404] * 1500 + [200, 401] + [200] * 31
    device = emulator.emulator.device("phone-one")
    assert device is not None
    assert device.accepted == 32


async def test_a_message_is_in_the_journal_before_its_answer_goes_out(
    emulator: Running, fcm: httpx.AsyncClient
) -> None:
    journal = emulator.ca_file.parent / "journal.jsonl"
    emulator.emulator.register(addresses := [f"phone-number-{number}" for number in range(40)])
    emulator.emulator.settings = EmulatorSettings(latency_ms=20)

    async def named_on_disk(address: str) -> bool:
        name = (await fcm.post(SEND, json=body(address))).json()["name"]
        return name in journal.read_text()

    assert all(await asyncio.gather(*map(named_on_disk, addresses)))


async def test_an_answer_takes_as_long_as_it_was_told_to(emulator: Running, fcm: httpx.AsyncClient) -> None:
    emulator.emulator.register(["phone-one"])
    emulator.emulator.settings = EmulatorSettings(latency_ms=120)

    began = time.monotonic()
    await fcm.post(SEND, json=body("phone-one"))

    assert time.monotonic() - began >= 0.12


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.UNREGISTERED, (404, "NOT_FOUND", "UNREGISTERED")),
        (Fault.NOT_FOUND, (404, "NOT_FOUND", None)),
        (Fault.SENDER_ID_MISMATCH, (403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH")),
        (Fault.QUOTA_EXCEEDED, (429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")),
        (Fault.UNAVAILABLE, (503, "UNAVAILABLE", "UNAVAILABLE")),
        (Fault.INTERNAL, (500, "INTERNAL", "INTERNAL")),
        (Fault.THIRD_PARTY_AUTH_ERROR, (401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR")),
    ],
)
async def test_faults_have_fcms_bodies(
    emulator: Running, fcm: httpx.AsyncClient, fault: Fault, expected: tuple[int, str, str | None]
) -> None:
    emulator.emulator.register(["phone-one"])
    emulator.emulator.settings = EmulatorSettings(faults=(FaultRule(fault, retry_after=30),))

    answer = await fcm.post(SEND, json=body("phone-one"))

    status, code, detail = expected
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (status, status, code)
    assert answer.headers["retry-after"] == "30"
    assert [entry["errorCode"] for entry in error.get("details", [])] == ([detail] if detail else [])


async def test_validate_only_checks_and_delivers_nothing(emulator: Running, fcm: httpx.AsyncClient) -> None:
    emulator.emulator.register(["phone-one"])

    known = await fcm.post(SEND, json={**body("phone-one"), "validate_only": True})
    unknown = await fcm.post(SEND, json={**body("phone-two"), "validate_only": True})

    assert (known.status_code, unknown.status_code) == (200, 404)
    device = emulator.emulator.device("phone-one")
    assert device is not None
    assert (device.attempts, device.accepted) == (0, 0)


async def test_an_address_of_another_project_is_a_mismatch(emulator: Running, fcm: httpx.AsyncClient) -> None:
    emulator.emulator.register(["phone-one"], project="another")

    assert (await fcm.post(SEND, json=body("phone-one"))).json()["error"]["status"] == "PERMISSION_DENIED"


async def test_a_removed_app_is_unregistered(fcm: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    address = (await control.post("/emulator/phones")).json()["address"]
    before = await fcm.post(SEND, json=body(address))

    await control.delete(f"/emulator/addresses/{address}")
    after = await fcm.post(SEND, json=body(address))

    assert before.status_code == 200
    assert after.json()["error"]["details"][0]["errorCode"] == "UNREGISTERED"
    assert (await control.get(f"/emulator/addresses/{address}")).json() | {"messages": []} == {
        "address": address, "kind": "fid", "installed": False, "attempts": 2, "accepted": 1, "messages": [],
    }  # fmt: skip


async def test_a_fault_after_accepting_still_delivers(emulator: Running, fcm: httpx.AsyncClient) -> None:
    emulator.emulator.register(["phone-one"])
    emulator.emulator.settings = EmulatorSettings(faults=(FaultRule(Fault.UNAVAILABLE, after_accepting=True),))

    answer = await fcm.post(SEND, json=body("phone-one"))

    device = emulator.emulator.device("phone-one")
    assert device is not None
    assert (answer.status_code, device.accepted) == (503, 1)


async def test_settings_are_read_and_replaced_over_http(control: httpx.AsyncClient) -> None:
    wanted = {"latency_ms": 5, "faults": [{"kind": "DROP", "share": 0.25, "times": 2}]}

    answer = await control.put("/emulator/settings", json=wanted)

    assert answer.status_code == 200
    stored = (await control.get("/emulator/settings")).json()
    assert stored["latency_ms"] == 5
    assert stored["faults"][0]["share"] == 0.25
    assert (await control.put("/emulator/settings", json={"faults": [{"kind": "RAIN"}]})).status_code == 400


async def test_counts_tell_who_was_named(emulator: Running, fcm: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    await control.post("/emulator/addresses", json={"addresses": ["phone-one", "phone-two"]})
    await fcm.post(SEND, json=body("phone-one"))

    assert set((await control.get("/emulator/addresses")).json()) == {"phone-one", "phone-two"}
    assert set((await control.get("/emulator/addresses?named=true")).json()) == {"phone-one"}
    await control.post("/emulator/clear")
    assert (await control.get("/emulator/addresses?named=true")).json() == {}


@pytest.mark.parametrize("headers", [{"Origin": "https://elsewhere.example"}, {"Host": "rebound.example"}])
async def test_other_sites_pages_are_refused(control: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await control.post("/emulator/phones", headers=headers)).status_code == 403
    assert (await control.post("/emulator/phones", headers={"Origin": str(control.base_url)})).status_code == 200


async def read_events(control: httpx.AsyncClient, path: str, count: int, **headers: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with control.stream("GET", path, headers=headers) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data: {"):
                found.append(json.loads(line.removeprefix("data: ")))
            if len(found) == count:
                break
    return found


async def test_phones_get_what_waits_and_then_what_comes(
    emulator: Running, fcm: httpx.AsyncClient, control: httpx.AsyncClient
) -> None:
    emulator.emulator.register(["phone-one", "phone-two"])
    for title in ("first", "second"):
        await fcm.post(SEND, json=body("phone-one", notification={"title": title}))
    path = "/emulator/addresses/phone-one/stream"

    async with control.stream("GET", path, headers={"Last-Event-ID": "1"}) as stream:
        lines = stream.aiter_lines()
        waiting = await anext(line async for line in lines if line.startswith("data: {"))
        await fcm.post(SEND, json=body("phone-two", notification={"title": "somebody else's"}))
        await fcm.post(SEND, json=body("phone-one", notification={"title": "third"}))
        coming = await anext(line async for line in lines if line.startswith("data: {"))

    assert [json.loads(line.removeprefix("data: "))["title"] for line in (waiting, coming)] == ["second", "third"]


async def test_a_message_whose_life_is_over_no_longer_arrives(
    emulator: Running, fcm: httpx.AsyncClient, control: httpx.AsyncClient
) -> None:
    emulator.emulator.register(["phone-one"])
    await fcm.post(SEND, json=body("phone-one", notification={"title": "now or never"}, android={"ttl": "0s"}))
    await fcm.post(SEND, json=body("phone-one", notification={"title": "patient"}, android={"ttl": "60s"}))

    [arrived] = await read_events(control, "/emulator/addresses/phone-one/stream", 1)

    assert arrived["title"] == "patient"


async def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "emulator"
    for expected in (1, 2, 3):
        async with running(folder) as emulator:
            emulator.emulator.register(["phone-one"])
            trust = ssl.create_default_context(cafile=str(emulator.ca_file))
            async with httpx.AsyncClient(base_url=emulator.url, verify=trust, http2=True, headers=BEARER) as client:
                assert (await client.post(SEND, json=body("phone-one"))).status_code == 200
            device = emulator.emulator.device("phone-one")
            assert device is not None
            assert (device.attempts, device.accepted) == (expected, expected)
            assert [message.id for message in device.messages] == list(range(1, expected + 1))


def test_a_line_cut_short_by_a_kill_is_left_out(tmp_path: Path) -> None:
    with Emulator(tmp_path) as emulator:
        emulator.register(["phone-one"])
    with (tmp_path / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"type":"registered","addresses":["phone-t')

    with Emulator(tmp_path) as emulator:
        emulator.register(["phone-three"])
    with Emulator(tmp_path) as emulator:
        assert {device.address for device in emulator.devices()} == {"phone-one", "phone-three"}


def test_a_damaged_journal_says_where_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text('{"type":"registered","addre{"type":"cleared"}\n')

    with pytest.raises(Conflict, match=r"line 1: remove"):
        Emulator(tmp_path)
    (tmp_path / "journal.jsonl").unlink()
    with Emulator(tmp_path) as emulator:
        assert list(emulator.devices()) == []


def test_one_folder_takes_one_emulator(tmp_path: Path) -> None:
    with Emulator(tmp_path), pytest.raises(Conflict, match="Another emulator"):
        Emulator(tmp_path)


async def test_a_taken_port_is_one_clear_sentence(tmp_path: Path, emulator: Running) -> None:
    taken = int(emulator.url.rsplit(":", 1)[1])

    with pytest.raises(Conflict, match=f"Port {taken}"):
        async with running(tmp_path / "second", port=taken):
            pass


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "example.com", ""])  # noqa: S104 - what must be refused
async def test_it_listens_on_this_machine_only(tmp_path: Path, host: str) -> None:
    with pytest.raises(BadInput, match="this machine only"):
        async with running(tmp_path, host=host):
            pass


def test_a_share_picks_the_same_requests_each_time_and_about_that_many() -> None:
    settings = EmulatorSettings(faults=(FaultRule(Fault.INTERNAL, share=0.2),), seed=7)
    met = [bool(fault_for(settings, address=f"phone-{n}", attempt=1)) for n in range(5000)]

    assert met == [bool(fault_for(settings, address=f"phone-{n}", attempt=1)) for n in range(5000)]
    assert 850 < sum(met) < 1150


def test_rules_meet_their_addresses_and_their_first_attempts() -> None:
    first_two = FaultRule(Fault.DROP, addresses=("phone-one",), times=2)
    settings = EmulatorSettings(faults=(first_two, FaultRule(Fault.HANG, addresses=("phone-two",))))

    met = [fault_for(settings, address="phone-one", attempt=n) for n in (1, 2, 3)]

    assert met == [first_two, first_two, None]
    assert fault_for(settings, address="phone-three", attempt=1) is None
