"""The campaign editor's form: what it makes of what was typed, which field is wrong, and what its buttons do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from admin_ui import campaign_buttons, campaign_draft, campaign_editor, campaign_form, campaign_places
from admin_ui.campaign_form import FIELDS, Editor
from admin_ui.forms import Form
from admin_ui.i18n import Say
from admin_ui.rule_form import fields_of
from admin_ui.rule_tree import filters_of
from campaigns.campaign import (
    Button,
    Content,
    Devices,
    Draft,
    Override,
    Policy,
    Priority,
    QuietPolicy,
    Text,
    Variant,
)
from campaigns.steps import (
    Awaited,
    CallWebhook,
    Exit,
    GiveCoupon,
    GoTo,
    Part,
    Send,
    SetTrait,
    SplitRule,
    SplitShare,
    Wait,
    WaitEvent,
    WaitUntil,
)
from campaigns.trigger import OnDate, OnEvent, OnSegment, Recurring, Reentry
from campaigns.winner import Measure, Otherwise, WinnerRule

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
TEXT = Text("{{ ランク }}の方へ", "お待ちしています。")
SOUND = {**FIELDS, "name": "2回目のご案内", "segment_id": "7", "ja_title": TEXT.title, "ja_body": TEXT.body}


def editor_of(**changes: str) -> Editor:
    return campaign_form.read(Form({**SOUND, **changes}.items()))


def draft_of(editor: Editor) -> tuple[Draft | None, dict[str, str]]:
    return campaign_draft.to_draft(editor, zone="Asia/Tokyo", currency="JPY", now=NOW, say=Say("ja"))


def written(draft: Draft) -> Editor:
    return campaign_draft.from_draft(draft, zone="Asia/Tokyo", currency="JPY", now=NOW)


def test_what_was_typed_becomes_a_draft() -> None:
    draft, errors = draft_of(
        editor_of(
            en_title="Hello",
            en_body="See you",
            when="later",
            day="2026-11-23",
            time="18:30",
            link="myshop://a",
            tags="秋、 二回目",
            goal_target="12.5",
        )
    )
    assert errors == {}
    assert draft == Draft(
        name="2回目のご案内",
        segment_id=7,
        content=Content(ja=TEXT, en=Text("Hello", "See you"), link="myshop://a"),
        scheduled_at=datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
        tags=("秋", "二回目"),
        goal_target=12.5,
    )


EVERYTHING = Content(
    ja=TEXT,
    en=Text("Hello", "See you"),
    link="myshop://a",
    coupon_id="c1",
    image="https://shop.example/a.png",
    buttons=(Button(id="book", ja="予約", en="Book", link="myshop://book"), Button(id="later", ja="あとで")),
    sound="bell.caf",
    badge=3,
    channel="news",
    category="BOOK",
    ios=Override(ja=Text("iPhoneへ", "本文"), link="myshop://ios"),
    android=Override(image="https://shop.example/b.png", sound="ding"),
)
TWO = tuple(Variant(name=name, share=50, content=Content(ja=TEXT)) for name in "AB")
TWO_FIELDS = {"variants": "2", "share": "50", "share.1": "50", "ja_title.1": "B", "ja_body.1": "b"}
DRAFTS = [
    Draft(name="all", segment_id=7, content=EVERYTHING, hypothesis="戻る", names_on_lock_screen=True),
    Draft(
        name="gates",
        segment_id=7,
        content=Content(ja=TEXT, sound=None),
        priority=Priority.SERVICE,
        devices=Devices.ALL,
        quiet=QuietPolicy.DROP,
        policy=Policy.SURELY,
        own_zone=False,
        rate_per_minute=600,
        expires_after=timedelta(hours=6),
    ),
    Draft(
        name="variants",
        segment_id=7,
        variants=(
            Variant(name="A", share=33.4, content=EVERYTHING),
            Variant(name="B", share=33.3, content=Content(en=Text("B", "b"))),
            Variant(name="long", share=33.3, content=Content(ja=TEXT)),
        ),
    ),
    Draft(
        name="winner",
        segment_id=7,
        variants=TWO,
        winner=WinnerRule(
            measure=Measure.CONVERSIONS, test_percent=12.5, wait=timedelta(days=2), level=90, otherwise=Otherwise.SPLIT
        ),
    ),
    Draft(
        name="winner of those that repeat",
        segment_id=7,
        variants=TWO,
        trigger=Recurring(rrule="FREQ=DAILY", starts_at=NOW),
        winner=WinnerRule(test_percent=100, wait=timedelta(hours=30)),
    ),
    *(
        Draft(name="r", segment_id=7, content=Content(ja=TEXT), trigger=Recurring(rrule=rule, starts_at=NOW, until=until))
        for rule, until in (
            ("FREQ=DAILY", None),
            ("FREQ=DAILY;INTERVAL=3", NOW + timedelta(days=90)),
            ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR", None),
            ("FREQ=MONTHLY;BYMONTHDAY=15", None),
            ("FREQ=MONTHLY;BYMONTHDAY=-1", None),
            ("FREQ=MONTHLY;BYDAY=-1FR", None),
            ("FREQ=YEARLY;BYMONTH=5;BYDAY=2SU", None),
            ("FREQ=WEEKLY;BYDAY=MO;COUNT=5", None),
        )
    ),
    Draft(
        name="event",
        segment_id=None,
        content=Content(ja=TEXT),
        trigger=OnEvent(
            event="Order Completed",
            where={"store": ["S1", "S2"], "amount": {">=": 5000}},
            delay=timedelta(hours=36),
            until=NOW + timedelta(days=30),
        ),
        reentry=Reentry(mode="after", days=30),
        scheduled_at=NOW + timedelta(days=1),
    ),
    Draft(name="own", segment_id=7, content=Content(ja=TEXT), trigger=OnEvent(event="予約 完了", delay=timedelta(minutes=90))),
    Draft(
        name="segment",
        segment_id=None,
        content=Content(ja=TEXT),
        trigger=OnSegment(segment_id=9, change="left", delay=timedelta(days=2)),
        reentry=Reentry(mode="never"),
    ),
    *(
        Draft(name="date", segment_id=7, content=Content(ja=TEXT), trigger=trigger)
        for trigger in (
            OnDate(date="birthday"),
            OnDate(date="coupon_expiry", days=-3, at="12:30"),
            OnDate(date="joined", days=7),
            OnDate(date="trait:車検 満了", days=-30),
        )
    ),
    Draft(
        name="journey",
        segment_id=None,
        trigger=OnEvent(event="Membership Joined"),
        exits_on=Awaited(event="Order Completed", where={"amount": {">=": 100}}),
        steps=(
            Send(content=EVERYTHING),
            WaitEvent(awaited=Awaited(event="Store Visited", where={"store": ["S1"]}), timeout=timedelta(hours=36), late="remind"),
            Exit(reason="bought"),
            Send(label="remind", content=Content(en=Text("R", "r"))),
            WaitUntil(at="10:00", days=1),
            SplitRule(rule={"segment": 3}, otherwise="last"),
            SplitRule(rule={"attribute": "orders", "op": ">=", "value": 1}),
            Wait(time=timedelta(minutes=90)),
            SplitShare(parts=(Part(percent=33.3), Part(percent=66.7, to="last"))),
            SplitShare(parts=tuple(Part(percent=20) for _ in range(5))),
            Send(variants=(Variant(name="A", share=50, content=EVERYTHING), Variant(name="B", share=50, content=EVERYTHING))),
            WaitEvent(awaited=Awaited(event="予約 完了"), timeout=timedelta(days=2)),
            GiveCoupon(label="last", coupon_id="WELCOME"),
            SetTrait(trait="onboarded", value=True),
            SetTrait(trait="tone", value="warm"),
            SetTrait(trait="gone"),
            CallWebhook(name="day-7"),
            Wait(time=timedelta(days=1)),
            GoTo(to="last"),
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize("draft", DRAFTS, ids=lambda draft: f"{draft.name}-{getattr(draft.trigger, 'rrule', '')}")
def test_every_draft_goes_through_the_editor_and_back(draft: Draft) -> None:
    typed = written(draft)
    again = campaign_form.read(Form([*typed.fields.items(), *_filters(typed)]))
    assert draft_of(again) == (draft, {})


def _filters(editor: Editor) -> list[tuple[str, str]]:
    return [("mode.r", "all"), *(field for node in editor.events for field in fields_of(node))]


def test_without_a_time_it_goes_when_it_is_confirmed() -> None:
    draft, _ = draft_of(editor_of(day="2026-11-23", time="18:30"))
    assert draft is not None
    assert draft.scheduled_at is None
    assert draft.expires_after == timedelta(hours=24)


RECURRING = {"kind": "recurring", "starts_day": "2026-11-24", "at": "10:00"}


@pytest.mark.parametrize(
    ("changes", "field", "step"),
    [
        ({"name": ""}, "name", "content"),
        ({"tags": "a, a"}, "tags", "content"),
        ({"ja_title": "", "ja_body": ""}, "content", "content"),
        ({"ja_title": ""}, "ja_title", "content"),
        ({"ja_body": "{{ nothing }}"}, "ja_body", "content"),
        ({"ja_body": "{% for x in y %}{% endfor %}"}, "ja_body", "content"),
        ({"ja_title": "{{ 姓 }}様"}, "ja_title", "content"),
        ({"ja_title": "{{ 名 }}様", "names_on_lock_screen": "on"}, "ja_title", "content"),
        ({"ja_body": "長" * 1300}, "ja_body", "content"),
        ({"link": "http://x"}, "link", "content"),
        ({"image": "http://x/a.png"}, "image", "content"),
        ({"badge": "many"}, "badge", "content"),
        ({"button1_en": "Book", "button1_link": "nowhere"}, "button0_link", "content"),
        ({"button0_link": "myshop://a"}, "button0_ja", "content"),
        ({"ios_en_title": "x", "ios_en_body": "y"}, "ios_en_title", "content"),
        ({"android_link": "ftp"}, "android_link", "content"),
        ({"sound": "named", "sound_name": "a b"}, "sound", "content"),
        ({"segment_id": ""}, "segment_id", "audience"),
        ({"holdout_percent": "many"}, "holdout_percent", "audience"),
        ({"holdout_percent": "95"}, "holdout_percent", "audience"),
        ({"conversion_days": "0"}, "conversion_days", "audience"),
        ({"conversion_event": "own"}, "conversion_event", "audience"),
        ({"goal_target": "120"}, "goal_target", "audience"),
        ({"expires_hours": "0"}, "expires_hours", "timing"),
        ({"rate": "0"}, "rate", "timing"),
        ({"when": "later"}, "day", "timing"),
        ({"when": "later", "day": "2026-11-22", "time": "11:59"}, "day", "timing"),
        ({**RECURRING, "interval": "0"}, "interval", "timing"),
        ({**RECURRING, "weekdays": ""}, "weekdays", "timing"),
        ({**RECURRING, "freq": "MONTHLY", "month_day": "32"}, "month_day", "timing"),
        ({**RECURRING, "starts_day": ""}, "starts_day", "timing"),
        ({**RECURRING, "until_day": "2026-12-01", "until_time": "x"}, "until_day", "timing"),
        ({"kind": "event", "event": "own"}, "own_event", "timing"),
        ({"kind": "event", "delay": "91", "delay_unit": "days"}, "delay", "timing"),
        ({"kind": "segment"}, "trigger_segment", "timing"),
        ({"kind": "segment", "trigger_segment": "7"}, "segment_id", "audience"),
        ({"kind": "date", "date_of": "trait"}, "date_of", "timing"),
        ({"kind": "date", "date_of": "joined", "date_side": "before", "date_days": "3"}, "date_days", "timing"),
        ({"kind": "date", "date_side": "after"}, "date_days", "timing"),
        ({"kind": "date", "date_at": "noon"}, "date_at", "timing"),
        ({"kind": "date", "reentry": "after", "reentry_days": ""}, "reentry_days", "timing"),
        ({"variants": "2", "share": "50", "share.1": "40", "ja_title.1": "B", "ja_body.1": "b"}, "variants", "content"),
        ({"variants": "2", "share": "50", "share.1": "50", "ja_title.1": "B", "ja_body.1": ""}, "ja_body.1", "content"),
        ({**TWO_FIELDS, "winner": "on", "winner_percent": "95"}, "winner_percent", "content"),
        ({**TWO_FIELDS, "winner": "on", "winner_percent": "few"}, "winner_percent", "content"),
        ({**TWO_FIELDS, "winner": "on", "winner_wait": "0"}, "winner_wait", "content"),
        ({**TWO_FIELDS, "winner": "on", "winner_wait": "soon"}, "winner_wait", "content"),
        ({**TWO_FIELDS, "winner": "on", "winner_level": "50"}, "winner_level", "content"),
        ({"variants": "2", "share": "50", "share.1": "x", "ja_title.1": "B", "ja_body.1": "b"}, "share.1", "content"),
    ],
)
@pytest.mark.parametrize("language", ["ja", "en"])
def test_an_error_stands_on_its_field_and_opens_its_step(
    changes: dict[str, str], field: str, step: str, language: str
) -> None:
    editor = editor_of(**changes)
    draft, errors = campaign_draft.to_draft(editor, zone="Asia/Tokyo", currency="JPY", now=NOW, say=Say(language))
    assert draft is None
    assert list(errors) == [field]
    assert errors[field].isprintable()
    assert campaign_places.first_step(errors, "timing") == step


def test_a_filter_that_is_not_complete_is_named() -> None:
    filters = {"subject.r-0": "event:Order Completed", "f0-name.r-0": "amount", "f0-op.r-0": ">=", "f0-value.r-0": "?"}
    assert list(draft_of(editor_of(kind="event", **filters))[1]) == ["filters"]


def test_another_event_has_none_of_the_filters_before() -> None:
    filters = {"subject.r-0": "event:Order Completed", "f0-name.r-0": "amount", "f0-op.r-0": ">=", "f0-value.r-0": "1"}
    draft, _ = draft_of(editor_of(kind="event", event="Store Visited", **filters))
    assert draft is not None
    assert draft.trigger == OnEvent(event="Store Visited")


def test_a_winner_is_asked_only_where_versions_are_sent_to_many_at_a_moment() -> None:
    asked = {**TWO_FIELDS, "winner": "on"}
    for changes, there in (
        ({}, True),
        ({"kind": "event", "event": "Store Visited"}, False),
        ({"variants": "1"}, False),
    ):
        draft, errors = draft_of(editor_of(**asked | changes))
        assert errors == {}
        assert draft is not None
        assert (draft.winner is not None) is there


def test_what_is_no_choice_becomes_the_usual() -> None:
    draft, _ = draft_of(editor_of(priority="urgent", policy="x", kind="never", variants="0", variant="-3"))
    assert draft is not None
    assert (draft.priority, draft.policy, draft.kind.value) == (Priority.NORMAL, Policy.ONCE, "once")


def test_versions_are_added_as_copies_and_taken_away() -> None:
    editor = campaign_buttons.act(editor_of(), "variant:add")
    assert (editor.shown, editor.fields["ja_title.1"]) == (".1", TEXT.title)
    assert [editor.fields[f"share{slot}"] for slot in editor.slots] == ["50", "50"]
    editor.fields["ja_title.1"] = "B"
    editor = campaign_buttons.act(editor, "variant:add")
    assert [editor.fields[f"share{slot}"] for slot in editor.slots] == ["34", "33", "33"]
    assert [editor.fields[f"variant_name{slot}"] for slot in editor.slots] == ["A", "B", "C"]
    editor = campaign_buttons.act(editor, "variant:remove:0")
    assert [editor.fields[f"variant_name{slot}"] for slot in editor.slots] == ["B", "C"]
    assert editor.fields["ja_title"] == "B"
    assert campaign_buttons.act(editor, "variant:remove:7").slots == editor.slots
    for _ in range(7):
        editor = campaign_buttons.act(editor, "variant:add")
    assert len(editor.slots) == 5
    assert sorted(editor.fields[f"variant_name{slot}"] for slot in editor.slots) == list("ABCDE")


def steps_of(editor: Editor) -> list[str]:
    return [editor.fields[f"step_kind.s{place}"] for place in range(editor.steps)]


def test_steps_are_added_moved_and_taken_away_and_branches_follow() -> None:
    editor = editor_of(shape="journey", kind="event")
    for kind in ("send", "wait_event", "exit", "send", "nonsense"):
        editor = campaign_buttons.act(editor, f"step:add:{kind}")
    assert steps_of(editor) == ["send", "wait_event", "exit", "send"]
    editor.fields |= {f"{part}.s{place}": "x" for place in (0, 3) for part in ("ja_title", "ja_body")}
    editor.fields["step_late.s1"] = editor.fields["step_label.s3"]
    draft, errors = draft_of(editor)
    assert (draft and draft.steps[1].late, errors) == (draft and draft.steps[3].label, {})  # type: ignore[union-attr] # a wait
    editor = campaign_buttons.act(editor, "filter:r-3")
    assert filters_of(editor.awaits[1], "f") == ["f0"]
    editor = campaign_buttons.act(editor, "step:up:1")
    assert steps_of(editor) == ["wait_event", "send", "exit", "send"]
    assert filters_of(editor.awaits[0], "f") == ["f0"]
    editor = campaign_buttons.act(campaign_buttons.act(editor, "step:down:1"), "step:up:0")
    assert steps_of(editor) == ["wait_event", "exit", "send", "send"]
    assert editor.fields["step_late.s0"] == editor.fields["step_label.s3"]
    editor = campaign_buttons.act(editor, "step:remove:3")
    assert steps_of(editor) == ["wait_event", "exit", "send"]
    assert editor.fields["step_late.s0"] == ""
    assert draft_of(editor)[1] != {}, "nothing was chosen for the filter"


def test_versions_of_a_step_are_added_moved_and_taken_away() -> None:
    editor = editor_of(shape="journey", kind="event", ja_title="", ja_body="")
    for kind in ("wait", "send"):
        editor = campaign_buttons.act(editor, f"step:add:{kind}")
    editor.fields |= {"ja_title.s1": "A", "ja_body.s1": "a"}
    editor = campaign_buttons.act(editor, "version:add:1")
    assert (editor.fields["variant_name.s1v1"], editor.fields["ja_title.s1v1"]) == ("B", "A")
    editor.fields["ja_title.s1v1"] = "B"
    editor = campaign_buttons.act(campaign_buttons.act(editor, "version:add:1"), "step:up:1")
    assert [editor.fields[f"share.s0{end}"] for end in ("", "v1", "v2")] == ["34", "33", "33"]
    draft, errors = draft_of(editor)
    assert errors == {}
    assert draft is not None
    send = draft.steps[0]
    assert isinstance(send, Send)
    assert [(each.name, each.share, each.content.ja and each.content.ja.title) for each in send.variants] == [
        ("A", 34, "A"), ("B", 33, "B"), ("C", 33, "B"),
    ]  # fmt: skip
    editor = campaign_buttons.act(editor, "version:remove:0:0")
    assert [editor.fields[f"{name}.s0{end}"] for end in ("", "v1") for name in ("variant_name", "share", "ja_title")] == [
        "B", "50", "B", "C", "50", "B",
    ]  # fmt: skip
    assert "ja_title.s0v2" not in editor.fields
    editor = campaign_buttons.act(editor, "step:remove:1")
    editor = campaign_buttons.act(campaign_buttons.act(editor, "version:remove:0:1"), "version:remove:0:0")
    draft, _ = draft_of(editor)
    assert draft is not None
    assert [step.variants for step in draft.steps if isinstance(step, Send)] == [()], "one alone is no comparison"
    for nonsense in ("version:add:7", "version:remove:0:x", "version:remove:9:9", "version:add:x"):
        assert campaign_buttons.act(editor, nonsense).steps == 1


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"share.s0": "60", "share.s0v1": "60"}, "step_variants.s0"),
        ({"share.s0": "x"}, "share.s0"),
        ({"share.s0v1": ""}, "share.s0v1"),
        ({"variant_name.s0v1": "A"}, "variant_name.s0v1"),
        ({"ja_body.s0v1": ""}, "ja_body.s0v1"),
        ({"badge.s0v1": "x"}, "badge.s0v1"),
        ({"link.s0v1": "nowhere"}, "link.s0v1"),
    ],
)
def test_an_error_of_a_steps_version_stands_on_its_field_and_opens_its_tab(fields: dict[str, str], wrong: str) -> None:
    typed = {"step_kind.s0": "send", "step_variants.s0": "2"}
    for end, name in (("", "A"), ("v1", "B")):
        typed |= {f"variant_name.s0{end}": name, f"share.s0{end}": "50"}
        typed |= {f"ja_title.s0{end}": name, f"ja_body.s0{end}": name}
    editor = editor_of(shape="journey", kind="event", steps="1", **{**typed, **fields})
    _, errors = draft_of(editor)
    assert [*errors] == [wrong]
    opened = campaign_places.opened(editor, errors)
    assert opened.fields["step_variant.s0"] == ("1" if "v1" in wrong else "0")


@pytest.mark.parametrize(
    ("step", "fields", "wrong"),
    [
        ("send", {}, "content.s0"),
        ("send", {"en_title": "x"}, "en_body.s0"),
        ("send", {"en_title": "x", "en_body": "y", "badge": "z"}, "badge.s0"),
        ("wait", {"step_length": "0"}, "step_length.s0"),
        ("wait", {"step_length": "400"}, "step_length.s0"),
        ("wait_until", {"step_at": "noon"}, "step_at.s0"),
        ("wait_until", {"step_more": "x"}, "step_more.s0"),
        ("wait_event", {"step_event": "own"}, "step_own.s0"),
        ("wait_event", {"step_timeout": ""}, "step_timeout.s0"),
        ("split_rule", {}, "step_rule.s0"),
        ("split_share", {"step_percent1": "40"}, "step_percent0.s0"),
        ("split_share", {"step_percent1": "x"}, "step_percent1.s0"),
        ("go_to", {}, "step_to.s0"),
        ("give_coupon", {}, "step_coupon.s0"),
        ("set_trait", {}, "step_trait.s0"),
        ("call_webhook", {}, "step_hook.s0"),
        ("exit", {"step_reason": "x" * 201}, "step_reason.s0"),
    ],
)
def test_an_error_of_a_step_stands_on_its_field(step: str, fields: dict[str, str], wrong: str) -> None:
    typed = {f"{name}.s0": value for name, value in fields.items()}
    editor = editor_of(shape="journey", kind="event", steps="1", **{"step_kind.s0": step, **typed})
    assert list(draft_of(editor)[1]) == [wrong]
    assert campaign_places.first_step({wrong: ""}) == "content"


def test_the_tab_with_the_error_is_open() -> None:
    editor = editor_of(
        variants="2", share="50", **{"share.1": "50", "ja_title.1": "B", "ja_body.1": "b", "en_title.1": "x"}
    )
    _, errors = draft_of(editor)
    opened = campaign_places.opened(editor, errors)
    assert (opened.shown, opened.fields["shown.1"]) == (".1", "en")


def test_the_wanted_step_opens_where_nothing_is_wrong() -> None:
    assert campaign_places.first_step({}, "audience") == "audience"
    assert campaign_places.first_step({}, "nonsense") == "content"


def test_the_phone_shows_sample_values() -> None:
    shown = campaign_editor.previews(editor_of(en_title="{{ broken", button0_ja="予約"), "", Say("en"))
    assert shown["ja"].title == "ゴールドの方へ"
    assert (shown["ja"].problem, shown["ja"].buttons) == ("", ())
    assert shown["en"].title == "{{ broken"
    assert shown["en"].problem
    android = editor_of(phone="android", button0_ja="予約", android_ja_title="Androidへ", android_ja_body="本文")
    shown = campaign_editor.previews(android, "", Say("ja"))
    assert (shown["ja"].title, shown["ja"].buttons) == ("Androidへ", ("予約",))


def test_one_that_runs_keeps_the_moment_at_which_it_began() -> None:
    began = NOW - timedelta(days=1, microseconds=7)
    typed, _ = draft_of(editor_of(kind="event", event="Order Completed"))
    assert typed is not None
    editor = written(replace(typed, scheduled_at=began))
    assert list(draft_of(editor)[1]) == ["day"]  # a draft whose moment has passed
    assert began_at(editor, began) == (began, [])
    editor.fields["when"] = "now"
    assert began_at(editor, began) == (began, [])
    editor.fields |= {"when": "later", "day": "2026-11-25", "time": "10:00"}
    assert began_at(editor, began) == (datetime(2026, 11, 25, 1, tzinfo=UTC), [])
    editor.fields["day"] = "2026-11-20"
    assert began_at(editor, began) == (None, ["day"])


def began_at(editor: Editor, began: datetime) -> tuple[datetime | None, list[str]]:
    """When a running campaign begins after it was edited, and the fields that are wrong."""
    draft, errors = campaign_draft.to_draft(
        editor, zone="Asia/Tokyo", currency="JPY", now=NOW, say=Say("ja"), begun=began
    )
    return draft.scheduled_at if draft else None, list(errors)


def test_why_a_text_cannot_be_used_is_said_in_the_pages_language() -> None:
    for text, said in (("{{ nobody }}", "「nobody」という差し込み項目はありません"), ("{{ broken", "差し込みの書き方")):
        editor = editor_of(ja_title=text)
        assert said in campaign_editor.previews(editor, "", Say("ja"))["ja"].problem
        assert said in draft_of(editor)[1]["ja_title"]
    _, errors = draft_of(editor_of(en_title="", en_body="", ios_en_title="Hello", ios_en_body="Come"))
    assert errors == {"ios_en_title": "先に、すべての端末に共通の文面をこの言語で書いてください。"}


def test_buttons_insert_fields_that_exist() -> None:
    for language, buttons in campaign_editor.merge_buttons().items():
        for inserted, label in buttons:
            texts = {"ja_title": "", "ja_body": "", f"{language}_title": inserted, f"{language}_body": "x"}
            assert campaign_editor.previews(editor_of(**texts), "", Say(language))[language].problem == "", label
