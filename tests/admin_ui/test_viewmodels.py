"""Figures, changes, heat maps and reports in words."""

from datetime import UTC, date, datetime

import pytest

from admin_ui import campaign_views, charts, member_views, viewmodels
from admin_ui.i18n import Say
from campaigns.dry_run import DryRun, Removed
from campaigns.effect import Arm, Verdict, judge
from campaigns.reasons import Label
from campaigns.timeline import Happening, Property
from segments.metrics.catalog import get
from segments.metrics.metric import Cell, Cohort, Measured, Triangle
from segments.metrics.result import KpiResult, SparkPoint, Tile
from segments.windows import Window

JA, EN = Say("ja"), Say("en")
WINDOW = Window(date(2026, 10, 25), date(2026, 11, 21))
AS_OF = datetime(2026, 11, 22, 3, tzinfo=UTC)


def result(value: float | None = 0.351, *, slug: str = "repeat_purchase_rate", incomplete: bool = False) -> KpiResult:
    measured = Measured(
        slug=slug, numerator=101, denominator=288, value=value, window=WINDOW, incomplete=incomplete, notes=("by_days",)
    )
    return KpiResult(metric=get(slug), measured=measured, as_of=AS_OF, today=date(2026, 11, 22), currency="JPY")


def tile(value: float | None, before: float | None, *, incomplete: bool = False) -> Tile:
    previous = Measured(
        slug="repeat_purchase_rate", numerator=1, denominator=2, value=before, window=WINDOW, incomplete=incomplete
    )
    return Tile(
        result=result(value),
        previous=previous,
        spark=(SparkPoint(WINDOW, before, False), SparkPoint(WINDOW, value, True)),
    )


def test_a_figure_says_what_it_is_made_of() -> None:
    figure = viewmodels.figure(result(), JA)
    assert (figure.value, figure.numerator, figure.denominator) == ("35.1%", "101", "288")
    assert figure.window == "2026年10月25日〜2026年11月21日（28日間）"
    assert figure.remarks == ("同じ営業日の購入は1回と数えます",)
    assert figure.whose == "会員全体"


def test_nothing_to_divide_by_is_a_dash() -> None:
    assert viewmodels.figure(result(None), EN).value == "—"


@pytest.mark.parametrize(
    ("value", "before", "text", "direction"),
    [(0.36, 0.35, "+1.0pt", "up"), (0.34, 0.35, "−1.0pt", "down"), (0.35, 0.35, "±0.0pt", "flat")],
)
def test_a_change_has_a_direction(value: float, before: float, text: str, direction: str) -> None:
    change = viewmodels.tile(tile(value, before), JA, days=28).change
    assert change is not None
    assert (change.text, change.direction, change.against) == (text, direction, "前の28日間比")


def test_no_change_against_what_is_not_complete() -> None:
    assert viewmodels.tile(tile(0.3, 0.2, incomplete=True), JA, days=28).change is None
    assert viewmodels.tile(tile(0.3, None), JA, days=28).change is None


def test_a_segment_can_be_compared_with_everyone() -> None:
    shown = viewmodels.tile(tile(0.5, 0.1), EN, days=28, everyone=tile(0.4, 0.1)).change
    assert shown is not None
    assert (shown.text, shown.against) == ("+10.0pt", "against everyone")


def test_the_heat_map_marks_what_is_still_counted() -> None:
    cells = (Cell(0, 20, 20), Cell(1, 10, 20), Cell(2, 4, 20, incomplete=True))
    triangle = Triangle("week", 1, (Cohort(date(2026, 11, 2), 20, cells), Cohort(date(2026, 11, 9), 5, cells[:1])), ())
    heat = viewmodels.heat(triangle, JA)
    assert heat.heads == ("0週後", "1週後", "2週後")
    assert [cell.shade for cell in heat.rows[0].cells] == ["heat-9", "heat-9", "incomplete"]
    assert [cell.shade for cell in heat.rows[1].cells] == ["heat-9", "", ""]
    assert "10 ÷ 20" in heat.rows[0].cells[1].tip
    assert "集計中" in heat.rows[0].cells[2].tip
    assert heat.pooled is None


def test_curves_leave_out_who_has_nothing_complete() -> None:
    lines = [("a", (Cell(0, 2, 2), Cell(1, 1, 2))), ("b", (Cell(0, 0, 0),))]
    drawn = charts.retention(lines, "week", EN)
    assert drawn is not None
    assert '"values":[100.0,50.0]' in drawn
    assert '"name":"b"' not in drawn
    assert charts.retention([("b", (Cell(0, 0, 0),))], "week", EN) is None


def run(**changes: object) -> DryRun:
    sound: dict[str, object] = {
        "campaign_id": 1, "revision": 1, "as_of": AS_OF, "segment_size": 100, "control": 10, "treated": 60, "devices": 70,
        "removed": (Removed("frequency_cap", Label("頻度の上限", "Frequency cap"), 25), Removed("gone", Label("統合", "Gone"), 5)),
        "deferred_until": None, "expires_at": AS_OF, "samples": (), "smallest_effect": None, "suggested_holdout": None,
        "base_rate": None,
    }  # fmt: skip
    return DryRun(**{**sound, **changes})  # type: ignore[arg-type]  # a test names real fields


def test_the_check_shows_every_gate_in_its_order_and_adds_up() -> None:
    steps = campaign_views.plan_steps(run(), JA, {})
    assert [step.people for step in steps] == [100, 5, 0, 25, 0, 10, 60]
    assert steps[0].people == sum(step.people for step in steps[1:])
    assert steps[1].label.startswith("対象外：")


def test_the_check_names_people_by_the_shops_number_and_nobody_who_is_gone() -> None:
    few = Removed("consent", Label("同意", "Consent"), 3, examples=(1, 2, 3))
    planned = run(removed=(few,))
    assert campaign_views.whom_named(planned) == [1, 2, 3]
    (consent, *_) = campaign_views.plan_steps(planned, JA, {1: "M-1", 2: None})[1:]
    assert consent.examples == ((1, "M-1"), (2, "#2"))


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_has_words(verdict: Verdict) -> None:
    arms = {
        Verdict.COLLECTING: (Arm(2000, 300), Arm(2000, 100), False),
        Verdict.NO_CONTROL: (Arm(10, 1), Arm(0, 0), True),
        Verdict.TOO_SMALL: (Arm(10, 1), Arm(10, 1), True),
        Verdict.NO_DIFFERENCE: (Arm(2000, 100), Arm(2000, 100), True),
        Verdict.RAISED: (Arm(2000, 300), Arm(2000, 100), True),
        Verdict.LOWERED: (Arm(2000, 100), Arm(2000, 300), True),
    }
    treated, control, ended = arms[verdict]
    effect = judge(treated, control, ends_at=AS_OF, as_of=AS_OF if ended else datetime(2026, 1, 1, tzinfo=UTC))
    assert effect.verdict is verdict
    shown = campaign_views.outcome(effect, JA)
    assert shown.heading
    assert shown.sentence
    assert (shown.drawing is not None) == (effect.interval is not None)
    if shown.drawing:
        assert 0 <= shown.drawing.start <= shown.drawing.point <= shown.drawing.end <= 100


@pytest.mark.parametrize(
    ("say", "so_far", "small"),
    [(JA, "いつ見ても有効な95%区間", "人数が足りません"), (EN, "whenever you look", "Too small")],
)
def test_before_the_end_the_interval_says_that_it_may_be_looked_at(say: Say, so_far: str, small: str) -> None:
    started = datetime(2026, 11, 20, tzinfo=UTC)
    shown = campaign_views.outcome(judge(Arm(90, 9), Arm(10, 1), ends_at=AS_OF, as_of=started), say)
    assert so_far in shown.kind
    assert small in shown.heading
    assert shown.difference == "±0.0pt"
    assert shown.interval.startswith("[−")
    ended = campaign_views.outcome(judge(Arm(90, 9), Arm(10, 1), ends_at=AS_OF, as_of=AS_OF), say)
    assert ended.kind
    assert so_far not in ended.kind


def test_the_timeline_heads_each_day_once() -> None:
    events = [
        Happening(at=datetime(2026, 11, day, hour, tzinfo=UTC), kind="event", number=n, name="Order Completed", ja="購入", en="Order",
                  properties=(Property("valid_until", "有効期限", "Valid until", "2026-11-30T14:59:59Z"),))
        for n, (day, hour) in enumerate([(21, 16), (21, 15), (21, 14)])
    ]  # fmt: skip
    shown = member_views.entries(events, zone="Asia/Tokyo", say=JA)
    assert [entry.day for entry in shown] == ["2026年11月22日", "", "2026年11月21日"]
    assert shown[0].clock == "01:00"
    assert shown[0].detail == "有効期限 2026-11-30 23:59"


@pytest.mark.parametrize(
    ("name", "trusted", "marked"),
    [
        ("Order Completed", False, True),
        ("Order Completed", True, False),
        ("Application Opened", False, False),
        ("screen", False, False),
    ],
)
def test_only_facts_that_move_money_or_reward_are_marked_unverified(name: str, trusted: bool, marked: bool) -> None:
    event = Happening(at=AS_OF, kind="event", number=1, name=name, ja=name, en=name, trusted=trusted)
    [entry] = member_views.entries([event], zone="Asia/Tokyo", say=JA)
    assert entry.unverified is marked


def test_properties_are_told_by_the_shop_s_names_and_without_numbers_that_say_nothing() -> None:
    properties = (
        Property("coupon_id", "クーポンID", "Coupon id", "c1", called={"ja": "100円引き", "en": "100 yen off"}),
        Property("delivery_id", "配信通番", "Delivery", "7"),
        Property("given_name", "given_name", "given_name", "舞"),
        Property("gender", "gender", "gender", "female"),
        Property("flavour", "flavour", "flavour", "苺"),
    )
    event = Happening(at=AS_OF, kind="event", number=1, name="identify", ja="更新", en="Updated", properties=properties)
    [ja], [en] = (member_views.entries([event], zone="Asia/Tokyo", say=say) for say in (JA, EN))
    assert ja.detail == "クーポン 100円引き · 名 舞 · 性別 女性 · flavour 苺"
    assert en.detail == "Coupon 100 yen off · Given name 舞 · Gender Female · flavour 苺"


def test_a_profile_is_told_in_the_reader_s_language() -> None:
    traits = {
        "lastName": "佐藤",
        "gender": "female",
        "email": "x@y.example",
        "favourite": "パン",
        "address": {"state": "東京都"},
    }
    assert member_views.profile(traits, JA) == [("姓", "佐藤"), ("性別", "女性"), ("favourite", "パン")]


@pytest.mark.parametrize(
    ("say", "reason", "text", "detail"),
    [
        (JA, "frequency_cap", "配信の対象外：案内（ステップ3）", "頻度の上限"),
        (EN, "frequency_cap", "Left out of a push: 案内, step 3", "Frequency cap"),
        (JA, "UNREGISTERED", "配信の対象外：案内（ステップ3）", "UNREGISTERED"),
    ],
)
def test_a_push_says_why_it_ended_so_in_words(say: Say, reason: str, text: str, detail: str) -> None:
    push = Happening(
        at=AS_OF, kind="delivery", number=1, name="left_out", ja="案内", en="案内", campaign_id=7, reason=reason, step=2
    )
    [entry] = member_views.entries([push], zone="Asia/Tokyo", say=say)
    assert (entry.text, entry.detail, entry.href) == (text, detail, "/campaigns/7")
