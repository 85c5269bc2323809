"""Coupons given out, used and expired, on a real database, lake and frame."""

import asyncio
import threading
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import polars as pl
import pytest

from backend.errors import BadInput, Conflict, NotFound
from backend.services.coupons import expiry as expiring
from backend.services.coupons import issuing
from backend.services.coupons.book import CouponBook
from backend.services.coupons.expiry import CouponExpiry
from backend.services.coupons.issuing import CouponIssues
from backend.services.coupons.ledger import CouponLedger
from campaigns.audience import Members
from segments.coupon_book import CouponDraft
from segments.coupons import CouponState, Flag
from tests.services.refreshing import NOW, Shop, identify, track

TODAY = date(2026, 4, 1)


class Everyone:
    """A segment that holds everybody there is."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool

    async def members(
        self, segment_id: int | None, *, columns: tuple[str, ...], among: Collection[int] | None = None
    ) -> Members:
        rows = await self.pool.fetch("SELECT customer_id FROM customers WHERE merged_into IS NULL")
        return Members(
            frame=pl.DataFrame({"customer_id": [row[0] for row in rows]}), as_of=NOW, version=segment_id or 0
        )


class Counter:
    """The coupons of a shop."""

    def __init__(self, shop: Shop) -> None:
        pool, clock = shop.pool, shop.clock
        self.shop = shop
        self.book = CouponBook(pool, clock)
        self.issues = CouponIssues(pool, clock, audiences=Everyone(pool))
        self.ledger = CouponLedger(pool, clock, shop.lake, shop.frame)
        self.expiry = CouponExpiry(pool, clock, self.ledger)

    async def people(self, count: int) -> None:
        await self.shop.send("server", *(identify(user=f"m{n}") for n in range(count)))
        await self.shop.refresh.run_once()

    async def define(self, coupon_id: str = "tea", **more: Any) -> None:
        await self.book.create(CouponDraft(coupon_id=coupon_id, title_ja=coupon_id, **more), actor="test")

    async def give(self, *users: str, coupon_id: str = "tea") -> None:
        issue = await self.issues.to_people(coupon_id, users, actor="test")
        await self.issues.carry_out(issue.issue_id)
        await self.shop.refresh.run_once()

    async def turn_day(self, days: int = 1) -> int:
        """Let days pass, and expire what is due as the worker does; gives how many."""
        self.shop.pass_time(timedelta(days=days))
        await self.shop.refresh.run_once()
        done = 0
        while step := await self.expiry.work():
            done += step
        await self.shop.refresh.run_once()
        return done

    async def logged(self, event: str) -> int:
        return int(await self.shop.pool.fetchval("SELECT count(*) FROM event_log WHERE event = $1", event))

    async def numbers(self, coupon_id: str = "tea") -> Any:
        self.ledger._state = None  # a page may be five seconds behind; these tests are not
        return (await self.ledger.numbers([coupon_id]))[0][0]


@pytest.fixture
async def counter(pool: asyncpg.Pool, tmp_path: Path) -> Counter:
    return Counter(Shop(pool, tmp_path))


async def test_an_issue_is_an_event_of_the_log_and_shows_everywhere(counter: Counter) -> None:
    await counter.people(2)
    await counter.define(valid_days=7, valid_until=TODAY + timedelta(days=30))
    await counter.give("m0")
    row = await counter.shop.row("m0")
    assert (row["coupons_held"], row["next_coupon_expiry"]) == (1, TODAY + timedelta(days=7))
    assert (await counter.shop.row("m1"))["coupons_held"] == 0
    told = await counter.numbers()
    assert (told.issued, told.used, told.open, told.expired) == (1, 0, 1, 0)
    (pair,) = (await counter.ledger.pairs("tea")).pairs
    assert (pair.user_id, pair.state, pair.ends) == ("m0", CouponState.HELD, TODAY + timedelta(days=7))
    source = await counter.shop.pool.fetchval(
        "SELECT s.kind FROM event_log AS e JOIN sources AS s USING (source_id) WHERE e.event = 'Coupon Issued'"
    )
    assert source == "system"


async def test_a_later_definition_leaves_the_validity_of_an_issue_as_it_was(counter: Counter) -> None:
    await counter.people(1)
    await counter.define(valid_days=7)
    await counter.give("m0")
    await counter.book.save(CouponDraft(coupon_id="tea", title_ja="tea", valid_days=100), actor="test")
    await counter.shop.refresh.run_once()
    assert (await counter.shop.row("m0"))["next_coupon_expiry"] == TODAY + timedelta(days=7)
    await counter.book.save(CouponDraft(coupon_id="tea", title_ja="tea", valid_until=TODAY), actor="test")
    await counter.shop.refresh.run_once()
    assert (await counter.shop.row("m0"))["next_coupon_expiry"] == TODAY


async def test_a_file_in_any_encoding_names_the_people(counter: Counter, tmp_path: Path) -> None:
    await counter.people(3)
    await counter.define()
    named = "氏名,会員番号\n佐藤,m0\n鈴木,m2\n田中,nobody\n"
    for encoding in ("utf-8", "utf-8-sig", "cp932"):
        path = tmp_path / f"{encoding}.csv"
        path.write_bytes(named.encode(encoding))
        issue = await counter.issues.from_file("tea", path, actor="test")
        assert (issue.people, issue.unknown) == (2, 1)
    bare = tmp_path / "bare.csv"
    bare.write_text("m0\nm1\n")
    assert (await counter.issues.from_file("tea", bare, actor="test")).people == 2
    two = tmp_path / "two.csv"
    two.write_text("a,b\nm0,m1\n")
    with pytest.raises(BadInput, match="customer_id"):
        await counter.issues.from_file("tea", two, actor="test")


async def test_a_segment_gets_it_in_steps_and_each_member_once(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuing, "AT_ONCE", 3)
    await counter.people(10)
    await counter.define()
    issue = await counter.issues.to_segment("tea", 1, actor="test")
    assert (issue.people, issue.issued, issue.finished_at) == (10, 0, None)
    taken = []
    while step := await counter.issues.work():
        taken.append(step)
    assert taken == [3, 3, 3, 1]
    done = await counter.issues.get(issue.issue_id)
    assert done.issued == 10
    assert done.finished_at is not None
    await counter.shop.refresh.run_once()
    assert (await counter.numbers()).issued == await counter.logged("Coupon Issued") == 10


async def test_two_workers_and_a_step_that_fails_give_nobody_anything_twice(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuing, "AT_ONCE", 4)
    await counter.people(12)
    await counter.define()
    await counter.issues.to_segment("tea", 1, actor="test")
    append = issuing.events.append

    async def dies(*args: Any, **kwargs: Any) -> Any:
        await append(*args, **kwargs)
        raise ConnectionError("killed before the commit")

    monkeypatch.setattr(issuing.events, "append", dies)
    with pytest.raises(ConnectionError):
        await counter.issues.work()
    monkeypatch.setattr(issuing.events, "append", append)
    for _ in range(12):
        await asyncio.gather(counter.issues.work(), counter.issues.work())
    assert await counter.logged("Coupon Issued") == 12


async def test_two_who_turn_out_to_be_one_while_they_wait_are_given_and_counted_once(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuing, "AT_ONCE", 1)
    await counter.people(2)
    await counter.define()
    issue = await counter.issues.to_segment("tea", 1, actor="test")
    into = await counter.shop.pool.fetchval("SELECT customer_id FROM customers WHERE user_id = 'm0'")
    await counter.shop.pool.execute("UPDATE customers SET merged_into = $1 WHERE user_id = 'm1'", into)
    assert (await counter.issues.carry_out(issue.issue_id)).issued == await counter.logged("Coupon Issued") == 1


async def test_what_cannot_be_issued_says_so(counter: Counter) -> None:
    await counter.people(1)
    await counter.define("open", audience="public")
    await counter.define("over", valid_until=TODAY - timedelta(days=1))
    await counter.define("away")
    await counter.book.archive("away", actor="test")
    for coupon_id, code in [("open", "coupon_public"), ("over", "coupon_over"), ("away", "coupon_archived")]:
        with pytest.raises(Conflict) as refused:
            await counter.issues.to_people(coupon_id, ["m0"], actor="test")
        assert refused.value.code == code
    for nothing in ("none", "\x00"):
        with pytest.raises(NotFound):
            await counter.issues.to_people(nothing, ["m0"], actor="test")
    await counter.define()
    with pytest.raises(NotFound, match="Nobody"):
        await counter.issues.to_people("tea", ["stranger"], actor="test")
    assert await counter.issues.list("tea") == []


async def test_who_was_erased_while_he_waited_gets_nothing(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuing, "AT_ONCE", 1)  # so that one step finds nobody
    await counter.people(2)
    await counter.define()
    issue = await counter.issues.to_segment("tea", 1, actor="test")
    await counter.shop.pool.execute("UPDATE customers SET erased_at = now() WHERE user_id = 'm1'")
    assert (await counter.issues.carry_out(issue.issue_id)).issued == 1
    assert await counter.logged("Coupon Issued") == 1


async def test_a_coupon_expires_once_for_everybody_who_did_not_use_it(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiring, "AT_ONCE", 2)
    await counter.people(6)
    await counter.turn_day(0)
    await counter.define(valid_days=2)
    await counter.give(*(f"m{n}" for n in range(6)))
    await counter.shop.send("server", track("Coupon Redeemed", user="m0", coupon_id="tea", store_id="S1"))
    assert await counter.turn_day(2) == 0
    assert await counter.turn_day() == 5
    assert await counter.turn_day() == 0
    assert await counter.logged("Coupon Expired") == 5
    told = await counter.numbers()
    assert (told.issued, told.used, told.open, told.expired) == (6, 1, 0, 5)
    assert (await counter.shop.row("m1"))["coupons_held"] == 0
    moments = await counter.shop.pool.fetch("SELECT DISTINCT occurred_at FROM event_log WHERE event = 'Coupon Expired'")
    assert [row[0] for row in moments] == [datetime(2026, 4, 3, 15, tzinfo=UTC)], "the day after the last, in Tokyo"


async def test_a_worker_that_died_among_expiries_is_followed_by_one_that_repeats_nothing(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiring, "AT_ONCE", 2)
    await counter.people(5)
    await counter.turn_day(0)
    await counter.define(valid_days=1)
    await counter.give(*(f"m{n}" for n in range(5)))
    counter.shop.pass_time(timedelta(days=2))
    await counter.shop.refresh.run_once()
    assert await counter.expiry.work() == 2
    others = [CouponExpiry(counter.shop.pool, counter.shop.clock, counter.ledger) for _ in range(2)]
    for _ in range(12):  # one that finds the other at work comes back later
        await asyncio.gather(*(each.work() for each in others))
    assert await counter.logged("Coupon Expired") == 5


async def test_ends_of_an_imported_past_are_not_announced(counter: Counter) -> None:
    await counter.people(1)
    await counter.define(valid_days=1)
    await counter.give("m0")
    counter.shop.pass_time(timedelta(days=40))
    assert await counter.turn_day(0) == 0
    assert await counter.turn_day() == 0
    assert await counter.logged("Coupon Expired") == 0
    assert (await counter.numbers()).expired == 1


async def test_an_issue_that_ends_beyond_the_calendar_never_ends_and_holds_nobody_up(counter: Counter) -> None:
    await counter.people(2)
    ends = ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00"]
    told = [track("Coupon Issued", user=f"m{n}", coupon_id="tea", valid_until=end) for n, end in enumerate(ends)]
    await counter.shop.send("app", *told)
    await counter.shop.refresh.run_once()
    for user in ("m0", "m1"):
        row = await counter.shop.row(user)
        assert (row["coupons_held"], row["next_coupon_expiry"]) == (1, None)


async def test_a_test_account_is_left_out_of_numbers_and_told_of_its_end_all_the_same(counter: Counter) -> None:
    await counter.people(2)
    await counter.turn_day(0)
    await counter.define(valid_days=1)
    await counter.give("m0", "m1")
    await counter.shop.pool.execute("UPDATE customers SET test_account = true WHERE user_id = 'm1'")
    await counter.shop.send("server", identify(user="m1", test_account=True))
    assert await counter.turn_day(2) == 2
    assert (await counter.numbers()).expired == 1


async def test_nothing_expires_by_a_look_at_a_frame_of_yesterday(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The day turns while the ledger is read: what was read last must not speak for what was read first."""
    await counter.people(1)
    await counter.define(valid_days=1)
    await counter.give("m0")
    before = counter.shop.frame.read()
    counter.shop.pass_time(timedelta(days=2))
    await counter.shop.refresh.run_once()
    after, read = counter.shop.frame.read(), iter([before])
    monkeypatch.setattr(counter.ledger, "_frame", SimpleNamespace(read=lambda: next(read, after)))
    assert await counter.ledger.expiring(since=TODAY) is None
    due = await counter.ledger.expiring(since=TODAY)
    assert due is not None
    assert due.height == 1


async def test_numbers_say_as_of_when_they_are_though_a_newer_frame_is_there(counter: Counter) -> None:
    await counter.people(1)
    await counter.define()
    _, then = await counter.ledger.numbers(["tea"])
    counter.shop.pass_time(timedelta(minutes=1))
    await counter.give("m0")
    (told,), as_of = await counter.ledger.numbers(["tea"])
    assert (told.issued, as_of) == (0, then), "a page may be some seconds behind, and says so"


async def test_odd_uses_are_kept_and_flagged(counter: Counter) -> None:
    await counter.people(2)
    await counter.define(valid_days=1, stores=("S1",), uses_per_person=1)
    await counter.give("m0")
    counter.shop.pass_time(timedelta(days=3))
    use = [track("Coupon Redeemed", user=user, coupon_id="tea", store_id=store) for user, store in [("m0", "S1"), ("m0", "S2"), ("m1", "S1")]]  # fmt: skip
    await counter.shop.send("server", *use)
    await counter.shop.refresh.run_once()
    told = await counter.numbers()
    assert (told.issued, told.used, told.uses, told.not_issued) == (1, 1, 3, 1)
    assert told.flagged == {Flag.OVER_LIMIT: 1, Flag.LATE: 1, Flag.WRONG_STORE: 1, Flag.NOT_ISSUED: 1}
    late = await counter.ledger.pairs("tea", flag="late")
    assert [pair.user_id for pair in late.pairs] == ["m0"]
    with pytest.raises(BadInput):
        await counter.ledger.pairs("tea", state="lost")


async def test_a_changed_definition_moves_only_those_who_have_to_do_with_it(counter: Counter) -> None:
    await counter.people(3)
    await counter.define()
    await counter.define("other")
    await counter.give("m0")
    await counter.book.save(CouponDraft(coupon_id="tea", title_ja="tea", valid_until=TODAY), actor="test")
    await counter.book.save(CouponDraft(coupon_id="other", title_ja="tea", valid_until=TODAY), actor="test")
    assert (await counter.shop.refresh.run_once()).customers == 1


async def test_the_book_refuses_what_cannot_be_and_writes_down_who_did_what(counter: Counter) -> None:
    pool = counter.shop.pool
    await pool.execute("INSERT INTO stores (store_id, name) VALUES ('S1', '{}')")
    for field, wrong in [
        ("title_ja", CouponDraft(coupon_id="x", title_ja="")),
        ("coupon_id", CouponDraft(coupon_id=" x", title_ja="x")),
        ("valid_until", CouponDraft(coupon_id="x", title_ja="x", valid_from=TODAY, valid_until=date(2026, 1, 1))),
        ("valid_days", CouponDraft(coupon_id="x", title_ja="x", valid_days=0)),
        ("valid_days", CouponDraft(coupon_id="x", title_ja="x", valid_days=3, audience="public")),
        ("uses_per_person", CouponDraft(coupon_id="x", title_ja="x", uses_per_person=0)),
        ("stores", CouponDraft(coupon_id="x", title_ja="x", stores=("S1", "S9"))),
        ("audience", CouponDraft(coupon_id="x", title_ja="x", audience="friends")),
    ]:
        with pytest.raises(BadInput) as refused:
            await counter.book.create(wrong, actor="test")
        assert refused.value.field == field
    await counter.define(stores=("S1",))
    with pytest.raises(Conflict):
        await counter.define()
    await counter.book.save(CouponDraft(coupon_id="tea", title_ja="Tea!"), actor="mika")
    await counter.book.archive("tea", actor="mika")
    with pytest.raises(Conflict):
        await counter.book.save(CouponDraft(coupon_id="tea", title_ja="tea"), actor="mika")
    await counter.book.restore("tea", actor="mika")
    rows = await pool.fetch("SELECT actor, action, detail FROM audit_log WHERE object = 'coupon tea' ORDER BY audit_id")
    assert [(row["actor"], row["action"]) for row in rows] == [
        ("test", "coupon.create"),
        ("mika", "coupon.save"),
        ("mika", "coupon.archive"),
        ("mika", "coupon.restore"),
    ]
    assert rows[1]["detail"] == {
        "title_ja": {"from": "tea", "to": "Tea!"},
        "stores": {"from": ["S1"], "to": []},
    }


async def test_pairs_are_put_in_order_beside_the_event_loop(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """A coupon can have millions of pairs; other requests wait for what is sorted on the loop's own thread."""
    await counter.people(3)
    await counter.define()
    await counter.give("m0", "m1", "m2")
    collect, sort, threads = pl.LazyFrame.collect, pl.DataFrame.sort, set[threading.Thread]()

    def watched(work: Any) -> Any:
        def watching(*given: Any, **named: Any) -> Any:
            threads.add(threading.current_thread())
            return work(*given, **named)

        return watching

    monkeypatch.setattr(pl.LazyFrame, "collect", watched(collect))
    monkeypatch.setattr(pl.DataFrame, "sort", watched(sort))
    page = await counter.ledger.pairs("tea", page=2, size=2)
    assert (len(page.pairs), page.total) == (1, 3)
    assert threads
    assert threading.main_thread() not in threads
