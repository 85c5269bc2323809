"""What an installation without data says, and what is asked before something ends for good."""

import re
from types import SimpleNamespace

import pytest

from tests.admin_ui.conftest import Browser
from tests.services.receiving import Door


@pytest.fixture
async def door(services: SimpleNamespace) -> Door:
    """An app's source whose events pass by the pages' own clock."""
    door = await Door.open(services.pool)
    door.clock = services.clock
    return door


async def test_pages_without_data_lead_to_the_next_step(administrator: Browser, services: SimpleNamespace) -> None:
    services.segment_runs._frame.empty()
    sources = (await administrator.get("/data/sources")).text
    assert "アプリやサーバーがまだ登録されていません" in sources
    assert '<a href="/data/sources">ソースを作る</a>' in (await administrator.get("/data/plans")).text
    members = (await administrator.get("/members")).text
    assert "会員はまだいません" in members
    assert re.search(r"<p class=\"fine\">0人\s*</p>", members)  # nobody is true as of any time


async def test_what_ends_for_good_is_asked_before(administrator: Browser, door: Door) -> None:
    page = (await administrator.get(f"/data/sources/{door.source_id}")).text
    assert "アプリやサーバーがまだ登録されていません" not in (await administrator.get("/data/sources")).text
    asked = dict(re.findall(r'action="/data/sources/\d+/(rotate|revoke|keys/\d+/revoke)" data-confirm="([^"]+)"', page))
    assert {path.partition("/")[0] for path in asked} == {"rotate", "revoke", "keys"}
    assert "失われます" in asked["rotate"]


async def test_calls_and_events_of_ours_go_by_their_japanese_names(administrator: Browser, door: Door) -> None:
    await door.send(
        b'{"type":"identify","messageId":"i1","userId":"M-1","traits":{}}',
        b'{"type":"track","messageId":"s1","userId":"M-1","event":"Signed Out","properties":{}}',
    )
    listed = (await administrator.get("/data")).text
    assert re.search(r"name=identify[^>]*>プロフィールの更新<", listed)
    assert re.search(r"name=Signed(%20|\+)Out[^>]*>ログアウト<", listed)
