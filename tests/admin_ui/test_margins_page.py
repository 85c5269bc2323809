"""Margin rates on their page: looked at by everybody, added by administrators, kept by version."""

from datetime import date
from types import SimpleNamespace

import pytest

from tests.admin_ui.conftest import Browser, add

PATH = "/settings/margins"
TYPED = {"default": "３０", "categories": "お茶 62.5\r\n\r\nコーヒー 豆\t40%\r\n", "valid_from": "2026-01-05"}


async def test_rates_are_stated_and_stand_in_the_form_again(administrator: Browser, full: SimpleNamespace) -> None:
    assert "粗利率がまだありません" in (await administrator.get(PATH)).text
    assert (await administrator.post(PATH, TYPED)).headers["location"] == f"{PATH}?notice=saved"
    (held,) = await full.margins.versions()
    assert (held.rates.default, dict(held.rates.categories)) == (3000, {"お茶": 6250, "コーヒー 豆": 4000})
    assert (held.rates.valid_from, held.saved_by) == (date(2026, 1, 5), "administrator@joren.example")
    text = (await administrator.get(PATH)).text
    assert ("お茶 62.5\nコーヒー 豆 40" in text, 'value="30"' in text, "有効</span>" in text) == (True, True, True)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"default": "101"}, "default"),
        ({"default": "1.234"}, "default"),
        ({"categories": "tea 5\nmilk"}, "categories"),
        ({"categories": "tea 5\ntea 6"}, "categories"),
        ({"categories": "x" * 201 + " 5"}, "categories"),
        ({"valid_from": "soon"}, "valid_from"),
        ({"valid_from": "1980-01-01"}, "valid_from"),
    ],
)
async def test_what_cannot_be_stands_at_its_field(
    administrator: Browser, full: SimpleNamespace, wrong: dict[str, str], field: str
) -> None:
    answer = await administrator.post(PATH, TYPED | wrong)
    assert (answer.status_code, answer.text.count('id="error-'), f'id="error-{field}"' in answer.text) == (422, 1, True)
    assert wrong[field] in answer.text
    assert await full.margins.versions() == ()


async def test_only_administrators_with_the_forms_own_token_state_them(browser: Browser, full: SimpleNamespace) -> None:
    await browser.sign_in(await add(full, "marketer"))
    assert "disabled" in (await browser.get(PATH)).text
    assert (await browser.post(PATH, TYPED)).status_code == 403
    await browser.post("/sign-out")
    await browser.sign_in(await add(full, "administrator"))
    assert (await browser.post(PATH, TYPED | {"csrf": "another"})).status_code == 403
    assert await full.margins.versions() == ()
