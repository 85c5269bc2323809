"""The campaign editor's form: what it makes of what was typed, and which field is wrong."""

from datetime import UTC, datetime, timedelta

import pytest

from admin_ui import campaign_form
from admin_ui.campaign_form import FIELDS
from admin_ui.forms import Form
from admin_ui.i18n import Say
from campaigns.campaign import Content, Draft, Text

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
SOUND = {
    **FIELDS,
    "name": "2回目のご案内",
    "segment_id": "7",
    "ja_title": "{{ 姓 }}様へ",
    "ja_body": "お待ちしています。",
}


def draft_of(**changes: str) -> tuple[Draft | None, dict[str, str]]:
    form = Form({**SOUND, **changes}.items())
    return campaign_form.to_draft(form, zone="Asia/Tokyo", now=NOW, say=Say("ja"))


def test_what_was_typed_becomes_a_draft_and_back() -> None:
    draft, errors = draft_of(
        en_title="Hello {{ family_name }}",
        en_body="See you",
        when="later",
        day="2026-11-23",
        time="18:30",
        link="myshop://a",
    )
    assert errors == {}
    assert draft == Draft(
        name="2回目のご案内",
        segment_id=7,
        content=Content(
            ja=Text("{{ 姓 }}様へ", "お待ちしています。"),
            en=Text("Hello {{ family_name }}", "See you"),
            link="myshop://a",
        ),
        scheduled_at=datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
    )
    again = Form(campaign_form.from_draft(draft, "Asia/Tokyo").items())
    assert campaign_form.to_draft(again, zone="Asia/Tokyo", now=NOW, say=Say("ja")) == (draft, {})


def test_without_a_time_it_goes_when_it_is_confirmed() -> None:
    draft, _ = draft_of(day="2026-11-23", time="18:30")
    assert draft is not None
    assert draft.scheduled_at is None
    assert draft.expires_after == timedelta(hours=24)


@pytest.mark.parametrize(
    ("changes", "field", "step"),
    [
        ({"name": ""}, "name", "content"),
        ({"ja_title": "", "ja_body": ""}, "content", "content"),
        ({"ja_title": ""}, "ja_title", "content"),
        ({"ja_body": "{{ nothing }}"}, "ja_body", "content"),
        ({"ja_body": "{% for x in y %}{% endfor %}"}, "ja_body", "content"),
        ({"link": "http://x"}, "link", "content"),
        ({"segment_id": ""}, "segment_id", "audience"),
        ({"holdout_percent": "many"}, "holdout_percent", "audience"),
        ({"holdout_percent": "95"}, "holdout_percent", "audience"),
        ({"conversion_days": "0"}, "conversion_days", "audience"),
        ({"expires_hours": "0"}, "expires_hours", "timing"),
        ({"when": "later"}, "day", "timing"),
        ({"when": "later", "day": "2026-11-22", "time": "11:59"}, "day", "timing"),
    ],
)
def test_an_error_stands_on_its_field_and_opens_its_step(changes: dict[str, str], field: str, step: str) -> None:
    draft, errors = draft_of(**changes)
    assert draft is None
    assert list(errors) == [field]
    assert errors[field].isprintable()
    assert campaign_form.first_step(errors, "timing") == step


def test_the_wanted_step_opens_where_nothing_is_wrong() -> None:
    assert campaign_form.first_step({}, "audience") == "audience"
    assert campaign_form.first_step({}, "nonsense") == "content"


def test_the_phone_shows_sample_values() -> None:
    shown = campaign_form.previews({**SOUND, "en_title": "{{ broken", "en_body": ""}, Say("en"))
    assert shown["ja"].title == "佐藤様へ"
    assert shown["ja"].problem == ""
    assert shown["en"].title == "{{ broken"
    assert shown["en"].problem


def test_buttons_insert_fields_that_exist() -> None:
    for language, buttons in campaign_form.merge_buttons().items():
        for inserted, label in buttons:
            fields = {**SOUND, "ja_title": "", "ja_body": "", f"{language}_title": inserted, f"{language}_body": "x"}
            assert campaign_form.previews(fields, Say(language))[language].problem == "", label
