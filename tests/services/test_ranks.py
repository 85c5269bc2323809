"""Rank rules on a real database, lake and frame: versions, preview, and rows made anew when their day has come."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from backend.errors import BadInput, Conflict, NotFound
from backend.services.ranks import RankCount, RankDesk
from segments.rank_rules import Criterion, Period, Rank, RankRules
from segments.rank_walk import Step
from tests.services.refreshing import Shop, identify, order, track

TODAY = date(2026, 4, 1)
LADDER = RankRules(ranks=(Rank("base"), Rank("silver", 1000), Rank("gold", 3000)), demotion_dates=("01",))


@pytest.fixture
async def shop(pool: asyncpg.Pool, tmp_path: Path) -> Shop:
    """Three members: of 0, 1,500 and 4,000 yen; the last order of the second is from nearly a year ago."""
    shop = Shop(pool, tmp_path)
    joined = datetime(2025, 4, 10, tzinfo=UTC)
    await shop.send("server", *(identify(user=f"m{n}", family_name=f"f{n}") for n in range(3)))
    await shop.send("server", *(track("Membership Joined", user=f"m{n}") for n in range(3)), at=joined)
    await shop.send("server", order("1", 1500, user="m1"), at=datetime(2025, 4, 20, tzinfo=UTC))
    await shop.send("server", order("2", 4000, user="m2"), at=datetime(2026, 3, 1, tzinfo=UTC))
    await shop.refresh.run_once()
    return shop


@pytest.fixture
def desk(shop: Shop) -> RankDesk:
    return RankDesk(shop.pool, shop.clock, shop.lake, shop.frame)


async def ranks(shop: Shop) -> list[tuple[object, ...]]:
    await shop.refresh.run_once()
    rows = [await shop.row(f"m{n}") for n in range(3)]
    return [(row["computed_rank"], row["computed_rank_since"], row["to_next_rank"]) for row in rows]


async def test_without_rules_nobody_has_a_computed_rank(shop: Shop) -> None:
    assert await ranks(shop) == [(None, None, None)] * 3


async def test_rules_reach_the_frame_and_those_of_the_past_stay(shop: Shop, desk: RankDesk) -> None:
    await desk.save(LADDER, valid_from=date(2025, 1, 1), actor="mika")
    joined, bought, late = date(2025, 4, 10), date(2025, 4, 20), date(2026, 3, 1)
    assert await ranks(shop) == [("base", joined, 1000), ("silver", bought, 1500), ("gold", late, None)]
    higher = RankRules(ranks=(Rank("base"), Rank("silver", 2000), Rank("gold", 9000)))
    with pytest.raises(Conflict) as refused:
        await desk.save(higher, valid_from=TODAY - timedelta(days=1), actor="mika")
    assert refused.value.field == "valid_from"
    for ask in (
        desk.save(higher, valid_from=date(2206, 4, 1), actor="mika"),
        desk.preview(higher, valid_from=date.max),
    ):
        with pytest.raises(BadInput, match="a year ahead"):
            await ask
    await desk.save(higher, valid_from=TODAY + timedelta(days=2), actor="mika")
    assert await ranks(shop) == [("base", joined, 1000), ("silver", bought, 1500), ("gold", late, None)]
    shop.pass_time(timedelta(days=2))
    assert await ranks(shop) == [("base", joined, 2000), ("silver", bought, 7500), ("gold", late, None)]


async def test_a_rank_falls_on_its_day_though_nothing_happens(shop: Shop, desk: RankDesk) -> None:
    await desk.save(LADDER, valid_from=date(2025, 1, 1), actor="mika")
    assert (await ranks(shop))[1][0] == "silver"
    shop.pass_time(timedelta(days=19))
    assert (await ranks(shop))[1] == ("silver", date(2025, 4, 20), 3000), "the order left the last twelve months"
    shop.pass_time(timedelta(days=11))
    touched = (await shop.refresh.run_once()).customers
    assert (await ranks(shop))[1] == ("base", date(2026, 5, 1), 1000)
    assert touched == 2, "who is in the lowest rank without orders needs no review"


async def test_a_preview_counts_who_would_stand_where_and_keeps_nothing(shop: Shop, desk: RankDesk) -> None:
    await desk.save(LADDER, valid_from=date(2025, 1, 1), actor="mika")
    draft = RankRules(ranks=(Rank("base"), Rank("silver", 4000), Rank("gold", 9000)), demotion_dates=("04-01",))
    found = await desk.preview(draft)
    assert found.ranks == (
        RankCount(rank="base", before=1, first_day=2, reviewed=2),
        RankCount(rank="silver", before=1, first_day=1, reviewed=1),
        RankCount(rank="gold", before=1, first_day=0, reviewed=0),
    )
    assert (found.people, found.one_in, found.rise, found.fall, found.newly) == (3, 1, 0, 2, 0)
    assert {(mover.name, mover.before, mover.after) for mover in found.falling} == {
        ("f1", "silver", "base"),
        ("f2", "gold", "silver"),
    }
    assert len(await desk.versions()) == 1
    with pytest.raises(BadInput) as refused:
        await desk.preview(RankRules(ranks=(Rank("base"), Rank("silver", 0))))
    assert refused.value.field == "ranks"


async def test_a_first_draft_places_everybody(desk: RankDesk) -> None:
    found = await desk.preview(LADDER)
    assert [(each.rank, each.before, each.first_day) for each in found.ranks] == [
        ("base", 0, 1),
        ("silver", 0, 1),
        ("gold", 0, 1),
    ]
    assert found.newly == 3


async def test_a_first_draft_holds_from_its_day_and_not_since_ever(shop: Shop, desk: RankDesk) -> None:
    await shop.send("server", order("0", 9000, user="m0"), at=datetime(2024, 9, 1, tzinfo=UTC))
    await shop.refresh.run_once()
    lasting = RankRules(ranks=LADDER.ranks)
    today, ever = [(await desk.preview(lasting, valid_from=day)).ranks for day in (None, date(2024, 1, 1))]
    assert [each.first_day for each in today] == [1, 1, 1], "what was bought long ago earns nothing today"
    assert [each.first_day for each in ever] == [0, 1, 2], "and would be held still, had there been ranks"
    await desk.save(lasting, actor="mika")
    assert [rank for rank, *_ in await ranks(shop)] == ["base", "silver", "gold"]


async def test_a_person_sees_both_ranks_the_way_and_what_is_missing(shop: Shop, desk: RankDesk) -> None:
    yearly = RankRules(ranks=LADDER.ranks, period=Period.CALENDAR, criterion=Criterion.AMOUNT)
    await desk.save(yearly, valid_from=date(2025, 1, 1), actor="mika")
    await shop.send("server", track("Membership Rank Changed", user="m1", rank="VIP"))
    await shop.refresh.run_once()
    found = await desk.person((await shop.row("m1"))["customer_id"])
    assert (found.rank, found.next_rank, found.to_next, found.until) == ("silver", "gold", 3000, date(2026, 12, 31))
    assert found.steps == (Step(date(2025, 4, 10), "base"), Step(date(2025, 4, 20), "silver"))
    assert (found.reported, found.reported_since) == ("VIP", TODAY)
    with pytest.raises(NotFound):
        await desk.person(10**9)


async def test_who_saved_what_stands_in_the_audit_log(shop: Shop, desk: RankDesk) -> None:
    await desk.save(LADDER, note="Spring", actor="mika")
    row = await shop.pool.fetchrow("SELECT actor, object, detail FROM audit_log WHERE action = 'ranks.save'")
    assert row is not None
    assert (row["actor"], row["object"], row["detail"]["note"]) == ("mika", "rank rules 1", "Spring")
    assert row["detail"]["rules"]["ranks"][1] == {"name": "silver", "threshold": 1000}
    current = await desk.current()
    assert current is not None
    assert (current.version, current.valid_from, current.rules) == (1, TODAY, LADDER)
