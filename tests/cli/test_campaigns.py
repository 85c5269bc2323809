"""`joren campaign` with JSON files, the second person, versions, copies and the archive."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from backend.cli.journeys import app
from backend.lake.frame import CustomerFrame
from backend.push.memory import MemorySender
from campaigns.delivery import Refusal, Refused
from tests.segments.rules.people import TODAY, frame_of, person
from tests.services.frames import AS_OF

Call = Callable[..., Result]
TEA: dict[str, Any] = {
    "name": "Tea",
    "segment_id": 1,
    "content": {"ja": {"title": "お茶", "body": "入荷しました"}},
    "tags": ["summer"],
    "trigger": {"kind": "recurring", "rrule": "FREQ=WEEKLY;BYDAY=FR", "starts_at": "2026-07-03T03:00:00Z"},
}


@pytest.fixture
def joren(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.setenv("JOREN_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setattr("backend.log.configure", lambda **_: None)  # its stream would be closed for later tests
    rows = [person(reachable=True) | {"customer_id": number} for number in (1, 2)]
    CustomerFrame(tmp_path / "frame").write(frame_of(rows), day=TODAY, at=AS_OF, seq=1, epoch=1)
    asyncio.run(_segment(dsn))
    return lambda *arguments, **more: CliRunner().invoke(app, list(arguments), **more)


async def _segment(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("INSERT INTO segments (name, created_at) VALUES ('everyone', now())")
    await connection.execute(
        "INSERT INTO segment_versions (segment_id, version, rule, created_at, created_by) VALUES (1, 1, $1, now(), 'test')",
        json.dumps({"all": []}),
    )
    await connection.execute(
        "INSERT INTO shop_settings (key, value, changed_at, changed_by) VALUES ('approval_above', '1', now(), 'test')"
    )
    await connection.close()


def test_a_campaign_goes_by_file_from_draft_to_approval(joren: Call, tmp_path: Path) -> None:
    file = tmp_path / "tea.json"
    file.write_text(json.dumps(TEA))
    made = joren("create-from", str(file), "--by", "mika")
    assert made.exit_code == 0, made.output
    assert "Tea: draft, for “everyone” [summer]" in made.output
    shown = joren("show", "Tea").output
    assert json.loads(shown) == TEA

    assert "waits for a second person" in joren("submit", "Tea", "--by", "mika").output
    own = joren("approve", "Tea", "--by", "mika")
    assert (own.exit_code, "Somebody other" in own.output) == (1, True)
    assert "Tea: draft" in joren("reject", "Tea", "--comment", "Which tea?", "--by", "ken").output
    edited = joren("edit", "Tea", "-", input=json.dumps(TEA | {"hypothesis": "Fridays are slow"}))
    assert "Tea: draft" in edited.output
    assert json.loads(joren("submit", "Tea", "--json").output)["review"]["audience"] == 2
    assert "Tea: scheduled" in joren("approve", "Tea", "--by", "ken").output

    assert "Tea (2): draft" in joren("copy", "Tea").output
    assert "Tea (2): draft" in joren("archive", "Tea (2)").output
    assert "Tea (2)" not in joren("list", "--tag", "summer").output
    assert "Tea (2)" in joren("list", "--archived").output
    for chosen in (("--state", "scheduled"), ("--kind", "recurring"), ("--search", "EVERY")):
        assert "Tea: scheduled" in joren("list", *chosen).output
    assert "No campaign matches." in joren("list", "--state", "sent").output
    assert "0 launches, for 0 people today." in joren("progress", "Tea").output
    assert "Tea (2): draft" in joren("restore", "Tea (2)").output
    assert "Nothing is published yet" in joren("versions", "Tea").output


REFUSED = (
    ("{", "is not JSON"),
    ('{"name": "Tea", "segment_id": 1, "trigger": {"kind": "daily"}}', "trigger.kind: invalid value 'daily'"),
    ('{"name": "Tea", "colour": 1}', "unknown field `colour`"),
    (json.dumps(TEA | {"content": {"ja": {"title": "{{ 姓 }}", "body": "b"}}}), "locked phone"),
)


def test_a_file_that_is_none_is_refused_with_the_place(joren: Call) -> None:
    for text, words in REFUSED:
        refused = joren("create-from", "-", input=text)
        assert refused.exit_code != 0
        assert words in refused.output


def test_a_look_before_it_is_kept_tells_dates_and_people(joren: Call) -> None:
    looked = joren("preview", "-", input=json.dumps(TEA))
    assert looked.exit_code == 0, looked.output
    assert len([line for line in looked.output.splitlines() if line.startswith("Fri ")]) == 5
    assert "12:00 Asia/Tokyo" in looked.output
    assert "In the segment 2, 2 of whom can be reached" in looked.output
    seen = json.loads(joren("preview", "-", "--json", input=json.dumps(TEA)).output)
    assert (len(seen["launches"]), seen["audience"]["total"]) == (5, 2)
    badly = TEA["trigger"] | {"rrule": "FREQ=WEEKLY;BYDAY=XX"}
    refused = joren("preview", "-", input=json.dumps(TEA | {"trigger": badly}))
    assert (refused.exit_code != 0, "trigger.rrule" in refused.output) == (True, True), refused.output
    assert "There are no campaigns yet" in joren("list").output


TWO_PHONES = """
INSERT INTO sources (name, kind, created_at) VALUES ('app', 'app', now());
INSERT INTO customers (created_at, born_source_id) SELECT now(), 1 FROM generate_series(1, 2);
INSERT INTO identities (kind, value, customer_id, proven, linked_at) VALUES ('user', 'M-1001', 2, true, now());
INSERT INTO devices (address, address_kind, customer_id, source_id, platform, state, first_seen, last_seen, anonymous_id)
SELECT 'phone-' || id, 'token', id, 1, 'android', 'live', now(), now(), 'anon-' || id FROM generate_series(1, 2) AS id
"""


def test_a_test_goes_to_whom_the_shop_or_joren_numbers(joren: Call, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sender = MemorySender()

    @asynccontextmanager
    async def opened(_: object) -> AsyncIterator[MemorySender]:
        yield sender

    monkeypatch.setattr("backend.wiring.everything.open_sender", opened)
    asyncio.run(_execute(dsn, TWO_PHONES))
    assert joren("create-from", "-", input=json.dumps(TEA)).exit_code == 0

    by_shop = joren("test", "Tea", "M-1001")
    assert by_shop.exit_code == 0, by_shop.output
    assert "device 2: accepted" in by_shop.output
    by_joren = joren("test", "Tea", "--customer-id", "1", "--json")
    assert (by_joren.exit_code, json.loads(by_joren.output)["customer_id"]) == (0, 1)
    on_the_way = joren("send", "Tea", "--test-to", "M-1001")
    assert on_the_way.exit_code == 0, on_the_way.output
    assert [each.address for each in sender.sent] == ["phone-2", "phone-1", "phone-2"]

    for whom, words in (
        (("2",), 'Nobody has the member number "2"'),
        ((), "Name the customer"),
        (("M-1001", "--customer-id", "2"), "Name the customer"),
        (("M-1001", "--device", "1"), "no live device 1"),
    ):
        refused = joren("test", "Tea", *whom)
        assert (refused.exit_code != 0, words in refused.output) == (True, True), refused.output
    assert len(sender.sent) == 3

    sender.answer = lambda _: Refused(Refusal.AUTH, detail="No push service is configured: set one.")
    nowhere = joren("test", "Tea", "M-1001")
    assert (nowhere.exit_code, "device 2: auth (No push service is configured: set one)" in nowhere.output) == (1, True)


async def _execute(dsn: str, statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statements)
    await connection.close()
