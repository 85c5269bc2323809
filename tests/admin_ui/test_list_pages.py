"""Static lists on pages: from a file, from a segment, as an exclusion list, put away."""

import re
from types import SimpleNamespace

import httpx

from tests.admin_ui.conftest import ADDRESS, Browser


async def upload(browser: Browser, path: str, content: bytes, **fields: str) -> httpx.Response:
    headers = {"Origin": ADDRESS}
    files = {"file": ("numbers.csv", content)}
    return await browser.client.post(path, data={"csrf": browser.csrf, **fields}, files=files, headers=headers)


async def test_a_list_comes_from_a_file(administrator: Browser, full: SimpleNamespace) -> None:
    content = "会員番号\nM000001\nM000002\nM000001\nnobody\n".encode()
    made = await upload(administrator, "/segments/lists", content, name="ご招待", **{"from": "file"})
    assert made.status_code == 200, made.text
    kept = await full.static_lists.find("ご招待")
    assert (kept.size, kept.exclusion, kept.origin) == (2, False, "file numbers.csv")
    assert "nobody" in made.text
    fewer = await upload(administrator, f"/segments/lists/{kept.list_id}/people", b"M000002\n", do="remove")
    assert fewer.status_code == 200
    assert (await full.static_lists.get(kept.list_id)).size == 1
    shown = (await administrator.get("/segments/lists")).text
    assert "ご招待" in shown
    offered = (await administrator.get("/segments/new")).text
    assert 'data-subject="list:"' in offered


async def test_a_list_becomes_an_exclusion_and_goes(administrator: Browser, full: SimpleNamespace) -> None:
    await upload(administrator, "/segments/lists", b"M000001\n", name="苦情", exclusion="on", **{"from": "file"})
    kept = await full.static_lists.find("苦情")
    assert kept.exclusion
    await administrator.post(f"/segments/lists/{kept.list_id}", {"name": "苦情の方"})
    assert not (await full.static_lists.get(kept.list_id)).exclusion
    await administrator.post(f"/segments/lists/{kept.list_id}/archive")
    assert "苦情の方" not in (await administrator.get("/segments/lists")).text
    await administrator.post(f"/segments/lists/{kept.list_id}/restore")
    assert "苦情の方" in (await administrator.get("/segments/lists")).text


async def test_what_is_wrong_stands_at_its_field(administrator: Browser, full: SimpleNamespace) -> None:
    nothing = await administrator.post("/segments/lists", {"name": "空", "from": "file"})
    assert nothing.status_code == 422
    assert "会員番号のファイルを選んでください。" in nothing.text
    nobody = await administrator.post("/segments/lists", {"name": "空", "from": "segment", "segment": "999"})
    assert nobody.status_code in (404, 422)
    await upload(administrator, "/segments/lists", b"M000001\n", name="同じ", **{"from": "file"})
    again = await upload(administrator, "/segments/lists", b"M000001\n", name="同じ", **{"from": "file"})
    assert re.search(r'id="name-error">同じ名前の固定リスト', again.text)
    assert 'class="empty"' not in (await administrator.get("/segments/lists")).text
