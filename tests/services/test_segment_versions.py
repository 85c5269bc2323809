"""Drafts do not touch the live segment; who goes by a rule is told before it changes; nothing asks for what is not there."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from backend.clock import FixedClock
from backend.errors import BadInput, Conflict, NotFound
from backend.services.segment_runs import SegmentRuns
from backend.services.segment_runs.saving import SegmentUsed
from backend.services.segment_versions import SegmentVersions
from segments.rules.parse import parse
from tests.services.frames import AS_OF, HeldFrame

GOLD = parse({"attribute": "rank", "op": "is", "value": "gold"})
BOUGHT = parse({"attribute": "orders", "op": ">=", "value": 1})
BOTH = parse(
    {"all": [{"attribute": "rank", "op": "is", "value": "gold"}, {"attribute": "orders", "op": ">=", "value": 1}]}
)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(AS_OF)


@pytest.fixture
def runs(pool: asyncpg.Pool, clock: FixedClock) -> SegmentRuns:
    return SegmentRuns(pool, clock, HeldFrame([]))


@pytest.fixture
def versions(pool: Any, clock: FixedClock, runs: SegmentRuns) -> SegmentVersions:
    return SegmentVersions(pool, clock, save=runs.save)


def asks_for(segment_id: int) -> Any:
    return parse({"all": [{"not": {"segment": segment_id}}]})


async def made(runs: SegmentRuns, name: str, rule: Any = GOLD) -> int:
    return int((await runs.create(name, rule, actor="aya")).segment.id)


async def campaign(pool: asyncpg.Pool, segment_id: int, state: str = "scheduled") -> None:
    await pool.execute(
        "INSERT INTO campaigns (name, state, segment_id, content, holdout_percent, salt, policy, conversion_event, conversion_days,"
        " expires_after, created_at, created_by, changed_at) VALUES ('Spring', $2, $1, '{}', 10, 's', 'once', 'Order Completed',"
        " 7, '1 day', now(), 't', now())",
        segment_id,
        state,
    )


async def test_a_draft_waits_until_it_is_published(
    versions: SegmentVersions, runs: SegmentRuns, clock: FixedClock, pool: asyncpg.Pool
) -> None:
    number = await made(runs, "gold")
    assert await versions.draft(number) is None
    clock.advance(timedelta(hours=1))
    draft = await versions.save_draft(number, BOTH, actor="ken")
    assert (draft.saved_by, draft.saved_at, draft.base_version, draft.outdated) == ("ken", clock.now(), 1, False)
    assert ([each.en for each in draft.removed], [each.ja for each in draft.added]) == ([], ["購入回数が1回以上"])
    assert (await runs.get(number)).segment.rule == GOLD
    assert (await versions.publish_draft(number, actor="aya")).segment.version == 2
    assert (await runs.get(number)).segment.rule == BOTH
    assert await versions.draft(number) is None
    actions = await pool.fetch("SELECT actor, action FROM audit_log ORDER BY audit_id")
    assert [tuple(row) for row in actions] == [
        ("aya", "segment.create"),
        ("ken", "segment.draft"),
        ("aya", "segment.save"),
        ("aya", "segment.publish"),
    ]


async def test_a_draft_is_discarded(versions: SegmentVersions, runs: SegmentRuns) -> None:
    number = await made(runs, "gold")
    await versions.save_draft(number, BOTH, actor="ken")
    await versions.discard_draft(number, actor="aya")
    assert await versions.draft(number) is None
    for nothing in (versions.discard_draft(number, actor="a"), versions.publish_draft(number, actor="a")):
        with pytest.raises(NotFound):
            await nothing
    for wrong in (versions.draft(99), versions.list(99), versions.save_draft(99, GOLD, actor="a")):
        with pytest.raises(NotFound):
            await wrong


async def test_two_writers_of_a_draft_notice_each_other(
    versions: SegmentVersions, runs: SegmentRuns, clock: FixedClock
) -> None:
    number = await made(runs, "gold")
    first = await versions.save_draft(number, BOTH, actor="ken")
    clock.advance(timedelta(minutes=1))
    await versions.save_draft(number, BOUGHT, actor="aya", expected=first.saved_at)
    with pytest.raises(Conflict) as refused:
        await versions.save_draft(number, BOTH, actor="ken", expected=first.saved_at)
    assert refused.value.code == "draft_changed"


async def test_a_draft_of_an_older_version_does_not_undo_a_newer_one(
    versions: SegmentVersions, runs: SegmentRuns
) -> None:
    number = await made(runs, "gold")
    await versions.save_draft(number, BOTH, actor="ken")
    await runs.save(number, name="gold", rule=BOUGHT, actor="aya")
    draft = await versions.draft(number)
    assert draft is not None
    assert draft.outdated
    with pytest.raises(Conflict) as refused:
        await versions.publish_draft(number, actor="ken")
    assert refused.value.code == "segment_changed"
    assert await versions.draft(number) is not None


async def test_versions_tell_who_changed_what(versions: SegmentVersions, runs: SegmentRuns, clock: FixedClock) -> None:
    number = await made(runs, "gold")
    clock.advance(timedelta(days=1))
    await runs.save(number, name="gold", rule=BOTH, actor="ken")
    await runs.save(number, name="gold", rule=BOUGHT, actor="aya")
    told = [
        (one.version, one.changed_by, [each.en for each in one.removed], [each.en for each in one.added])
        for one in await versions.list(number)
    ]
    assert told == [
        (3, "aya", ['rank is "gold"'], []),
        (2, "ken", [], ["has at least 1 order"]),
        (1, "aya", [], []),
    ]


async def test_a_change_that_reaches_others_is_asked_about_first(
    versions: SegmentVersions, runs: SegmentRuns, pool: asyncpg.Pool
) -> None:
    gold = await made(runs, "gold")
    other = await made(runs, "not gold", asks_for(gold))
    await campaign(pool, other)
    with pytest.raises(SegmentUsed, match=r'the campaign "Spring", the segment "not gold"') as asked:
        await runs.save(gold, name="gold", rule=BOUGHT, actor="aya")
    assert (asked.value.code, asked.value.uses.names) == ("segment_used", ("Spring", "not gold"))
    await runs.save(gold, name="golden", rule=GOLD, actor="aya")
    await versions.save_draft(gold, BOUGHT, actor="aya")
    with pytest.raises(SegmentUsed):
        await versions.publish_draft(gold, actor="aya")
    assert await versions.draft(gold) is not None
    assert (await versions.publish_draft(gold, actor="aya", confirm=True)).segment.rule == BOUGHT
    await pool.execute("UPDATE campaigns SET state = 'sent'")
    assert (await runs.uses(gold)).campaigns == {}
    assert (await runs.uses(gold)).segments == {other: "not gold"}


async def test_a_circle_of_segments_is_refused_with_its_path(versions: SegmentVersions, runs: SegmentRuns) -> None:
    first = await made(runs, "a")
    second = await made(runs, "b", asks_for(first))
    third = await made(runs, "c", asks_for(second))
    for change in (
        runs.save(first, name="a", rule=asks_for(third), actor="aya", confirm=True),
        versions.save_draft(first, asks_for(third), actor="aya"),
    ):
        with pytest.raises(BadInput, match="a → c → b → a") as refused:
            await change
        assert (refused.value.code, refused.value.field) == ("bad_rule", "rule.all[0].not.segment")
    with pytest.raises(BadInput, match="a → a"):
        await runs.save(first, name="a", rule=asks_for(first), actor="aya")


async def test_nothing_asks_for_what_is_not_there(runs: SegmentRuns, pool: asyncpg.Pool) -> None:
    with pytest.raises(BadInput, match="there is no segment 99"):
        await made(runs, "a", asks_for(99))
    with pytest.raises(BadInput, match="there is no list 7"):
        await made(runs, "a", parse({"list": 7}))
    gold = await made(runs, "gold")
    other = await made(runs, "other", asks_for(gold))
    with pytest.raises(Conflict, match='"other"') as refused:
        await runs.archive(gold, actor="aya")
    assert refused.value.code == "segment_asked_for"
    await runs.archive(other, actor="aya")
    await runs.archive(gold, actor="aya")
    with pytest.raises(BadInput, match='the segment "gold" is archived'):
        await runs.restore(other, actor="aya")
    with pytest.raises(BadInput, match='the segment "gold" is archived'):
        await made(runs, "new", asks_for(gold))
    assert await pool.fetchval("SELECT count(*) FROM segments") == 2
