"""Memberships follow the frame: who entered and left is written once, whoever dies on the way and whenever."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from backend.errors import BadInput, NotFound
from backend.lake.asked import AskedFrame
from backend.lake.frame import CustomerFrame
from backend.lake.frame_view import FrameView
from backend.services.memberships.keeping import Memberships
from backend.services.refresh.loop import Refresh
from backend.services.rule_facts import RuleFacts
from backend.store import erasures
from backend.store import memberships as store
from segments import bits
from segments.rules.parse import parse
from segments.rules.rule import EVERYONE
from tests.segments.rules.people import TODAY, person
from tests.services.keeping import NOW, Floor
from tests.services.refreshing import NOW as NOW_THERE
from tests.services.refreshing import Shop, order, track

BOUGHT = parse({"attribute": "orders", "op": ">=", "value": 1})
RECENT = parse({"event": "Order Completed", "op": "at_least", "times": 1, "days": 3})
GOLD = parse({"attribute": "rank", "op": "is", "value": "gold"})
FAR = 5 * bits.BLOCK + 3


@pytest.fixture
async def floor(pool: asyncpg.Pool) -> Floor:
    """A shop with its first customers."""
    floor = Floor(pool)
    await first_customers(floor)
    return floor


async def first_customers(floor: Floor) -> None:
    """Three: one bought and can be reached, one bought, one did not."""
    await floor.put(1, orders=1, reachable=True)
    await floor.put(2, orders=2, rank="gold")
    await floor.put(FAR, rank="gold", reachable=True)


async def test_who_is_in_it_when_it_is_first_counted_did_not_enter(floor: Floor) -> None:
    bought = await floor.segment("bought", BOUGHT)
    await floor.keep()
    assert await floor.members(bought) == {1, 2}
    assert await floor.sizes(bought) == (2, 1)
    assert await floor.changes(bought) == []
    state = await floor.ledger.state(bought)
    assert (state.version, state.current, state.size, state.reachable) == (1, True, 2, 1)
    assert (state.since, state.as_of, state.seq) == (NOW, NOW, floor.seq)
    assert await floor.memberships.work() == 0


async def test_touched_customers_enter_and_leave(floor: Floor) -> None:
    bought, gold = await floor.segment("bought", BOUGHT), await floor.segment("gold", GOLD)
    await floor.keep()
    floor.clock.advance(timedelta(minutes=5))
    await floor.put(1, orders=0)
    await floor.put(FAR, orders=4, reachable=True)
    await floor.put(7, orders=1, rank="gold")
    floor.asked.clear()
    await floor.keep()
    assert floor.asked == [3], "reach and both segments in one pass"
    assert await floor.members(bought) == {2, 7, FAR}
    assert await floor.changes(bought) == [(1, "out", "facts"), (7, "in", "facts"), (FAR, "in", "facts")]
    assert await floor.changes(gold) == [(7, "in", "facts"), (FAR, "out", "facts")]
    assert (await floor.sizes(bought), await floor.sizes(gold)) == ((3, 1), (2, 0))
    told = {one.customer_id: one.entered_at for one in await floor.ledger.members(bought)}
    assert told == {2: None, 7: floor.clock.now(), FAR: floor.clock.now()}


async def test_reach_alone_changes_the_reach_of_every_segment(floor: Floor) -> None:
    bought = await floor.segment("bought", BOUGHT)
    await floor.keep()
    await floor.put(2, orders=2, reachable=True)
    await floor.keep()
    assert (await floor.sizes(bought), await floor.changes(bought)) == ((2, 2), [])
    await floor.remove(1)
    await floor.keep()
    assert (await floor.sizes(bought), await floor.changes(bought)) == ((1, 1), [(1, "out", "facts")])


async def test_only_rules_that_look_at_the_day_are_asked_again_on_another_day(floor: Floor) -> None:
    bought, recent = await floor.segment("bought", BOUGHT), await floor.segment("recent", RECENT)
    await floor.put(1, {"Order Completed": [0]}, orders=1)
    await floor.put(3, {"Order Completed": [1]}, orders=1)
    await floor.keep()
    floor.asked.clear()
    floor.pass_days(2)
    await floor.keep()
    assert floor.asked == [1], "the one rule that looks at the day"
    assert await floor.changes(recent) == [(3, "out", "time")]
    floor.pass_days(1)
    await floor.keep()
    assert await floor.changes(recent) == [(3, "out", "time"), (1, "out", "time")]
    assert await floor.changes(bought) == []


async def test_another_version_and_a_rule_that_is_asked_for_count_everybody_anew(floor: Floor) -> None:
    gold = await floor.segment("gold", GOLD)
    other = await floor.segment("not gold", parse({"not": {"segment": gold}}))
    await floor.keep()
    assert await floor.members(other) == {1}
    await floor.version(gold, 2, BOUGHT)
    await floor.keep()
    assert await floor.members(gold) == {1, 2}
    assert await floor.changes(gold) == [(1, "in", "rule"), (FAR, "out", "rule")]
    assert await floor.changes(other) == [(1, "out", "rule"), (FAR, "in", "rule")]
    versions = await floor.pool.fetch("SELECT DISTINCT segment_id, version FROM segment_changes ORDER BY 1")
    assert [tuple(row) for row in versions] == [(gold, 2), (other, 1)]


async def test_test_accounts_are_in_nothing_as_the_shop_decides(floor: Floor) -> None:
    everyone = await floor.segment("everyone", EVERYONE)
    await floor.put(2, test_account=True, reachable=True)
    await floor.keep()
    assert (await floor.members(everyone), await floor.sizes(everyone)) == ({1, FAR}, (2, 2))
    await floor.pool.execute(
        "INSERT INTO shop_settings (key, value, changed_by) VALUES ('exclude_test_accounts', 'false', 't')"
    )
    await floor.keep()
    assert (await floor.changes(everyone), await floor.sizes(everyone)) == ([(2, "in", "rule")], (3, 3))


async def test_merged_and_erased_customers_leave(floor: Floor) -> None:
    gold = await floor.segment("gold", GOLD)
    await floor.keep()
    await floor.person(1)
    await floor.person(2, into=1)
    await floor.put(1, rank="gold")
    await floor.remove(2)
    await floor.person(FAR)
    await floor.pool.execute("UPDATE customers SET erased_at = now() WHERE customer_id = $1", FAR)
    await floor.remove(FAR)
    await floor.keep()
    assert await floor.members(gold) == {1}
    assert await floor.changes(gold) == [(1, "in", "merge"), (2, "out", "merge")], "of erased ones nothing is told"
    assert await floor.sizes(gold) == (1, 0)


async def test_of_an_erased_person_no_change_is_kept_and_before_he_is_told_all(floor: Floor) -> None:
    await floor.segment("gold", GOLD)
    await floor.keep()
    await floor.person(1, "M-1")
    await floor.put(1, rank="gold")
    await floor.put(2)
    await floor.keep()
    async with floor.pool.acquire() as connection, connection.transaction():
        told = await erasures.disclose(connection, customer_ids=[1], survivor=1, limit=10)
        assert [(one["segment"], one["entered"]) for one in told["segments"]] == [("gold", True)]
        await erasures.blank(connection, customer_ids=[1], ids=["M-1"], forms=[b'"M-1"'], pattern=None, now=NOW)
    assert [one.customer_id for one in await floor.ledger.feed(after=0)] == [2]


async def test_an_archived_segment_rests_and_is_caught_up_when_it_is_taken_back(floor: Floor) -> None:
    gold = await floor.segment("gold", GOLD)
    await floor.keep()
    await floor.pool.execute("UPDATE segments SET archived_at = now()")
    await floor.put(2, rank="silver")
    await floor.keep()
    assert await floor.members(gold) == {2, FAR}
    await floor.pool.execute("UPDATE segments SET archived_at = NULL")
    await floor.put(1, rank="gold")
    await floor.keep()
    assert await floor.members(gold) == {1, FAR}
    assert await floor.changes(gold) == [(1, "in", "rule"), (2, "out", "rule")]


async def test_a_frame_that_is_being_made_anew_changes_nothing(floor: Floor) -> None:
    gold = await floor.segment("gold", GOLD)
    await floor.keep()
    whole = dict(floor.rows)
    floor.rows, floor.figures = {1: whole[1]}, ""
    await floor.touch(whole)
    assert await floor.memberships.work() == 0
    floor.rows, floor.figures = whole, "whole"
    await floor.keep()
    assert (await floor.members(gold), await floor.changes(gold)) == ({2, FAR}, [])


async def test_where_too_many_are_touched_everybody_is_looked_at(floor: Floor) -> None:
    gold = await floor.segment("gold", GOLD)
    await floor.keep()
    await floor.put(1, rank="gold")
    await floor.remove(2)
    few = floor.keeper(most_touched=1)
    await few.work_until_current()
    assert await floor.members(gold) == {1, FAR}
    assert await floor.changes(gold) == [(1, "in", "facts"), (2, "out", "facts")]
    assert await floor.pool.fetchval("SELECT count(*) FROM membership_queue") == 0


async def test_a_rule_that_the_frame_cannot_answer_holds_up_no_other(floor: Floor) -> None:
    gold = await floor.segment("gold", GOLD)
    bad = await floor.segment("bad", BOUGHT)
    await floor.keep()
    await floor.version(bad, 2, parse({"attribute": "joined", "op": "is_set"}))

    class Lacking(Floor):
        def read(self) -> Any:
            seen = super().read()
            seen.frame = seen.frame.drop("joined")
            return seen

    floor.__class__ = Lacking
    await floor.put(1, rank="gold")
    await floor.keep()
    assert await floor.members(gold) == {1, 2, FAR}
    assert await floor.members(bad) == {1, 2}
    assert not (await floor.ledger.state(bad)).current
    floor.__class__ = Floor
    await floor.put(1, rank="gold", joined=TODAY)
    await floor.keeper().work_until_current()
    assert await floor.members(bad) == {1}


STEPS = ("locked", "evaluate", "evaluated", "bits", "changes", "states", "clear", "written", "committed")


class Died(Exception):
    """The world ends here."""


async def died_everywhere(floor: Floor) -> list[str]:
    """Die at every step of each round in turn, until a run comes through; gives where."""
    deaths: list[str] = []
    step = 0
    while True:
        step = 1 if deaths and deaths[-1] == "committed" else step + 1
        seen: list[str] = []

        def watch(name: str, seen: list[str] = seen, upto: int = step) -> None:
            seen.append(name)
            if len(seen) == upto:
                raise Died(name)

        try:
            await floor.keeper(watch).work_until_current()
        except Died as death:
            deaths.append(str(death))
        if seen == ["locked", "written", "committed"]:  # a round with nothing to do
            return deaths


async def expected(floor: Floor, segments: list[int]) -> None:
    gold, recent = segments
    assert await floor.members(gold) == {1, FAR}
    assert await floor.changes(gold) == [(1, "in", "facts"), (2, "out", "facts")]
    assert await floor.members(recent) == {1}
    assert await floor.changes(recent) == [(1, "in", "facts"), (3, "out", "time")]
    assert (await floor.sizes(gold), await floor.sizes(recent)) == ((2, 2), (1, 1))
    assert await floor.pool.fetchval("SELECT count(*) FROM membership_queue") == 0
    days = await floor.pool.fetch("SELECT entered, departed FROM segment_days WHERE segment_id = $1", gold)
    assert sum(row["entered"] for row in days) == sum(row["departed"] for row in days) == 1


async def disturbed(floor: Floor) -> list[int]:
    """Two segments are kept; then a day passes, somebody buys and becomes gold, and another one is gold no more."""
    await floor.put(3, {"Order Completed": [1]}, orders=1)
    segments = [await floor.segment("gold", GOLD), await floor.segment("recent", RECENT)]
    await floor.keep()
    after_the_day(floor)
    await floor.touch([1, 2])
    return segments


def after_the_day(floor: Floor) -> None:
    """The frame of two days later."""
    floor.pass_days(2)
    rows = {
        1: person({"Order Completed": [-2]}, rank="gold", reachable=True),
        2: person(rank="silver"),
        3: person({"Order Completed": [1]}, orders=1),
        FAR: person(rank="gold", reachable=True),
    }
    floor.rows = {number: row | {"customer_id": number} for number, row in rows.items()}


async def test_death_at_any_step_loses_nothing_and_tells_nothing_twice(floor: Floor) -> None:
    segments = await disturbed(floor)
    deaths = await died_everywhere(floor)
    assert deaths[: len(STEPS)] == list(STEPS)
    assert deaths.count("bits") == 2, "a round for the touched, a round for the day"
    await expected(floor, segments)


async def test_a_keeper_that_clears_the_queue_first_is_found_out(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The saboteur: what was touched is taken out of the queue for good before memberships are written."""
    await disturbed(floor)
    read = store.read_queue

    async def hasty(connection: Any, *, limit: int) -> dict[int, int]:
        found = await read(connection, limit=limit)
        await floor.pool.execute("DELETE FROM membership_queue")
        return found

    monkeypatch.setattr(store, "read_queue", hasty)
    await died_everywhere(floor)
    assert await floor.members(await floor.pool.fetchval("SELECT min(segment_id) FROM segments")) == {2, FAR}


async def test_one_at_a_time_works(floor: Floor) -> None:
    gold = await floor.segment("gold", GOLD)
    async with floor.pool.acquire() as connection, connection.transaction():
        assert await store.lock_writer(connection) is not None
        assert await floor.memberships.work() == 0
        assert await floor.members(gold) == set()
    await floor.keep()
    assert await floor.members(gold) == {2, FAR}


async def test_whoever_is_touched_again_meanwhile_stays_in_the_queue(floor: Floor) -> None:
    await floor.segment("gold", GOLD)
    await floor.keep()
    await floor.touch([1, 2])
    async with floor.pool.acquire() as connection:
        read = await store.read_queue(connection, limit=10)
        await floor.touch([2])
        await store.clear_queue(connection, done=read)
        assert set(await store.read_queue(connection, limit=10)) == {2}


async def test_changes_are_read_on_from_a_number(floor: Floor) -> None:
    gold, bought = await floor.segment("gold", GOLD), await floor.segment("bought", BOUGHT)
    await floor.keep()
    start = await floor.ledger.newest()
    await floor.person(1, "M-1")
    await floor.put(1, rank="gold")
    await floor.keep()
    first = await floor.ledger.feed(after=start)
    assert [(one.segment_id, one.user_id, one.entered) for one in first] == [
        (gold, "M-1", True),
        (bought, "M-1", False),
    ]
    await floor.put(2, orders=0)
    await floor.keep()
    more = await floor.ledger.feed(after=first[-1].change_id)
    assert [(one.segment_id, one.customer_id, one.entered) for one in more] == [(gold, 2, False), (bought, 2, False)]
    assert [one.customer_id for one in await floor.ledger.feed(after=start, segment_id=gold, limit=1)] == [1]
    assert [one.customer_id for one in await floor.ledger.changes(gold)] == [2, 1]
    assert [one.customer_id for one in await floor.ledger.changes(gold, before=more[0].change_id)] == [1]


async def test_members_of_a_past_moment(floor: Floor) -> None:
    gold = await floor.segment("gold", GOLD)
    with pytest.raises(BadInput):
        await floor.ledger.members_at(gold)
    await floor.keep()
    first = floor.clock.now()
    for hour, (customer, rank) in enumerate([(1, "gold"), (2, "silver"), (1, "silver"), (2, "gold")], start=1):
        floor.clock.advance(timedelta(hours=1))
        assert hour
        await floor.put(customer, rank=rank)
        await floor.keep()
    then = [(await floor.ledger.members_at(gold, first + timedelta(hours=hour))).tolist() for hour in range(5)]
    assert then == [[2, FAR], [1, 2, FAR], [1, FAR], [FAR], [2, FAR]]
    assert (await floor.ledger.members_at(gold)).tolist() == [2, FAR]
    with pytest.raises(BadInput):
        await floor.ledger.members_at(gold, first - timedelta(seconds=1))


async def test_changes_are_forgotten_after_their_time(floor: Floor) -> None:
    gold = await floor.segment("gold", GOLD)
    await floor.keep()
    await floor.put(1, rank="gold")
    await floor.keep()
    floor.clock.advance(timedelta(days=300))
    await floor.put(2, rank="silver")
    await floor.keep()
    assert await floor.memberships.forget_changes() == 0
    floor.clock.advance(timedelta(days=101))
    assert await floor.memberships.forget_changes() == 1
    assert await floor.changes(gold) == [(2, "out", "facts")]
    told = {one.customer_id: one.entered_at for one in await floor.ledger.members(gold)}
    assert told == {1: None, FAR: None}
    with pytest.raises(BadInput):
        await floor.ledger.members_at(gold, NOW + timedelta(days=0.5))
    assert (await floor.ledger.members_at(gold, NOW + timedelta(days=2))).tolist() == [1, 2, FAR]


async def test_sizes_by_day_are_carried_over_days_without_changes(floor: Floor) -> None:
    gold = await floor.segment("gold", GOLD)
    await floor.keep()
    floor.pass_days(2)
    await floor.put(1, rank="gold", reachable=True)
    await floor.put(2, rank="silver")
    await floor.keep()
    floor.pass_days(1)
    history = await floor.ledger.history(gold, days=10)
    told = [(one.size, one.reachable, one.entered, one.left) for one in history.days]
    assert told == [(2, 1, 0, 0), (2, 1, 0, 0), (2, 2, 1, 1), (2, 2, 0, 0)]
    assert history.days[-1].day == floor.day
    assert history.state.size == 2
    with pytest.raises(NotFound):
        await floor.ledger.history(99)


async def test_customers_of_a_refresh_that_died_are_looked_at_by_the_next(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Between the frame and the queue of memberships nobody gets lost, whatever step the refresh dies at."""
    shop = Shop(pool, tmp_path)
    await shop.send("app", track("Application Opened", user="M-1"), track("Application Opened", user="M-2"))
    await shop.refresh.run_until_current()
    floor = Floor(pool)
    often = await floor.segment("often", parse({"attribute": "launches", "op": ">=", "value": 2}))
    keeper = Memberships(pool, shop.clock, OnDisk(shop.frame))
    await keeper.work_until_current()
    for step in ("frame", "cleared"):
        await shop.send("app", track("Application Opened", user="M-1" if step == "frame" else "M-2"))

        def watch(name: str, upto: str = step) -> None:
            if name == upto:
                raise Died(name)

        with pytest.raises(Died):
            await Refresh(pool, shop.clock, shop.lake, shop.frame, watch=watch).run_until_current()
        await keeper.work_until_current()
        await shop.refresh.run_until_current()
        await keeper.work_until_current()
    assert [(done, cause) for _, done, cause in await floor.changes(often)] == [("in", "facts")] * 2
    assert len(await floor.members(often)) == 2


class OnDisk:
    """The frame in its folder, for rules that need no more."""

    def __init__(self, frame: CustomerFrame) -> None:
        self._frame = frame

    def read(self) -> FrameView:
        return self._frame.read()

    async def read_for(self, _: Any) -> FrameView:
        return self._frame.read()


async def test_rules_of_every_source_are_kept(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """What is worked out beside the frame is asked for too, and what moves with the minute leaves with it."""
    shop, floor = Shop(pool, tmp_path), Floor(pool)
    await shop.send("server", order("O-1", 900, user="M-1", store_id="S01"))
    await shop.send("server", order("O-2", 900, user="M-2", store_id="S02"), at=NOW_THERE - timedelta(days=5))
    await shop.refresh.run_until_current()
    ids = {row["user_id"]: row["customer_id"] for row in await pool.fetch("SELECT user_id, customer_id FROM customers")}
    await pool.execute(
        "INSERT INTO static_lists (name, origin, created_at, created_by, changed_at) VALUES ('l', 'test', now(), 't', now())"
    )
    await pool.execute("INSERT INTO static_list_members VALUES (1, $1)", ids["M-2"])
    bought = {"event": "Order Completed", "op": "at_least", "times": 1}
    asked: dict[str, Any] = {
        "store": {**bought, "where": {"store": "S01"}},
        "hour": {**bought, "hours": 1},
        "list": {"list": 1},
        "life": {"attribute": "life_cycle", "op": "is_set"},
        "sent": {"event": "Campaign Received", "op": "at_most", "times": 0},
    }
    numbers = {name: await floor.segment(name, parse(rule)) for name, rule in asked.items()}
    keeper = Memberships(pool, shop.clock, AskedFrame(shop.frame, shop.lake, RuleFacts(pool, shop.clock)))
    await keeper.work_until_current()
    both = set(ids.values())
    members = {name: await floor.members(number) for name, number in numbers.items()}
    expected_members = {"store": {ids["M-1"]}, "hour": {ids["M-1"]}, "list": {ids["M-2"]}, "life": both, "sent": both}
    assert members == expected_members
    shop.pass_time(timedelta(minutes=61))
    await shop.refresh.run_until_current()
    await keeper.work_until_current()
    assert await floor.members(numbers["hour"]) == set()
    assert await floor.changes(numbers["hour"]) == [(ids["M-1"], "out", "time")]
    await pool.execute("INSERT INTO static_list_members VALUES (1, $1)", ids["M-1"])
    await pool.execute("UPDATE static_lists SET revision = revision + 1")
    await keeper.work_until_current()
    assert await floor.changes(numbers["list"]) == [(ids["M-1"], "in", "rule")]
