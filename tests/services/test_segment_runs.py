"""Segments are kept in versions and looked at on the frame; test accounts are left out as the shop decides."""

from contextlib import nullcontext
from typing import Any

import asyncpg
import pytest

from backend.clock import FixedClock
from backend.errors import BadInput, Conflict, NotFound
from backend.services.segment_runs import SegmentRuns
from segments.preview import GroupCount
from segments.rules.parse import parse
from segments.rules.rule import EVERYONE
from tests.segments.rules.people import ago, person
from tests.services.frames import AS_OF, HeldFrame

ORDER = "Order Completed"
ONCE = parse({"attribute": "orders", "op": "=", "value": 1})
LAPSED = parse(
    {
        "all": [
            {"attribute": "orders", "op": "=", "value": 1},
            {"event": ORDER, "op": "at_most", "times": 0, "days": 30},
            {"attribute": "reachable", "op": "is_true"},
        ]
    }
)


def member(customer_id: int, age: int | None = None, **known: Any) -> dict[str, Any]:
    did = {} if age is None else {ORDER: [age]}
    row = person(did, orders=len(did), last_order=None if age is None else ago(age), **known)
    return row | {"customer_id": customer_id}


ROWS = [
    member(1, 40, reachable=True, rank="gold"),
    member(2, 40, reachable=False, rank="gold"),
    member(3, 5, reachable=True, rank="silver"),
    member(4, None, reachable=True),
    member(5, 40, reachable=True, rank="gold", test_account=True),
]


async def add_people(pool: asyncpg.Pool, count: int) -> None:
    """The customers whose rows the frame holds."""
    await pool.execute(
        """INSERT INTO customers (customer_id, created_at, born_source_id) OVERRIDING SYSTEM VALUE
           SELECT n, $1, 1 FROM generate_series(1, $2) AS n""",
        AS_OF,
        count,
    )


@pytest.fixture
async def runs(pool: asyncpg.Pool) -> SegmentRuns:
    await add_people(pool, 5)
    return SegmentRuns(pool, FixedClock(AS_OF), HeldFrame(ROWS))


async def test_a_segment_is_found_again_with_its_rule_and_words(runs: SegmentRuns) -> None:
    made = await runs.create(" 休眠 ", LAPSED, actor="aya")
    assert made.segment.name == "休眠"
    assert (made.segment.version, made.segment.rule, made.changed_by) == (1, LAPSED, "aya")
    assert made.sentence_ja == "購入回数がちょうど1回 かつ 過去30日間に購入がない かつ 通知が届く"
    assert await runs.get(made.segment.id) == await runs.find("休眠") == made


async def test_counts_leave_out_test_accounts(runs: SegmentRuns, pool: asyncpg.Pool) -> None:
    made = await runs.create("一度だけ", ONCE, actor="aya")
    count = await runs.count(made.segment.id)
    assert (count.size, count.total, count.reachable, count.share, count.as_of) == (3, 4, 2, 0.75, AS_OF)
    await pool.execute(
        "INSERT INTO shop_settings (key, value, changed_by) VALUES ('exclude_test_accounts', 'false', 't')"
    )
    assert (await runs.count(made.segment.id)).size == 4


async def test_the_list_counts_every_segment_at_once(runs: SegmentRuns) -> None:
    await runs.create("b", LAPSED, actor="aya")
    await runs.create("a", EVERYONE, actor="aya")
    listed = await runs.list()
    assert [(each.stored.segment.name, each.count.size, each.count.reachable) for each in listed] == [
        ("a", 4, 3),
        ("b", 1, 1),
    ]


async def test_an_empty_shop_has_no_share(pool: asyncpg.Pool) -> None:
    runs = SegmentRuns(pool, FixedClock(AS_OF), HeldFrame([]))
    assert await runs.list() == []
    preview = await runs.preview(EVERYONE)
    assert (preview.count.size, preview.count.share, preview.groups, preview.sample) == (0, None, (), ())


async def test_a_preview_shows_size_ranks_and_people_by_name(runs: SegmentRuns, pool: asyncpg.Pool) -> None:
    await pool.execute(
        "UPDATE customers SET user_id = 'M-1', traits = $1 WHERE customer_id = 1",
        {"lastName": "佐藤", "firstName": "花子"},
    )
    preview = await runs.preview(ONCE)
    assert (preview.count.size, preview.count.reachable) == (3, 2)
    assert preview.groups == (GroupCount("gold", 2), GroupCount("silver", 1))
    assert preview.sentence_en == "has exactly 1 order"
    shown = {one.customer_id: one for one in preview.sample}
    assert set(shown) == {1, 2, 3}
    assert (shown[1].user_id, shown[1].name, shown[1].rank, shown[1].orders) == ("M-1", "佐藤 花子", "gold", 1)
    assert (shown[1].last_order, shown[1].reachable) == (ago(40), True)
    assert (shown[2].user_id, shown[2].name) == (None, None)


async def test_the_sample_stays_while_the_rule_is_edited(pool: asyncpg.Pool) -> None:
    rows = [member(number, 5, launches=number) for number in range(1, 101)]
    await add_people(pool, 100)
    runs = SegmentRuns(pool, FixedClock(AS_OF), HeldFrame(rows))
    everyone = (await runs.preview(EVERYONE)).sample
    fewer = (await runs.preview(parse({"attribute": "launches", "op": "<=", "value": 60}))).sample
    assert len(everyone) == len(fewer) == 10
    staying = tuple(one for one in everyone if one.customer_id <= 60)
    assert staying
    assert fewer[: len(staying)] == staying


async def test_members_are_frame_rows_of_the_version_asked_for(runs: SegmentRuns) -> None:
    made = await runs.create("s", ONCE, actor="aya")
    await runs.save(made.segment.id, name="s", rule=LAPSED, actor="ken")
    now = (await runs.members(made.segment.id)).collect()
    before = (await runs.members(made.segment.id, version=1)).collect()
    assert now["customer_id"].to_list() == [1]
    assert before["customer_id"].to_list() == [1, 2, 3]


async def test_saving_makes_a_version_only_for_a_changed_rule(runs: SegmentRuns) -> None:
    made = await runs.create("s", ONCE, actor="aya")
    renamed = await runs.save(made.segment.id, name="t", rule=ONCE, actor="ken", expected_version=1)
    assert (renamed.segment.name, renamed.segment.version, renamed.changed_by) == ("t", 1, "aya")
    changed = await runs.save(made.segment.id, name="t", rule=LAPSED, actor="ken", expected_version=1)
    assert (changed.segment.version, changed.segment.rule, changed.changed_by) == (2, LAPSED, "ken")
    assert (await runs.get(made.segment.id, version=1)).segment.rule == ONCE
    assert [(each.segment.version, each.changed_by) for each in await runs.versions(made.segment.id)] == [
        (2, "ken"),
        (1, "aya"),
    ]


async def test_an_editor_who_came_too_late_is_told(runs: SegmentRuns) -> None:
    made = await runs.create("s", ONCE, actor="aya")
    await runs.save(made.segment.id, name="s", rule=LAPSED, actor="ken")
    with pytest.raises(Conflict) as refusal:
        await runs.save(made.segment.id, name="s", rule=EVERYONE, actor="aya", expected_version=1)
    assert refusal.value.code == "segment_changed"


async def test_names_are_unique_and_one_line(runs: SegmentRuns) -> None:
    await runs.create("s", ONCE, actor="aya")
    other = await runs.create("t", ONCE, actor="aya")
    for bad in ("", "  ", "x" * 101, "a\nb"):
        with pytest.raises(BadInput) as refusal:
            await runs.create(bad, ONCE, actor="aya")
        assert refusal.value.field == "name"
    with pytest.raises(Conflict):
        await runs.create("s", LAPSED, actor="aya")
    with pytest.raises(Conflict) as taken:
        await runs.save(other.segment.id, name="s", rule=LAPSED, actor="aya")
    assert taken.value.field == "name"
    assert (await runs.get(other.segment.id)).segment.version == 1


async def test_an_archived_segment_is_out_of_the_list_until_restored(runs: SegmentRuns) -> None:
    made = await runs.create("s", ONCE, actor="aya")
    await runs.archive(made.segment.id, actor="aya")
    assert await runs.list() == []
    assert [each.stored.archived_at for each in await runs.list(archived=True)] == [AS_OF]
    with pytest.raises(Conflict) as refusal:
        await runs.save(made.segment.id, name="s", rule=LAPSED, actor="aya")
    assert refusal.value.code == "segment_archived"
    await runs.restore(made.segment.id, actor="aya")
    assert len(await runs.list()) == 1


async def test_a_segment_a_campaign_waits_for_is_not_archived(runs: SegmentRuns, pool: asyncpg.Pool) -> None:
    made = await runs.create("s", ONCE, actor="aya")
    await pool.execute(
        "INSERT INTO campaigns (name, state, segment_id, content, salt, conversion_event, conversion_days, "
        "created_at, created_by, changed_at) VALUES ('春の便り', 'scheduled', $1, '{}', 's', 'x', 7, $2, 'aya', $2)",
        made.segment.id,
        AS_OF,
    )
    with pytest.raises(Conflict, match="春の便り"):
        await runs.archive(made.segment.id, actor="aya")


async def test_a_segment_that_begins_a_campaign_or_parts_its_way_is_not_archived(
    runs: SegmentRuns, pool: asyncpg.Pool
) -> None:
    number = int((await runs.create("s", ONCE, actor="aya")).segment.id)
    rule = {"all": [{"not": {"segment": number}}, {"attribute": "orders", "op": "=", "value": 1}]}
    for more in (
        {"trigger": {"kind": "segment", "segment_id": number}},
        {"steps": [{"kind": "wait", "time": "PT1H"}, {"kind": "split_rule", "rule": rule}]},
        {"steps": [{"kind": "split_rule", "rule": {"segment": number + 1}}]},
    ):
        await pool.execute("DELETE FROM campaigns")
        await pool.execute(
            "INSERT INTO campaigns (name, state, content, salt, conversion_event, conversion_days, created_at, created_by,"
            " changed_at, more) VALUES ('歓迎', 'awaiting_approval', '{}', 's', 'x', 7, $1, 'aya', $1, $2)",
            AS_OF,
            more,
        )
        assert ("歓迎" in (await runs.uses(number)).campaigns.values()) is (str(number + 1) not in str(more))
        with pytest.raises(Conflict, match="歓迎") if str(number + 1) not in str(more) else nullcontext():
            await runs.archive(number, actor="aya")


async def test_an_explanation_names_every_condition(runs: SegmentRuns) -> None:
    made = await runs.create("s", LAPSED, actor="aya")
    why = await runs.explain(made.segment.id, customer_id=3)
    assert (why.member, why.excluded, why.as_of) == (False, False, AS_OF)
    assert [(part.sentence, part.holds) for part in why.en.parts] == [
        ("has exactly 1 order", True),
        ("has not ordered in the last 30 days", False),
        ("can be reached by push", True),
    ]
    assert why.ja.parts[1].found == "1回（最後は2026年6月25日）"


async def test_a_test_account_meets_the_rule_and_is_left_out(runs: SegmentRuns) -> None:
    made = await runs.create("s", LAPSED, actor="aya")
    why = await runs.explain(made.segment.id, customer_id=5)
    assert (why.member, why.excluded, why.ja.holds) == (False, True, True)


async def test_what_is_not_there_is_said(runs: SegmentRuns) -> None:
    made = await runs.create("s", LAPSED, actor="aya")
    for asked in (
        runs.get(99),
        runs.get(made.segment.id, version=2),
        runs.find("nobody"),
        runs.versions(99),
        runs.count(99),
        runs.members(99),
        runs.archive(99, actor="aya"),
        runs.explain(made.segment.id, customer_id=99),
    ):
        with pytest.raises(NotFound):
            await asked


async def test_every_change_is_written_down(runs: SegmentRuns, pool: asyncpg.Pool) -> None:
    number = (await runs.create("s", ONCE, actor="aya")).segment.id
    await runs.save(number, name="t", rule=LAPSED, actor="ken")
    await runs.archive(number, actor="ken")
    entries = await pool.fetch("SELECT actor, action, object FROM audit_log ORDER BY audit_id")
    assert [tuple(entry) for entry in entries] == [
        ("aya", "segment.create", f"segment {number}"),
        ("ken", "segment.save", f"segment {number}"),
        ("ken", "segment.archive", f"segment {number}"),
    ]
