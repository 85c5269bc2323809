"""Disclosure and erasure from the pages: for administrators only, and only after the number was typed."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from tests.admin_ui.conftest import Browser, add

NUMBER = 7


@pytest.fixture
async def member(full: SimpleNamespace) -> str:
    """The member number of customer 7."""
    number = await full.pool.fetchval("SELECT user_id FROM customers WHERE customer_id = $1", NUMBER)
    assert isinstance(number, str)
    return number


async def test_nobody_is_erased_unless_the_number_is_typed(administrator: Browser, member: str) -> None:
    page = await administrator.get(f"/members/{NUMBER}/privacy")
    assert f"消去するには {member} と入力してください" in page.text
    refused = await administrator.post(f"/members/{NUMBER}/erase", {"typed": "someone else"})
    assert (refused.status_code, "会員番号が一致しません" in refused.text) == (422, True)
    assert "消去の記録はありません" in (await administrator.get("/settings/privacy")).text


async def test_an_erasure_is_asked_for_carried_out_and_kept_without_a_name(
    administrator: Browser, full: SimpleNamespace, member: str
) -> None:
    begun = await administrator.post(f"/members/{NUMBER}/erase", {"typed": member, "reason": "受付番号4711"})
    assert begun.headers["location"].startswith("/settings/privacy")
    assert "処理中" in (await administrator.get("/settings/privacy")).text
    full.clock.advance(timedelta(seconds=61))
    assert await full.rights.work() == 1
    page = (await administrator.get("/settings/privacy")).text
    assert ("消去済み" in page, "受付番号4711" in page, member in page) == (True, True, False)
    assert member not in (await administrator.get(f"/members?q={member}")).text.replace(f'value="{member}"', "")


async def test_a_disclosure_is_a_file_with_the_member_in_it(administrator: Browser, member: str) -> None:
    answer = await administrator.get(f"/members/{NUMBER}/disclosure.json")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["person"]["user_id"] == member


@pytest.mark.parametrize(
    "path", ["/settings/privacy", f"/members/{NUMBER}/privacy", f"/members/{NUMBER}/disclosure.json"]
)
async def test_only_administrators_see_it(browser: Browser, full: SimpleNamespace, path: str) -> None:
    await browser.sign_in(await add(full, "marketer"))
    assert (await browser.get(path)).status_code == 403
    assert (await browser.post(f"/members/{NUMBER}/erase", {"typed": "x"})).status_code == 403
