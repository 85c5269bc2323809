"""Wrong clocks, of phones and of the server: nothing is lost or doubled, and what can be put right is (F15)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.asgi import create_app
from backend.clock import FixedClock
from backend.settings import Settings
from backend.wiring import open_intake
from tests.api.conftest import Intake, client_of, living, track
from tests.fixtures.phone_uploads import KOTLIN, SWIFT, kotlin_event, swift_event

pytestmark = pytest.mark.fault

NOON = datetime(2028, 2, 29, 3, tzinfo=UTC)
SECOND, AN_HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
TEN_YEARS = 3653 * DAY
ERRORS = (-TEN_YEARS, -DAY, -AN_HOUR, timedelta(0), AN_HOUR, DAY, TEN_YEARS)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stalled database is answered for without what it remembers of a phone's clock; a busy machine is not one."""
    monkeypatch.setattr("backend.store.pool.BRIEF", timedelta(minutes=1))


@pytest.fixture
async def intake(dsn: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Intake]:
    settings = Settings(home=tmp_path, database_url=dsn, role="intake")
    async with open_intake(settings, clock=clock) as services:
        app = await services.sources.create("phone")
        till = await services.sources.create("till", kind="server")
        server = create_app(services, "intake")
        async with living(server), client_of(server) as client:
            yield Intake(client=client, services=services, app=app, till=till)


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def dated(intake: Intake) -> dict[int, tuple[datetime, str]]:
    rows = await intake.services.pool.fetch(
        "SELECT (payload -> 'properties' ->> 'number')::int AS n, occurred_at, time_rule FROM event_log"
    )
    numbers = {row["n"]: (row["occurred_at"], row["time_rule"]) for row in rows}
    assert len(numbers) == len(rows)
    return numbers


async def test_phones_ten_years_off_are_dated_to_a_second_once_they_were_online(
    intake: Intake, clock: FixedClock
) -> None:
    """Each sends a file at once, then closes one in the subway and sends it three days later, with a retry's mark."""
    phones = [(SWIFT, swift_event), (KOTLIN, kotlin_event)]
    cases = [(sdk, event, error) for sdk, event in phones for error in ERRORS]
    truths: dict[int, datetime] = {}
    for online in (True, False):
        clock.advance(AN_HOUR)
        closed = clock.now()
        clock.advance(timedelta(0) if online else 3 * DAY)
        for number, (sdk, event, error) in enumerate(cases, start=0 if online else len(cases)):
            truths[number] = closed - timedelta(seconds=20)
            one = event(number, stamp(truths[number] + error))
            one["context"]["device"]["id"] = f"{event.__name__} {error}"
            file = sdk.file([one], intake.app.write_key, stamp(closed + error))
            await post(intake, sdk.path, file, retried=not online)
    found = await dated(intake)
    assert set(found) == set(truths)
    wrong = {n: (found[n], truth) for n, truth in truths.items() if abs(found[n][0] - truth) > SECOND}
    assert wrong == {}
    assert {rule for _, rule in found.values()} == {"as_sent", "device_skew"}


async def post(intake: Intake, path: str, file: bytes, *, retried: bool) -> None:
    headers = {"X-Retry-Count": "1"} if retried else {}
    assert (await intake.client.post(path, content=file, headers=headers)).status_code == 200


async def test_sdks_that_say_when_they_send_need_no_memory(intake: Intake, clock: FixedClock) -> None:
    for number, error in enumerate(ERRORS):
        event = track(f"m{number}", timestamp=stamp(NOON + error), properties={"number": number})
        sent = stamp(clock.now() + error + AN_HOUR)
        clock.advance(AN_HOUR)
        await intake.send({"batch": [event], "sentAt": sent})
        clock.advance(-AN_HOUR)
    assert {n: moment for n, (moment, _) in (await dated(intake)).items()} == dict.fromkeys(range(len(ERRORS)), NOON)


@pytest.mark.parametrize("jump", [-DAY, -AN_HOUR, AN_HOUR, DAY])
async def test_a_server_whose_clock_jumps_loses_and_doubles_nothing(
    intake: Intake, clock: FixedClock, jump: timedelta
) -> None:
    """A retry falls on another received day, and so into another partition of the log."""

    def batch(start: int) -> dict[str, Any]:
        return {"batch": [track(f"m{n}", properties={"number": n}) for n in range(start, start + 20)]}

    for start in (0, 10, 20):
        assert (await intake.send(batch(start))).status_code == 200
        clock.advance(jump)
        assert (await intake.send(batch(start))).status_code == 200
    assert set(await dated(intake)) == set(range(40))


async def test_what_lies_in_the_future_is_dated_to_its_arrival_and_says_so(intake: Intake) -> None:
    ahead = track("m1", timestamp=stamp(NOON + 25 * AN_HOUR), properties={"number": 1})
    within = track("m2", timestamp=stamp(NOON + 23 * AN_HOUR), properties={"number": 2})
    await intake.send({"batch": [ahead, within]})
    assert await dated(intake) == {1: (NOON, "clamped"), 2: (NOON + 23 * AN_HOUR, "as_sent")}


async def test_all_four_times_are_kept(intake: Intake, clock: FixedClock) -> None:
    said, sent = NOON - 3 * AN_HOUR, NOON - AN_HOUR
    await intake.send({"batch": [track("m1", timestamp=stamp(said))], "sentAt": stamp(sent)})
    row = await intake.services.pool.fetchrow(
        "SELECT original_at, sent_at, received_at, occurred_at, time_rule FROM event_log"
    )
    assert row is not None
    assert tuple(row) == (said, sent, clock.now(), NOON - 2 * AN_HOUR, "skew")
