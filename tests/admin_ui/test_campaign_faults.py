"""A field of the campaign editor is told what is wrong with it when it is left, whatever else is still to be written."""

from types import SimpleNamespace

import pytest

from admin_ui import campaign_faults
from admin_ui.i18n import Say
from tests.admin_ui.conftest import Browser
from tests.admin_ui.test_campaign_form import NOW, draft_of, editor_of
from tests.admin_ui.test_pages import FRAGMENT, TEXTS, make_campaign, make_segment


def faults_of(**changes: str) -> dict[str, str]:
    return campaign_faults.faults(editor_of(**changes), zone="Asia/Tokyo", currency="JPY", now=NOW, say=Say("ja"))


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("name", {"name": ""}),
        ("holdout_percent", {"holdout_percent": "95"}),
        ("holdout_percent", {"holdout_percent": "many"}),
        ("ja_title", {"ja_title": "{{ nobody }}"}),
        ("ja_title", {"ja_title": "{{ 姓 }}様"}),
        ("link", {"link": "nowhere"}),
        ("badge", {"badge": "x"}),
        ("conversion_days", {"conversion_days": "91"}),
        ("expires_hours", {"expires_hours": "0"}),
        ("delay", {"kind": "event", "delay": "9999"}),
        ("tags", {"tags": "茶,茶"}),
        ("share.1", {"variants": "2", "share": "50", "share.1": "x", "ja_title.1": "B", "ja_body.1": "b"}),
        ("step_length.s0", {"shape": "journey", "steps": "1", "step_kind.s0": "wait", "step_length.s0": "0"}),
        ("step_at.s0", {"shape": "journey", "steps": "1", "step_kind.s0": "wait_until", "step_at.s0": "25:00"}),
    ],
)
def test_a_field_gets_the_message_of_saving_and_other_gaps_hide_nothing(field: str, typed: dict[str, str]) -> None:
    alone = draft_of(editor_of(**typed))[1]
    assert [*alone] == [field]
    assert faults_of(**typed)[field] == alone[field]
    gaps = {"conversion_days": "", "rate": "x"} if field != "conversion_days" else {"rate": "x"}
    assert faults_of(**{**gaps, **typed})[field] == alone[field]


def test_what_stands_gets_no_message_though_nothing_else_is_written_yet() -> None:
    empty = {"name": "", "segment_id": "", "ja_title": "", "ja_body": "", "kind": "recurring", "starts_day": ""}
    found = faults_of(**empty, holdout_percent="10", tags="秋")
    assert not {"holdout_percent", "tags", "conversion_days", "expires_hours"} & {*found}
    assert {"name", "segment_id", "content"} <= {*found}
    assert faults_of() == {}


def test_two_texts_are_told_of_at_once() -> None:
    found = faults_of(ja_title="{{ nobody }}", en_title="T", en_body="{% for %}")
    assert "ja_title" in found
    steps = {"shape": "journey", "kind": "event", "steps": "2"}
    for place in (0, 1):
        steps |= {f"step_kind.s{place}": "send", f"ja_title.s{place}": "a", f"ja_body.s{place}": "{{ nobody }}"}
    assert {"ja_body.s0", "ja_body.s1"} <= {*faults_of(**steps)}


async def test_leaving_a_field_answers_for_it_and_for_those_with_a_message(
    administrator: Browser, full: SimpleNamespace
) -> None:
    segment = await make_segment(administrator)
    number = await make_campaign(administrator, segment, name="Tea")
    typed = {"name": "Tea", "segment_id": segment, "holdout_percent": "95", **TEXTS, "link": "nowhere"}
    answer = await administrator.post(
        "/campaigns/field", {**typed, "left": "holdout_percent", "shown": "name conversion_days"}, **FRAGMENT
    )
    assert answer.status_code == 200
    assert answer.text.count('hx-swap-oob="true"') == 3
    assert 'id="error-holdout_percent"' in answer.text
    assert 'id="error-name"' in answer.text, "there is one already"
    assert 'id="place-conversion_days" data-error-of="conversion_days" hx-swap-oob="true"></div>' in answer.text
    assert "error-link" not in answer.text, "it was not left yet"
    own = {**typed, "campaign_id": number, "left": "name"}
    assert "error-name" not in (await administrator.post("/campaigns/field", own, **FRAGMENT)).text
    assert await full.pool.fetchval("SELECT count(*) FROM campaigns") == 1, "nothing is stored"
    form = (await administrator.get("/campaigns/new")).text
    assert 'hx-post="/campaigns/field"' in form
    assert 'id="place-holdout_percent" data-error-of="holdout_percent"' in form
