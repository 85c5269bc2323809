"""How many pushes does a core send, next to firebase-admin's best public way on the same core in the same run?

    python benchmarks/sending.py [--messages 5000] [--latency 50] [--rounds 3]

A server that accepts every message after ``--latency`` milliseconds runs on one core, over TLS, with HTTP/1.1 and HTTP/2; each
competitor is a process of its own on another. Messages are built, encoded and sent, answers read; the ledger is not in it.
Medians of the rounds are printed: messages a second, CPU milliseconds a message (they travel), the peak of memory.
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import firebase_admin
from firebase_admin import messaging
from granian.constants import Interfaces
from granian.server.embed import Server
from requests.adapters import HTTPAdapter

sys.path.insert(0, str(Path(__file__).parents[1]))

from backend.push.emulator import certificate
from backend.push.fast import FastSender
from backend.push.firebase import FirebaseSender
from backend.push.messages import built
from backend.push.routes import EmulatorCredential, emulator_route
from benchmarks.memory import peak
from campaigns.delivery import Accepted, PushSender
from campaigns.message import AddressKind, PushMessage

AIM = 3.0
"""Times the peer's messages a second."""
WARM_UP = 500
THREADS = 100
"""Of firebase-admin's synchronous `send`: what its reference run found best."""
_CLIENT_CORE, _SERVER_CORE = 0, 1


def messages(count: int) -> list[PushMessage]:
    """Messages as campaigns make them."""
    return [
        PushMessage(
            delivery_id=number,
            address=f"dGhpcyBpcyBhIHRva2Vu{number:012}:APA91b{'x' * 120}",
            address_kind=AddressKind.FID,
            title="今週の焼き菓子",
            body="佐藤様、いちじくのパウンドケーキが焼き上がりました。お近くの店舗でお待ちしています。",
            link="tomoshinoha://coupons/monthly",
            data={"campaign_id": "7", "delivery_id": str(number)},
            tag="joren-campaign-7",
            label="joren-7",
        )
        for number in range(count)
    ]


Told = dict[str, float]


async def by_joren(url: str, authority: Path, count: int) -> Told:
    """The fast sender, in chunks as the worker sends them."""
    return await _by_port(FastSender(emulator_route(url, authority)), count)


async def by_plain_joren(url: str, authority: Path, count: int) -> Told:
    """The plain sender: firebase-admin's `send_each_async` on four Apps."""
    return await _by_port(FirebaseSender(emulator_route(url, authority)), count)


async def by_firebase_admin(url: str, authority: Path, count: int) -> Told:
    """firebase-admin alone: `messaging.send` from a pool of threads, the quickest of its public ways."""
    os.environ["REQUESTS_CA_BUNDLE"] = str(authority)
    # There is no public way to another host.
    messaging._MessagingService.FCM_URL = f"{url}/v1/projects/{{0}}/messages:send"  # noqa: SLF001
    app = firebase_admin.initialize_app(EmulatorCredential(), {"projectId": "joren-demo"})
    # As its own code does for Google's host: a pool of 100.
    session = messaging._get_messaging_service(app)._client.session  # noqa: SLF001
    session.mount(url, HTTPAdapter(pool_connections=100, pool_maxsize=100))

    def send(message: PushMessage) -> str:
        return str(messaging.send(built(message), app=app))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(send, messages(WARM_UP)))
        wanted = messages(count)
        began = _Clock()
        names = list(pool.map(send, wanted))
        return began.told(len(names))


TASKS: dict[str, Callable[[str, Path, int], Awaitable[Told]]] = {
    task.__name__: task for task in (by_firebase_admin, by_plain_joren, by_joren)
}


class _Clock:
    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def told(self, count: int) -> Told:
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return {"rate": count / wall, "cpu": cpu / count * 1000, "peak": peak()}


async def _by_port(sender: PushSender, count: int) -> Told:
    await sender.send(messages(WARM_UP))
    wanted = messages(count)
    began = _Clock()
    outcomes = await sender.send(wanted)
    told = began.told(count)
    if not all(isinstance(outcome, Accepted) for outcome in outcomes):
        sys.exit(f"Not every message was accepted: {outcomes[0]}")
    return told


async def accept(latency: float, scope: dict[str, Any], receive: Any, send: Any) -> None:
    """FCM in good health, as an ASGI application."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await asyncio.sleep(latency)
    headers = [(b"content-type", b"application/json; charset=UTF-8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"name": "projects/joren-demo/messages/0:1500415314455276"}'})


def serve(port: int, latency: float, folder: Path) -> None:
    """The other side, until it is ended."""
    os.sched_setaffinity(0, {_SERVER_CORE})
    files = certificate.ensure(folder)
    server = Server(
        partial(accept, latency),
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGINL,
        ssl_cert=files.server,
        ssl_key=files.server,
        backlog=1024,
    )
    asyncio.run(server.serve())


@contextlib.contextmanager
def other_side(folder: Path, latency: float) -> Iterator[str]:
    """Run `serve` in a process of its own; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, __file__, "--serve", str(port), "--latency", str(latency), "--folder", str(folder)]
    process = subprocess.Popen(command)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield f"https://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def measure(task: str, url: str, folder: Path, count: int) -> Told:
    command = [
        sys.executable,
        __file__,
        "--task",
        task,
        "--url",
        url,
        "--folder",
        str(folder),
        "--messages",
        str(count),
    ]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    told: Told = json.loads(answer.stdout)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--latency", type=float, default=50, metavar="MS")
    parser.add_argument("--rounds", type=int, default=3)
    for hidden in ("--task", "--url", "--folder", "--serve"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(int(given.serve), given.latency / 1000, Path(given.folder))
        return
    if given.task:
        os.sched_setaffinity(0, {_CLIENT_CORE})
        task = TASKS[given.task]
        print(json.dumps(asyncio.run(task(given.url, Path(given.folder) / "ca.pem", given.messages))))
        return
    told: dict[str, list[Told]] = {name: [] for name in TASKS}
    with tempfile.TemporaryDirectory() as place, other_side(Path(place), given.latency) as url:
        for _ in range(given.rounds):
            for name in TASKS:
                told[name].append(measure(name, url, Path(place), given.messages))
    medians = {
        name: {what: statistics.median(one[what] for one in runs) for what in runs[0]} for name, runs in told.items()
    }
    peer = medians["by_firebase_admin"]
    for name, one in medians.items():
        print(
            f"{name:20} {one['rate']:8,.0f} messages/s  {one['cpu']:6.3f} CPU ms a message  {one['peak']:5,.0f} MiB"
            f"  {one['rate'] / peer['rate']:5.2f} × the rate, {peer['cpu'] / one['cpu']:5.2f} × as cheap as firebase-admin"
        )
    print(f"aim: {AIM} × the rate of firebase-admin")


if __name__ == "__main__":
    main()
