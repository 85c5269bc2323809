"""Coupons on their pages: defined, looked at, given out, put away."""

from types import SimpleNamespace

import httpx
import pytest

from segments.coupon_book import CouponDraft
from tests.admin_ui.conftest import ADDRESS, Browser, add

TEA = {
    "coupon_id": "tea-100",
    "title_ja": "お茶 100円引き",
    "title_en": "¥100 off tea",
    "audience": "issued",
    "valid_days": "30",
}


@pytest.fixture
async def book(full: SimpleNamespace) -> SimpleNamespace:
    """A shop with members and one coupon."""
    draft = CouponDraft(coupon_id="tea-100", title_ja="お茶 100円引き", title_en="¥100 off tea", uses_per_person=1)
    await full.coupon_book.create(draft, actor="test")
    return full


async def test_without_coupons_the_page_says_what_they_are_for(administrator: Browser) -> None:
    text = (await administrator.get("/coupons")).text
    assert "クーポンはまだありません" in text
    assert 'href="/coupons/new"' in text


async def test_a_coupon_is_defined_changed_and_put_away(administrator: Browser, services: SimpleNamespace) -> None:
    made = await administrator.post("/coupons", TEA)
    assert (made.status_code, made.headers["location"]) == (303, "/coupons/tea-100?notice=created")
    stored = (await services.coupon_book.get("tea-100")).draft
    assert (stored.title_en, stored.valid_days, stored.uses_per_person) == ("¥100 off tea", 30, None)
    edited = (await administrator.get("/coupons/tea-100/edit")).text
    assert 'value="30"' in edited
    await administrator.post("/coupons/tea-100", {**TEA, "uses_per_person": "2", "stores": ""})
    assert (await services.coupon_book.get("tea-100")).draft.uses_per_person == 2
    await administrator.post("/coupons/tea-100/archive")
    assert "アーカイブ済み" in (await administrator.get("/coupons/tea-100")).text
    await administrator.post("/coupons/tea-100/restore")
    assert (await services.coupon_book.get("tea-100")).archived_at is None


async def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(administrator: Browser) -> None:
    wrong = {**TEA, "title_ja": "", "valid_days": "many", "valid_from": "2026-05-02", "valid_until": "2026-05-01"}
    answer = await administrator.post("/coupons", wrong)
    assert answer.status_code == 422
    for field in ("title_ja", "valid_days", "valid_until"):
        assert f'id="error-{field}"' in answer.text
    assert 'value="many"' in answer.text


async def test_a_taken_id_is_said_at_the_field(administrator: Browser, book: SimpleNamespace) -> None:
    answer = await administrator.post("/coupons", TEA)
    assert (answer.status_code, 'id="error-coupon_id"' in answer.text) == (422, True)


async def test_it_is_given_to_named_members_a_segment_and_a_file(administrator: Browser, book: SimpleNamespace) -> None:
    await administrator.get("/coupons/tea-100")
    named = await administrator.post("/coupons/tea-100/issues", {"to": "people", "user_ids": "M000001、M000002, M9"})
    assert named.headers["location"] == "/coupons/tea-100?notice=issuing"
    sent = {"csrf": administrator.csrf, "to": "file"}
    file = {"file": ("会員.csv", "会員番号\nM000003\n".encode("cp932"), "text/csv")}
    answer = await administrator.client.post(
        "/coupons/tea-100/issues", data=sent, files=file, headers={"Origin": ADDRESS}
    )
    assert answer.status_code == 303
    people, file_issue = sorted(await book.coupon_issues.list("tea-100"), key=lambda each: each.issue_id)
    assert (people.people, people.unknown, file_issue.people, file_issue.target["name"]) == (2, 1, 1, "会員.csv")
    text = (await administrator.get("/coupons/tea-100")).text
    assert "会員.csv" in text
    assert "発行中" in text


@pytest.mark.parametrize(
    "fields", [{"to": "people", "user_ids": ""}, {"to": "segment", "segment_id": ""}, {"to": "file"}]
)
async def test_nobody_named_is_said_on_the_form(
    administrator: Browser, book: SimpleNamespace, fields: dict[str, str]
) -> None:
    answer = await administrator.post("/coupons/tea-100/issues", fields)
    assert answer.status_code == 422
    assert await book.coupon_issues.list("tea-100") == []


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("members.pdf", b"%PDF", "取り込めるのは .csv"),
        ("members.csv", b"", "ファイルが空です"),
        ("members.csv", b"colour,size\nred,1\n", "会員番号"),
    ],
)
async def test_a_file_that_cannot_be_read_is_told_in_japanese(
    administrator: Browser, book: SimpleNamespace, name: str, content: bytes, why: str
) -> None:
    await administrator.get("/coupons/tea-100")
    answer = await administrator.client.post(
        "/coupons/tea-100/issues",
        data={"csrf": administrator.csrf, "to": "file"},
        files={"file": (name, content, "application/octet-stream")},
        headers={"Origin": ADDRESS},
    )
    assert answer.status_code == 422
    told = answer.text.partition('role="alert">')[2].partition("</p>")[0]
    assert why in told


async def test_a_viewer_looks_and_changes_nothing(browser: Browser, book: SimpleNamespace) -> None:
    await browser.sign_in(await add(book, "viewer"))
    text = (await browser.get("/coupons/tea-100")).text
    assert "お茶 100円引き" in text
    assert "/coupons/tea-100/issues" not in text
    assert (await browser.post("/coupons", TEA)).status_code == httpx.codes.FORBIDDEN
