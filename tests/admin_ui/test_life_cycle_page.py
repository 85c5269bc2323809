"""Life-cycle thresholds on their page: looked at by everybody, set by administrators, kept by version."""

from types import SimpleNamespace

import pytest

from tests.admin_ui.conftest import Browser, add

PATH = "/settings/life-cycle"
DAYS = {"do": "set", "t1": "45", "t2": "９０", "t3": "180"}


async def test_thresholds_are_set_and_given_back_to_history(administrator: Browser, full: SimpleNamespace) -> None:
    empty = (await administrator.get(PATH)).text
    assert ("まだ版がありません" in empty, "暫定" in empty, "240日超" in empty) == (True, True, True)
    assert (await administrator.post(PATH, DAYS)).headers["location"] == f"{PATH}?notice=saved"
    (held,) = await full.life_cycle.versions()
    assert ((held.thresholds.t1, held.thresholds.t2, held.thresholds.t3), held.derived) == ((45, 90, 180), False)
    text = (await administrator.get(PATH)).text
    assert ("46〜90日" in text, "administrator@joren.example" in text, 'value="45"' in text) == (True, True, True)
    assert (await administrator.post(PATH, {"do": "follow"})).status_code == 303
    assert [each.derived for each in await full.life_cycle.versions()] == [False, True]
    audit = await full.pool.fetch(
        "SELECT actor, action FROM audit_log WHERE action LIKE 'life_cycle.%' ORDER BY audit_id"
    )
    assert [tuple(row) for row in audit] == [
        ("administrator@joren.example", "life_cycle.set"),
        ("administrator@joren.example", "life_cycle.follow"),
    ]


@pytest.mark.parametrize("wrong", [{"t1": "90"}, {"t3": "much"}, {"t3": "4000"}, {"t1": ""}])
async def test_what_cannot_be_stands_at_the_fields(
    administrator: Browser, full: SimpleNamespace, wrong: dict[str, str]
) -> None:
    answer = await administrator.post(PATH, DAYS | wrong)
    assert (answer.status_code, 'id="error-t1"' in answer.text) == (422, True)
    assert all(f'value="{value}"' in answer.text for value in wrong.values())
    assert await full.life_cycle.versions() == ()


async def test_only_administrators_with_the_forms_own_token_change_them(
    browser: Browser, full: SimpleNamespace
) -> None:
    await browser.sign_in(await add(full, "marketer"))
    assert "disabled" in (await browser.get(PATH)).text
    assert (await browser.post(PATH, DAYS)).status_code == 403
    await browser.post("/sign-out")
    await browser.sign_in(await add(full, "administrator"))
    assert (await browser.post(PATH, DAYS | {"csrf": "another"})).status_code == 403
    assert await full.life_cycle.versions() == ()
