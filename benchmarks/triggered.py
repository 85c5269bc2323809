"""How long from an event that the door accepted to the push that the push service accepted, while 500 events a second come in?

    python benchmarks/triggered.py [--rate 500] [--share 0.02] [--seconds 40] [--warm 10]

A whole installation as an operator runs it: server, worker and the emulator as processes of their own on one PostgreSQL. Most
events are of no consequence; a share of them begins a campaign, each for a person of her own with a phone. Told are
quantiles of the time from the event's receipt to the recorded answer of the push service, and how many pushes are missing.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from backend.embedded.postgres import EmbeddedPostgres
from backend.settings import Settings
from backend.wiring import Services, open_services
from campaigns.campaign import Content, Draft, Text
from campaigns.trigger import OnEvent
from tests.fixtures.installation import Installation

AIM = 5.0
"""Seconds at the median."""
PEOPLE_AT_ONCE, EVENTS_AT_ONCE = 400, 25
CONSENT, TRIGGER = "Consent Changed", "Store Visited"

_LATENCIES = """
SELECT extract(epoch FROM d.changed_at - l.received_at)::float8 AS seconds
FROM journey_entries AS e
JOIN deliveries AS d ON d.customer_id = e.customer_id AND d.occurrence = e.entry_id * 1000 AND d.state = 'accepted'
JOIN event_log AS l ON l.seq = e.occurrence
ORDER BY 1
"""


def call(who: str, event: str, number: int, **properties: Any) -> dict[str, Any]:
    """One event of a person with a phone."""
    context = {"device": {"token": f"phone-{who}", "type": "android"}, "timezone": "Asia/Tokyo"}
    return {
        "type": "track", "event": event, "userId": who, "messageId": f"{event}-{who}-{number}",
        "properties": properties, "context": context,
    }  # fmt: skip


class Door:
    """Sends batches to the server."""

    def __init__(self, joren: Installation, key: str) -> None:
        self.client = httpx.AsyncClient(base_url=joren.url, auth=(key, ""), timeout=60, trust_env=False)

    async def send(self, batch: list[dict[str, Any]]) -> None:
        """One request."""
        (await self.client.post("/v1/batch", json={"batch": batch})).raise_for_status()


async def prepare(services: Services, door: Door, people: int) -> int:
    """People with phones and consent, and a campaign that an event of theirs begins; gives its number."""
    for first in range(0, people, PEOPLE_AT_ONCE):
        numbers = range(first, min(people, first + PEOPLE_AT_ONCE))
        await door.send([call(f"p{n}", CONSENT, 0, purpose="marketing", channel="push", granted=True) for n in numbers])
    while await services.refresh.waiting():  # noqa: ASYNC110 - another process refreshes, and tells nobody
        await asyncio.sleep(0.5)
    text = Text(title="いらっしゃいませ", body="今日のおすすめは焼きたてのスコーンです。")
    draft = Draft(
        name="At the door",
        segment_id=None,
        content=Content(ja=text),
        holdout_percent=0.0,
        trigger=OnEvent(event=TRIGGER),
    )
    made = (await services.campaign_desk.create(draft, by="benchmark")).summary
    await services.campaign_desk.send_now(made.campaign_id, revision=made.revision, by="benchmark")
    while (await services.campaign_desk.get(made.campaign_id)).summary.state != "sending":  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    return made.campaign_id


async def load(door: Door, given: argparse.Namespace, people: int) -> tuple[int, float]:
    """Events at the rate for as long as asked; gives how many began something, and the rate that was held."""
    every = EVENTS_AT_ONCE / given.rate
    begun = sent = 0
    owed, began, open_requests = 0.0, time.perf_counter(), set()
    while (now := time.perf_counter()) < began + given.seconds:
        batch = []
        for _ in range(EVENTS_AT_ONCE):
            owed += given.share
            if owed >= 1 and begun < people:
                owed -= 1
                batch.append(call(f"p{begun}", TRIGGER, 1, store_id="S1"))
                begun += 1
            else:
                sent += 1
                batch.append(call(f"b{sent % 5000}", "Screen Looked At", sent))
        open_requests.add(asyncio.create_task(door.send(batch)))
        await asyncio.sleep(max(0.0, began + every * (begun + sent) / EVENTS_AT_ONCE - now))
    await asyncio.gather(*open_requests)
    return begun, (begun + sent) / (time.perf_counter() - began)


async def measure(joren: Installation, dsn: str, given: argparse.Namespace) -> None:
    """Prepare, load, wait for the last push, tell."""
    source = joren.ask("source", "create", "shop", "--kind", "server")
    people = int(given.rate * given.share * given.seconds) + 1
    addresses = {"addresses": [f"phone-p{n}" for n in range(people)], "kind": "token"}
    async with httpx.AsyncClient(base_url=joren.phone_url, trust_env=False, timeout=60) as phones:
        (await phones.post("/emulator/addresses", json=addresses)).raise_for_status()
    settings = Settings(
        home=joren.home,
        database_url=dsn,
        lake=str(joren.home / "lake"),
        clock_shift=timedelta(seconds=joren.clock_shift),
    )
    async with open_services(settings) as services:
        door = Door(joren, source["write_key"])
        await prepare(services, door, people)
        await asyncio.sleep(given.warm)
        begun, held = await load(door, given, people)
        limit = time.monotonic() + 60
        found: list[float] = []
        while time.monotonic() < limit and len(found) < begun:
            await asyncio.sleep(1)
            found = [row["seconds"] for row in await services.pool.fetch(_LATENCIES)]
        await door.client.aclose()
    cuts = statistics.quantiles(found, n=100)
    print(f"{held:,.0f} events/s held, {begun:,} of them begin a campaign, {begun - len(found):,} pushes missing; "
          f"seconds from accepted to accepted: median {cuts[49]:.2f} (aim {AIM:.0f}), 90 % {cuts[89]:.2f}, "
          f"99 % {cuts[98]:.2f}, at most {found[-1]:.2f}")  # fmt: skip


def main() -> None:
    """Start an installation, measure it, stop it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--share", type=float, default=0.02)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--warm", type=float, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "home"
        home.mkdir()
        with EmbeddedPostgres(home).hold() as dsn:
            joren = Installation(home)
            try:
                joren.start_emulator()
                joren.start_server()
                joren.start_worker()
                asyncio.run(measure(joren, dsn, given))
            except BaseException:
                print(joren.log("worker")[-3000:], file=sys.stderr)
                raise
            finally:
                joren.close()


if __name__ == "__main__":
    main()
