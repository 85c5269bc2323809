"""Pages of sources and API keys: shown once, rotated, limited, refused; only administrators touch them."""

import re
from types import SimpleNamespace

import pytest

from tests.admin_ui.conftest import Browser, add

NEW_KEY = re.compile(r'id="(?:write-key|new-key)">(\w+)<')


async def make(browser: Browser, kind: str = "server") -> tuple[int, str]:
    """A source: its number and its key."""
    made = await browser.post("/data/sources", {"name": f"店 {kind}", "kind": kind})
    place, key = re.search(r'action="/data/sources/(\d+)/rotate"', made.text), NEW_KEY.search(made.text)
    assert place
    assert key
    return int(place[1]), key[1]


async def test_a_secret_key_is_shown_once_and_a_public_one_always(administrator: Browser) -> None:
    for kind, again in (("server", False), ("app", True)):
        number, key = await make(administrator, kind)
        sheet = (await administrator.get(f"/data/sources/{number}")).text
        assert (key in sheet, f"…{key[-4:]}" in sheet) == (again, not again)
        assert ("Swift" in sheet) == again


async def test_a_key_is_rotated_with_an_overlap_and_refused_alone(
    administrator: Browser, services: SimpleNamespace
) -> None:
    number, first = await make(administrator)
    rotated = await administrator.post(f"/data/sources/{number}/rotate", {"overlap": "30"})
    found = NEW_KEY.search(rotated.text)
    assert found
    assert found[1] != first
    assert "終了予定" in rotated.text
    new, old = (await services.source_keys.sheet(number)).keys
    answer = await administrator.post(f"/data/sources/{number}/keys/{old.key_id}/revoke")
    assert answer.headers["location"] == f"/data/sources/{number}?notice=revoked"
    assert [await services.sources.identify(key) is not None for key in (first, found[1])] == [False, True]
    assert new.created_by == "administrator@joren.example"
    assert await services.pool.fetchval("SELECT count(*) FROM audit_log WHERE action LIKE 'source.%'") == 3


async def test_a_source_with_too_many_keys_or_none_says_so(administrator: Browser, services: SimpleNamespace) -> None:
    number, _ = await make(administrator)
    for _ in range(9):
        assert (await administrator.post(f"/data/sources/{number}/rotate", {"overlap": "7"})).status_code == 200
    full = await administrator.post(f"/data/sources/{number}/rotate", {"overlap": "7"})
    assert (full.status_code, "有効なキーが10個あります" in full.text) == (422, True)
    await administrator.post(f"/data/sources/{number}/revoke")
    gone = await administrator.post(f"/data/sources/{number}/rotate", {"overlap": "7"})
    assert "このソースは無効です" in gone.text


async def test_limits_are_kept_emptied_and_checked(administrator: Browser, services: SimpleNamespace) -> None:
    number, _ = await make(administrator)
    for typed, kept in ((("０", "6,000"), (0, 6000)), (("", ""), (None, None))):
        fields = dict(zip(("key_limit", "address_limit"), typed, strict=True))
        assert (await administrator.post(f"/data/sources/{number}/limits", fields)).status_code == 303
        sheet = await services.source_keys.sheet(number)
        assert (sheet.key_limit, sheet.address_limit) == kept
    wrong = await administrator.post(f"/data/sources/{number}/limits", {"key_limit": "many", "address_limit": "5"})
    assert (wrong.status_code, 'value="many"' in wrong.text) == (422, True)
    far = await administrator.post(f"/data/sources/{number}/limits", {"key_limit": "999999999", "address_limit": ""})
    assert "0〜100,000,000" in far.text


async def test_an_api_key_is_made_for_what_was_ticked_shown_once_and_refused(
    administrator: Browser, services: SimpleNamespace
) -> None:
    fields = {"name": "倉庫", "scope": ["customers:read", "exports:write"], "ends": "30"}
    made = await administrator.post("/settings/api-keys", fields)
    found = NEW_KEY.search(made.text)
    assert found
    page = (await administrator.get("/settings/api-keys")).text
    assert found[1] not in page
    assert f"…{found[1][-4:]}" in page
    assert "会員: 読み取り" in page
    caller = await services.api_keys.admit(found[1])
    assert caller.scopes == {"customers:read", "exports:write"}
    assert "同じ名前のキーがあります" in (await administrator.post("/settings/api-keys", fields)).text
    await administrator.post("/settings/api-keys/revoke", {"name": "倉庫"})
    assert await services.api_keys.admit(found[1]) is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"name": "x"}, "許可する操作を選んでください"), ({"name": " ", "scope": "*"}, "1〜100文字")],
)
async def test_a_key_for_nothing_or_without_a_name_is_refused(
    administrator: Browser, fields: dict[str, str], said: str
) -> None:
    refused = await administrator.post("/settings/api-keys", fields)
    assert (refused.status_code, said in refused.text) == (422, True)


@pytest.mark.parametrize(
    "path",
    ["/data/sources", "/data/sources/3/rotate", "/data/sources/3/keys/1/revoke", "/data/sources/3/revoke",
     "/data/sources/3/limits", "/settings/api-keys", "/settings/api-keys/revoke"],
)  # fmt: skip
async def test_only_administrators_touch_keys(browser: Browser, services: SimpleNamespace, path: str) -> None:
    await browser.sign_in(await add(services, "marketer"))
    assert (await browser.post(path, {"name": "x", "kind": "app"})).status_code == 403
    assert (await browser.get("/settings/api-keys")).status_code == 403
