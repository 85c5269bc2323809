"""The second person, published versions, copies, tags and the archive."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from backend.errors import BadInput, Conflict
from backend.store import campaign_drafts
from campaigns.campaign import Content, Draft, State, Text
from campaigns.overview import CampaignDetail
from campaigns.trigger import OnEvent, Recurring
from tests.fixtures.shop_floor import NOON, ShopFloor

LARGE = {"approval_above": 2}
TEA = Content(ja=Text("お茶", "入荷しました"))


@pytest.fixture
async def floor(pool: asyncpg.Pool) -> ShopFloor:
    floor = ShopFloor(pool)
    await floor.settings(**LARGE)
    await floor.people(3)
    return floor


async def submitted(floor: ShopFloor) -> CampaignDetail:
    made = (await floor.campaign()).summary
    return await floor.desk.send_now(made.campaign_id, revision=made.revision, by="test")


async def test_a_large_audience_waits_for_a_second_person(floor: ShopFloor) -> None:
    waits = await submitted(floor)
    number = waits.summary.campaign_id
    assert (waits.summary.state, waits.review.audience) == (State.AWAITING_APPROVAL, 3)
    assert await floor.runs.launch_due() == 0
    with pytest.raises(Conflict) as refused:
        await floor.desk.approve(number, by="test")
    assert refused.value.code == "second_person_needed"
    assert (await floor.desk.approve(number, by="mika")).summary.state is State.SCHEDULED
    assert await floor.runs.launch_due() == 1
    rows = await floor.pool.fetch("SELECT actor, action FROM audit_log WHERE action LIKE 'campaign%' ORDER BY audit_id")
    assert [tuple(row) for row in rows] == [
        ("test", "campaign.create"),
        ("test", "campaign.submit"),
        ("mika", "campaign.approve"),
    ]


async def test_as_many_as_the_shop_allows_need_nobody_else(floor: ShopFloor) -> None:
    for above in (3, 0):
        await floor.settings(approval_above=above)
        made = (await floor.campaign(f"Tea {above}")).summary
        sent = await floor.desk.send_now(made.campaign_id, revision=made.revision, by="test")
        assert sent.summary.state is State.SCHEDULED


async def test_an_edit_voids_what_was_approved(floor: ShopFloor) -> None:
    number = (await submitted(floor)).summary.campaign_id
    approved = await floor.desk.approve(number, by="mika", comment="fine")
    assert approved.review.comment == "fine"
    edited = await floor.desk.edit(number, approved.draft, revision=approved.summary.revision, by="mika")
    assert (edited.summary.state, edited.review.by, edited.review.edited_by) == (State.DRAFT, None, "mika")
    again = await floor.desk.send_now(number, revision=edited.summary.revision, by="test")
    assert again.summary.state is State.AWAITING_APPROVAL
    for author in ("mika", "test"):  # who wrote the words that stand, and who submitted them
        with pytest.raises(Conflict, match="Somebody other"):
            await floor.desk.approve(number, by=author)


async def test_another_moment_needs_no_second_approval(floor: ShopFloor) -> None:
    number = (await submitted(floor)).summary.campaign_id
    approved = (await floor.desk.approve(number, by="mika")).summary
    later = floor.clock.now() + timedelta(days=1)
    moved = await floor.desk.schedule(number, at=later, revision=approved.revision, by="test")
    assert (moved.summary.state, moved.summary.scheduled_at) == (State.SCHEDULED, later)


async def test_a_refusal_says_why(floor: ShopFloor) -> None:
    number = (await submitted(floor)).summary.campaign_id
    with pytest.raises(BadInput) as refused:
        await floor.desk.reject(number, by="mika", comment=" ")
    assert refused.value.field == "comment"
    rejected = await floor.desk.reject(number, by="mika", comment="Which tea?")
    assert (rejected.summary.state, rejected.review.by, rejected.review.comment) == (State.DRAFT, "mika", "Which tea?")
    with pytest.raises(Conflict, match="draft cannot reject"):
        await floor.desk.reject(number, by="mika", comment="Which tea?")


async def test_a_refusal_is_no_approval_of_what_is_scheduled_later(floor: ShopFloor) -> None:
    number, everybody = (await submitted(floor)).summary.campaign_id, floor.audience.frame
    rejected = (await floor.desk.reject(number, by="test", comment="mine")).summary
    floor.audience.frame = everybody.head(2)
    later = floor.clock.now() + timedelta(days=1)
    few = await floor.desk.schedule(number, at=later, revision=rejected.revision, by="test")
    assert (few.summary.state, few.review.by) == (State.SCHEDULED, None)
    floor.audience.frame = everybody
    many = await floor.desk.send_now(number, revision=few.summary.revision, by="test")
    assert many.summary.state is State.AWAITING_APPROVAL


async def test_who_became_too_many_until_the_launch_wait_for_a_second_person(floor: ShopFloor) -> None:
    everybody, made = floor.audience.frame, (await floor.campaign()).summary
    floor.audience.frame = everybody.head(2)
    number = made.campaign_id
    alone = await floor.desk.send_now(number, revision=made.revision, by="test")
    assert alone.summary.state is State.SCHEDULED
    floor.audience.frame = everybody
    assert await floor.runs.launch_due() == 0
    waits = await floor.desk.get(number)
    assert (waits.summary.state, waits.review.audience) == (State.AWAITING_APPROVAL, 3)
    assert await floor.pool.fetchval("SELECT count(*) FROM campaign_people") == 0
    with pytest.raises(Conflict, match="Somebody other"):
        await floor.desk.approve(number, by="test")
    await floor.desk.approve(number, by="mika")
    assert await floor.runs.launch_due() == 1


async def test_who_approved_a_few_did_not_approve_the_whole_shop(floor: ShopFloor) -> None:
    number, approved = (await submitted(floor)).summary.campaign_id, floor.audience.frame
    await floor.desk.approve(number, by="mika")
    await floor.people(4)
    assert await floor.runs.launch_due() == 0
    assert (await floor.desk.get(number)).review.audience == 7
    floor.audience.frame = approved
    await floor.desk.approve(number, by="mika")
    await floor.people(1)
    assert await floor.runs.launch_due() == 1


async def test_an_approval_is_of_what_was_looked_at(floor: ShopFloor) -> None:
    seen = await submitted(floor)
    number = seen.summary.campaign_id
    edited = await floor.desk.edit(number, seen.draft, revision=seen.summary.revision, by="test")
    await floor.desk.send_now(number, revision=edited.summary.revision, by="test")
    with pytest.raises(Conflict) as refused:
        await floor.desk.approve(number, by="mika", revision=seen.summary.revision)
    assert refused.value.code == "campaign_changed"


async def test_of_many_approvals_one_counts(floor: ShopFloor) -> None:
    number = (await submitted(floor)).summary.campaign_id
    found = await asyncio.gather(*(floor.desk.approve(number, by=f"p{n}") for n in range(4)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in found) == ["CampaignDetail"] + ["Conflict"] * 3


async def test_who_is_begun_by_an_event_could_be_anybody(floor: ShopFloor) -> None:
    draft = Draft(name="Thanks", segment_id=None, content=TEA, trigger=OnEvent(event="Order Completed"))
    made = (await floor.desk.create(draft, by="test")).summary
    waits = await floor.desk.send_now(made.campaign_id, revision=made.revision, by="test")
    assert (waits.summary.state, waits.summary.segment_name, waits.review.audience) == (State.AWAITING_APPROVAL, "", 3)


async def running(floor: ShopFloor) -> CampaignDetail:
    """A campaign that repeats, as it is after its launch."""
    weekly = Recurring(rrule="FREQ=WEEKLY", starts_at=NOON + timedelta(days=1))
    made = await floor.campaign(trigger=weekly, content=TEA)
    number = made.summary.campaign_id
    async with floor.pool.acquire() as connection, connection.transaction():
        await campaign_drafts.publish(connection, made.draft, campaign_id=number, now=NOON, by="test")
        await connection.execute("UPDATE campaigns SET state = 'sending' WHERE campaign_id = $1", number)
    return await floor.desk.get(number)


async def test_a_running_campaign_takes_a_new_version(floor: ShopFloor) -> None:
    await floor.settings()
    before = await running(floor)
    number, words = before.summary.campaign_id, replace(before.draft, content=Content(ja=Text("新茶", "どうぞ")))
    after = await floor.desk.publish(number, words, revision=before.summary.revision, by="test")
    assert (after.summary.state, after.summary.version, after.draft) == (State.SENDING, 2, words)
    assert after.summary.next_at == floor.clock.now()
    assert [version.draft for version in await floor.desk.versions(number)] == [before.draft, words]
    with pytest.raises(BadInput) as refused:
        await floor.desk.publish(
            number, replace(words, holdout_percent=10.0), revision=after.summary.revision, by="test"
        )
    assert refused.value.field == "holdout_percent"
    with pytest.raises(Conflict, match="sending cannot edit"):
        await floor.desk.edit(number, words, revision=after.summary.revision, by="test")


async def test_a_new_version_for_many_waits_while_the_old_one_runs(floor: ShopFloor) -> None:
    before = await running(floor)
    number, words = before.summary.campaign_id, replace(before.draft, content=Content(ja=Text("新茶", "どうぞ")))
    waits = await floor.desk.publish(number, words, revision=before.summary.revision, by="test")
    assert (waits.summary.version, waits.draft, waits.review.proposal) == (1, before.draft, words)
    assert {"approve", "reject"} <= {*waits.actions}
    with pytest.raises(Conflict) as refused:
        await floor.desk.approve(number, by="test")
    assert refused.value.code == "second_person_needed"
    rejected = await floor.desk.reject(number, by="mika", comment="no")
    assert (rejected.review.proposal, rejected.summary.state) == (None, State.SENDING)
    await floor.desk.publish(number, words, revision=rejected.summary.revision, by="test")
    approved = await floor.desk.approve(number, by="mika")
    assert (approved.summary.version, approved.draft, approved.review.proposal) == (2, words, None)


async def test_a_new_version_of_what_has_ended_is_put_away(floor: ShopFloor) -> None:
    before = await running(floor)
    number, words = before.summary.campaign_id, replace(before.draft, content=Content(ja=Text("新茶", "どうぞ")))
    await floor.desk.publish(number, words, revision=before.summary.revision, by="test")
    await floor.desk.cancel(number, by="test")
    with pytest.raises(Conflict, match="cancelled cannot publish"):
        await floor.desk.approve(number, by="mika")
    assert (await floor.desk.get(number)).summary.version == 1


async def test_a_single_launch_has_one_version(floor: ShopFloor) -> None:
    await floor.settings()
    campaign_id = await floor.launched()
    made = await floor.desk.get(campaign_id)
    with pytest.raises(BadInput, match="copy it"):
        await floor.desk.publish(campaign_id, made.draft, revision=made.summary.revision, by="test")


async def test_a_copy_says_the_same_and_draws_anew(floor: ShopFloor) -> None:
    made = await floor.campaign(
        tags=("tea", "summer"), hypothesis="Tea brings them back", scheduled_at=NOON + timedelta(days=2)
    )
    number = made.summary.campaign_id
    copied = await floor.desk.copy(number, by="mika")
    assert copied.draft == replace(made.draft, name="Tea (2)", scheduled_at=None)
    assert (copied.summary.state, copied.summary.tags) == (State.DRAFT, ("tea", "summer"))
    assert (await floor.desk.copy(number, by="mika")).summary.name == "Tea (3)"
    assert (await floor.desk.copy(number, name="Coffee", by="mika")).summary.name == "Coffee"
    with pytest.raises(Conflict, match="already a campaign"):
        await floor.desk.copy(number, name="Coffee", by="mika")
    salts = await floor.pool.fetch("SELECT DISTINCT salt FROM campaigns")
    assert len(salts) == 4
    long = await floor.campaign("茶" * 100)
    assert len((await floor.desk.copy(long.summary.campaign_id, by="mika")).summary.name) <= 100


async def test_the_list_can_be_narrowed_and_cleared(floor: ShopFloor) -> None:
    tea, coffee = await floor.campaign(tags=("hot",)), await floor.campaign("Coffee")
    assert [each.name for each in await floor.desk.list(tag="hot")] == ["Tea"]
    archived = await floor.desk.archive(tea.summary.campaign_id, by="mika")
    assert archived.summary.archived
    assert [each.name for each in await floor.desk.list()] == ["Coffee"]
    assert [each.name for each in await floor.desk.list(archived=True)] == ["Tea"]
    assert not (await floor.desk.restore(tea.summary.campaign_id, by="mika")).summary.archived
    await floor.desk.send_now(coffee.summary.campaign_id, revision=coffee.summary.revision, by="test")
    with pytest.raises(Conflict, match="stays on the list"):
        await floor.desk.archive(coffee.summary.campaign_id, by="mika")
