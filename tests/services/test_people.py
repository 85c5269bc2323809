"""People are found by what one remembers of them, listed newest first, and shown whole."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from backend.clock import FixedClock
from backend.errors import BadInput, NotFound
from backend.services.people import People
from backend.store import queries
from campaigns.person import Consent
from segments.coupons import CouponState
from tests.segments.rules.people import ago, person
from tests.services.frames import AS_OF, HeldFrame

SEEN = [0, 3, 1, None, 2]
ROWS = [
    person(rank="gold" if number % 2 else "silver", orders=number, last_seen=None if age is None else ago(age))
    | {"customer_id": number, "test_account": number == 5}
    for number, age in enumerate(SEEN, start=1)
]


@pytest.fixture
async def people(pool: asyncpg.Pool) -> People:
    for number, (family, given) in enumerate([("佐藤", "花子"), ("佐藤", "健"), ("Smith", "Ann"), ("鈴木", "一郎")], 1):
        await add(pool, number, f"M-{number}", family_name=family, given_name=given, email=f"{given}@Example.com")
    await add(pool, 5, None)
    return People(pool, FixedClock(AS_OF), HeldFrame(ROWS))


async def add(pool: asyncpg.Pool, number: int, user_id: str | None, **traits: Any) -> None:
    await pool.execute(
        "INSERT INTO customers (customer_id, user_id, created_at, born_source_id, traits) OVERRIDING SYSTEM VALUE "
        "VALUES ($1, $2, $3, 1, $4)",
        number,
        user_id,
        AS_OF,
        traits,
    )
    if user_id:
        await pool.execute("INSERT INTO identities VALUES ('user', $1, $2, true, $3)", user_id, number, AS_OF)


async def happen(pool: asyncpg.Pool, number: int, minute: int, event: str | None, **properties: Any) -> int:
    at = AS_OF - timedelta(days=1) + timedelta(minutes=minute)
    payload = {"properties": properties} if event else {"traits": properties}
    seq = await pool.fetchval(
        "INSERT INTO event_log (received_day, received_at, source_id, trusted, message_id, type, event, occurred_at, "
        "time_rule, payload) VALUES ($1, $2, 1, true, 'm', $3, $4, $2, 'as_sent', $5) RETURNING seq",
        at.date(),
        at,
        "track" if event else "identify",
        event,
        payload,
    )
    await pool.execute("INSERT INTO customer_timeline VALUES ($1, $2, $3, $4)", number, at, seq, at.date())
    return int(seq)


async def deliver(pool: asyncpg.Pool, number: int, minute: int, state: str, reason: str | None = None) -> None:
    at = AS_OF - timedelta(days=1) + timedelta(minutes=minute)
    await pool.execute(
        "WITH s AS (INSERT INTO segments (name, created_at) VALUES ('s', now()) ON CONFLICT (name) DO UPDATE "
        "SET name = 's' RETURNING segment_id), c AS (INSERT INTO campaigns (name, state, segment_id, content, salt, "
        "conversion_event, conversion_days, created_at, created_by, changed_at) SELECT '便り' || $2::int, 'sent', "
        "segment_id, '{}', '', 'x', 7, now(), 'aya', now() FROM s RETURNING campaign_id), d AS (INSERT INTO devices "
        "(address, address_kind, customer_id, source_id, state, first_seen, last_seen) VALUES ($2::int::text, 'token', "
        "$1, 1, 'live', now(), now()) RETURNING device_id) INSERT INTO deliveries (campaign_id, customer_id, device_id, "
        "state, reason, expires_at, changed_at) SELECT campaign_id, $1, device_id, $3, $4, now(), $5 "
        "FROM c, d",
        number,
        minute,
        state,
        reason,
        at,
    )


async def listed(people: People, **asked: Any) -> list[int]:
    return [line.customer_id for line in (await people.list(**asked)).people]


async def test_the_latest_seen_come_first(people: People) -> None:
    page = await people.list()
    assert [line.customer_id for line in page.people] == [1, 3, 5, 2, 4]
    assert (page.total, page.pages, page.cut, page.as_of) == (5, 1, False, AS_OF)
    first, third = page.people[0], page.people[2]
    assert (first.user_id, first.name, first.email, first.rank) == ("M-1", "佐藤 花子", "花子@Example.com", "gold")
    assert (third.user_id, third.name, third.test_account) == (None, None, True)


async def test_pages_follow_each_other(people: People) -> None:
    assert [await listed(people, page=number, size=2) for number in (1, 2, 3, 4)] == [[1, 3], [5, 2], [4], []]
    assert (await people.list(size=2)).pages == 3
    for bad in ({"page": 0}, {"size": 0}, {"size": 201}):
        with pytest.raises(BadInput):
            await people.list(**bad)


@pytest.mark.parametrize("order", ["last_seen", "orders", "rank"])
@pytest.mark.parametrize("descending", [True, False])
async def test_any_order_is_the_same_on_every_page(people: People, order: str, descending: bool) -> None:
    rows = sorted(ROWS, key=lambda row: row["customer_id"], reverse=True)
    rows.sort(key=lambda row: row[order] or ROWS[0][order], reverse=descending)
    rows.sort(key=lambda row: row[order] is None)
    paged = [await listed(people, order=order, descending=descending, page=page, size=2) for page in (1, 2, 3)]
    assert [number for page in paged for number in page] == [row["customer_id"] for row in rows]


async def test_an_order_that_does_not_exist_is_refused(people: People) -> None:
    with pytest.raises(BadInput, match="ordered by"):
        await people.list(order="email")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("佐藤", [1, 2]),
        ("佐藤　花", [1]),
        ("佐藤花子", [1]),
        ("smith a", [3]),
        ("m-4", [4]),
        ("ANN@ex", [3]),
        (" M-", [1, 3, 2, 4]),
        ("%", []),
        ("M_", []),
        ("花子佐藤", []),
    ],
)
async def test_search_goes_by_the_beginning(people: People, query: str, found: list[int]) -> None:
    assert await listed(people, query=query) == found


async def test_search_and_filters_narrow_together(people: People, pool: asyncpg.Pool) -> None:
    assert await listed(people, rank="gold") == [1, 3, 5]
    assert await listed(people, query="佐藤", rank="silver") == [2]
    await pool.execute("INSERT INTO segments (name, created_at) VALUES ('多い', now())")
    await pool.execute(
        "INSERT INTO segment_versions VALUES (1, 1, $1, now(), 'aya')", {"attribute": "orders", "op": ">=", "value": 3}
    )
    assert await listed(people, segment_id=1) == [3, 4]
    assert await listed(people, segment_id=1, rank="gold") == [3]
    with pytest.raises(NotFound):
        await people.list(segment_id=99)


async def test_someone_who_just_joined_is_found_before_the_frame_knows_him(people: People, pool: asyncpg.Pool) -> None:
    await add(pool, 6, "M-6")
    await add(pool, 7, "M-7")
    page = await people.list(query="m-")
    assert [line.customer_id for line in page.people] == [1, 3, 2, 4, 6, 7]
    assert page.total == 6
    assert (page.people[5].orders, page.people[5].last_seen) == (None, None)
    assert await listed(people, query="m-", page=2, size=3) == [4, 6, 7]
    assert await listed(people, query="m-", page=3, size=2) == [6, 7]
    assert await listed(people, query="m-", rank="gold") == [1, 3]


async def test_merged_accounts_are_not_listed(people: People, pool: asyncpg.Pool) -> None:
    await pool.execute("UPDATE customers SET merged_into = 1 WHERE customer_id = 2")
    assert await listed(people, query="佐藤") == [1]


async def test_ranks_and_member_numbers_are_known(people: People) -> None:
    assert await people.ranks() == ["gold", "silver"]
    assert await people.find("M-3") == 3
    with pytest.raises(NotFound):
        await people.find("M-99")


async def test_search_reads_indexes_only(people: People, pool: asyncpg.Pool) -> None:
    await pool.execute(
        "INSERT INTO customers (customer_id, user_id, created_at, born_source_id, traits) OVERRIDING SYSTEM VALUE "
        "SELECT n, 'N-' || n, now(), 1, jsonb_build_object('email', n || '@example.com', 'name', '田中' || n) "
        "FROM generate_series(10, 5000) AS n"
    )
    await pool.execute("ANALYZE customers")
    sql = queries.load("people")["search_customers"]
    plan = "\n".join(row[0] for row in await pool.fetch(f"EXPLAIN {sql}", "n-12%", "n-12%", 1000))
    assert "Seq Scan" not in plan
    for index in ("customers_user_id_begins", "customers_name_begins", "customers_email_begins"):
        assert index in plan


async def test_the_timeline_joins_events_and_messages_newest_first(people: People, pool: asyncpg.Pool) -> None:
    seq = await happen(pool, 1, 10, "Coupon Viewed", coupon_id="c1", extra=[1, 2], nested={"a": 1})
    await deliver(pool, 1, 20, "left_out", "frequency_cap")
    campaign = await pool.fetchval("SELECT campaign_id FROM campaigns")
    await pool.execute(
        """INSERT INTO coupons (coupon_id, title) VALUES ('c1', '{"ja": "100円引き", "en": "100 yen off"}')"""
    )
    await happen(pool, 1, 25, "Push Notification Tapped", campaign_id=campaign, delivery_id=5)
    await happen(pool, 1, 26, "Push Notification Tapped", campaign_id="99999999999")
    await happen(pool, 1, 30, None, family_name="佐藤")
    await happen(pool, 1, 40, "Spun The Wheel", won=True)
    await happen(pool, 2, 50, "Application Opened")
    timeline = await people.timeline(1)
    assert timeline.next is None
    assert [(one.kind, one.name, one.ja, one.en) for one in timeline.entries] == [
        ("event", "Spun The Wheel", "Spun The Wheel", "Spun The Wheel"),
        ("event", "identify", "プロフィールの更新", "Profile updated"),
        ("event", "Push Notification Tapped", "通知の開封", "Push tapped"),
        ("event", "Push Notification Tapped", "通知の開封", "Push tapped"),
        ("delivery", "left_out", "便り20", "便り20"),
        ("event", "Coupon Viewed", "クーポンの閲覧", "Coupon viewed"),
    ]
    viewed, message, tapped = timeline.entries[5], timeline.entries[4], timeline.entries[2:4]
    assert (viewed.number, viewed.source, viewed.trusted) == (seq, "joren", True)
    assert [(p.name, p.ja, p.value) for p in viewed.properties] == [
        ("coupon_id", "クーポンID", "c1"),
        ("extra", "extra", "[2]"),
    ]
    assert viewed.properties[0].called == {"ja": "100円引き", "en": "100 yen off"}
    assert [each.properties[0].called for each in tapped] == [None, {"ja": "便り20", "en": "便り20"}]
    assert (message.reason, message.campaign_id is not None) == ("frequency_cap", True)


async def test_the_pages_of_the_timeline_hold_everything_once(people: People, pool: asyncpg.Pool) -> None:
    for minute in (1, 1, 1, 2, 3, 3):
        await happen(pool, 1, minute, "Application Opened")
    await deliver(pool, 1, 1, "accepted")
    await deliver(pool, 1, 3, "accepted")
    await deliver(pool, 1, 4, "accepted")
    await pool.execute(
        "INSERT INTO campaign_people (campaign_id, customer_id, arm, left_out, state, planned_at, not_before, expires_at, changed_at) "
        "SELECT n, 1, CASE WHEN n = 3 THEN 'control' WHEN n = 2 THEN 'treated' END, CASE WHEN n = 1 THEN 'consent' END, "
        "CASE WHEN n = 2 THEN 'planned' END, $1, $1, $1, $1 FROM generate_series(1, 3) AS n",
        AS_OF - timedelta(days=1) + timedelta(minutes=1),
    )
    await pool.execute(
        "INSERT INTO campaign_people (campaign_id, customer_id, occurrence, left_out, planned_at, not_before, expires_at, changed_at)"
        " SELECT campaign_id, customer_id, 2, left_out, planned_at, not_before, expires_at, changed_at FROM campaign_people WHERE campaign_id = 1"
    )
    await pool.execute("UPDATE deliveries SET changed_at = changed_at - interval '1 minute' WHERE campaign_id = 3")
    whole = (await people.timeline(1)).entries
    assert len(whole) == 12
    told = [(one.name, one.reason) for one in whole if one.kind == "delivery"]
    assert sorted(told, key=str) == [("accepted", None)] * 3 + [("left_out", "consent")] * 2 + [("planned", None)]
    for size in (1, 2, 4):
        pages, before = [], None
        while True:
            page = await people.timeline(1, before=before, size=size)
            pages += page.entries
            if (before := page.next) is None:
                break
        assert tuple(pages) == whole


async def test_the_history_of_a_merged_account_is_the_survivors(people: People, pool: asyncpg.Pool) -> None:
    await pool.execute("UPDATE customers SET merged_into = 2 WHERE customer_id = 4")
    await pool.execute("UPDATE customers SET merged_into = 1 WHERE customer_id = 2")
    await happen(pool, 4, 1, "Application Opened")
    await happen(pool, 1, 2, "Application Opened")
    assert len((await people.timeline(4)).entries) == 2
    detail = await people.detail(4)
    assert detail.customer_id == 1
    assert [one.value for one in detail.identities] == ["M-1", "M-2", "M-4"]


@pytest.mark.parametrize("before", ["", "x", "1_2", "1_2_x", "1_-2_3", f"{10**30}_1_1", f"1_{2**63}_1"])
async def test_a_place_that_no_page_gave_is_refused(people: People, before: str) -> None:
    with pytest.raises(BadInput):
        await people.timeline(1, before=before)


async def test_the_page_of_a_person_shows_everything(people: People, pool: asyncpg.Pool) -> None:
    await pool.execute(
        "INSERT INTO devices (address, address_kind, customer_id, source_id, platform, state, first_seen, last_seen) "
        "VALUES ('a', 'token', 1, 1, 'ios', 'retired', $1, $1), ('b', 'token', 1, 1, 'android', 'live', $1, $1)",
        AS_OF,
    )
    await pool.execute("INSERT INTO consents VALUES (1, 'marketing', 'push', true, 1, $1)", AS_OF)
    await pool.execute("INSERT INTO segments (name, created_at) VALUES ('金', now()), ('銀', now())")
    for number, rank in ((1, "gold"), (2, "silver")):
        await pool.execute(
            "INSERT INTO segment_versions VALUES ($1, 1, $2, now(), 'aya')",
            number,
            {"attribute": "rank", "op": "is", "value": rank},
        )
    detail = await people.detail(1)
    assert (detail.name, detail.user_id, detail.traits["given_name"]) == ("佐藤 花子", "M-1", "花子")
    assert [(device.platform, device.state) for device in detail.devices] == [("android", "live"), ("ios", "retired")]
    assert detail.consents == (
        Consent(purpose="marketing", channel="push", granted=True, changed_at=AS_OF, source="joren"),
    )
    assert {one.name: one.member for one in detail.segments} == {"金": True, "銀": False}
    assert detail.segments[0].ja.found == "「gold」"
    assert detail.facts is not None
    assert (detail.facts["rank"], detail.facts["last_seen"]) == ("gold", ago(0))


async def test_a_test_account_is_in_no_segment(people: People, pool: asyncpg.Pool) -> None:
    await pool.execute("INSERT INTO segments (name, created_at) VALUES ('全員', now())")
    await pool.execute("INSERT INTO segment_versions VALUES (1, 1, $1, now(), 'aya')", {"all": []})
    assert [one.member for one in (await people.detail(5)).segments] == [False]


async def test_segments_that_ask_for_each_other_are_told_by_name(people: People, pool: asyncpg.Pool) -> None:
    await pool.execute("INSERT INTO segments (name, created_at) VALUES ('多い', now()), ('多くない', now())")
    often, seldom = {"attribute": "orders", "op": ">=", "value": 3}, {"not": {"segment": 1}}
    for number, rule in ((1, often), (2, seldom)):
        await pool.execute("INSERT INTO segment_versions VALUES ($1, 1, $2, now(), 'aya')", number, rule)
    found = {one.name: one for one in (await people.detail(3)).segments}
    assert {name: one.member for name, one in found.items()} == {"多い": True, "多くない": False}
    assert found["多くない"].ja.parts[0].sentence == "セグメント「多い」に属する"


async def test_a_person_the_frame_does_not_know_is_shown_without_facts(people: People, pool: asyncpg.Pool) -> None:
    await add(pool, 6, "M-6")
    detail = await people.detail(6)
    assert (detail.facts, detail.segments, detail.user_id) == (None, (), "M-6")
    for asked in (people.detail(99), people.timeline(99)):
        with pytest.raises(NotFound):
            await asked


async def test_coupons_are_told_by_what_became_of_them(people: People, pool: asyncpg.Pool) -> None:
    today = date(2026, 6, 30)
    await pool.executemany(
        "INSERT INTO coupons (coupon_id, title, valid_until, audience) VALUES ($1, $2, $3, $4)",
        [
            ("held", {"ja": "珈琲一杯"}, today, "issued"),
            ("late", {"ja": "夏"}, today - timedelta(days=1), "issued"),
            ("public", {"ja": "皆様"}, None, "public"),
        ],
    )
    for minute, (event, coupon) in enumerate(
        [
            ("Issued", "held"),
            ("Issued", "late"),
            ("Viewed", "public"),
            ("Viewed", "unissued"),
            ("Issued", "used"),
            ("Presented", "used"),
            ("Redeemed", "used"),
            ("Issued", "ended"),
            ("Expired", "ended"),
        ]
    ):
        await happen(pool, 1, minute, f"Coupon {event}", coupon_id=coupon)
    coupons = (await people.detail(1)).coupons
    assert [(coupon.coupon_id, coupon.state) for coupon in coupons] == [
        ("public", CouponState.HELD),
        ("held", CouponState.HELD),
        ("ended", CouponState.EXPIRED),
        ("used", CouponState.USED),
        ("late", CouponState.EXPIRED),
    ]
    assert coupons[1].title == {"ja": "珈琲一杯"}
    used = coupons[3]
    assert used.issued_at is not None
    assert used.presented_at is not None
    assert used.redeemed_at == datetime(2026, 6, 29, 3, 6, tzinfo=UTC)
