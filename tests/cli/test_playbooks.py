"""`joren campaign playbooks` on a frame on disk: the list, one of them, its segment and draft; and the same over the API."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from backend.cli.journeys import app
from backend.lake.frame import CustomerFrame
from tests.segments.rules.people import TODAY, frame_of, person
from tests.services.frames import AS_OF

Call = Callable[..., Result]


@pytest.fixture
def joren(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.setenv("JOREN_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setattr("backend.log.configure", lambda **_: None)  # its stream would be closed for later tests
    first = TODAY - timedelta(days=60)
    orders = {"orders": 2, "first_order": first, "second_order": first + timedelta(days=21)}
    rows = [person(**orders) | {"customer_id": number} for number in range(1, 41)]
    CustomerFrame(tmp_path / "frame").write(frame_of(rows), day=TODAY, at=AS_OF, seq=1, epoch=1)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return call


def test_list_look_and_make(joren: Call) -> None:
    listed = joren("playbooks").stdout.splitlines()
    assert len(listed) == 13
    assert listed[0].startswith("onboarding")
    assert "this shop has no days of joining" in listed[0]
    shown = joren("playbooks", "second-purchase").stdout
    assert "your data suggests 21" in shown
    assert "has exactly 1 order and last ordered at least 21 days ago" in shown
    assert "[ja] そろそろ、いかがですか" in shown
    made = json.loads(
        joren("playbooks", "second-purchase", "--answer", "days=30", "--create", "--language", "en", "--json").stdout
    )
    assert made["campaign"]["summary"]["state"] == "draft"
    assert made["segment"]["segment"]["name"] == "Bought once, 30 days ago"
    assert "1. " in joren("playbooks", "onboarding").stdout
    told = joren("playbooks", "birthday", "--create").stdout
    assert "Look first: joren campaign dry-run" in told


def test_what_cannot_be_is_said(joren: Call) -> None:
    for arguments, said in (
        (("--create",), "Name the playbook first"),
        (("birthday", "--answer", "days"), "write NAME=VALUE"),
        (("birthday", "--answer", "days=soon"), "Write a whole number from 0 to 60"),
        (("birthday", "--language", "fr"), "Choose ja or en"),
        (("cross-sell", "--create"), "Say the category that was bought"),
        (("spam",), "There is no playbook spam"),
    ):
        refused = joren("playbooks", *arguments)
        assert refused.exit_code != 0
        assert said in refused.output


def test_figures_of_a_shop_that_sent_nothing_yet(joren: Call) -> None:
    made = json.loads(joren("playbooks", "coupon-expiring", "--create", "--json").stdout)
    number = str(made["campaign"]["summary"]["campaign_id"])
    assert joren("send", number, "--at", "2026-07-01T10:00+0900").exit_code == 0
    agenda = json.loads(joren("calendar", "--from", "2026-06-30", "--to", "2026-07-03", "--json").stdout)
    assert agenda["items"] == []  # its days have passed on the clock of this machine
    assert "people may get pushes" in joren("fatigue", "--weeks", "2").stdout
    told = joren("global-holdout", "--period", "2026-05").stdout
    assert "2026-05-01 to 2026-05-31, 0 % held out of all campaigns" in told
    assert "joren shop set global_holdout_percent=5" in told
    assert "Write a month as 2026-10" in joren("global-holdout", "--period", "May").output
    parted = json.loads(joren("breakdown", number, "--by", "language", "--json").stdout)
    assert parted["slices"] == []
    refused = joren("breakdown", number, "--by", "rank")
    assert "A report is parted by store, language, platform, segment." in refused.output
    assert "joren campaign list shows them all" in joren("breakdown", "Nothing").output
    assert joren("cancel", number).exit_code == 0
    assert joren("archive", number).exit_code == 0
    assert joren("breakdown", number).exit_code == 0  # its figures stay
