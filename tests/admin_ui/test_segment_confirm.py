"""A rule that others go by is changed only by who has seen their names and confirms it."""

from types import SimpleNamespace

import pytest

from segments.rules.parse import parse
from tests.admin_ui.conftest import Browser
from tests.admin_ui.test_pages import RULE, make_segment


@pytest.mark.parametrize(
    ("language", "told"), [("ja", "使っているものがあります：他の条件"), ("en", "go by this rule: 他の条件")]
)
async def test_a_change_that_reaches_others_is_confirmed(
    administrator: Browser, full: SimpleNamespace, language: str, told: str
) -> None:
    await administrator.post("/preferences/language", {"language": language})
    number = await make_segment(administrator)
    await full.segment_runs.create("他の条件", parse({"not": {"segment": int(number)}}), actor="aya")
    change = {"name": "一度だけの方", "version": "1", **RULE, "value.r-0": "2"}
    asked = await administrator.post(f"/segments/{number}", change)
    assert asked.status_code == 422
    assert told in asked.text
    assert 'name="confirm" value="yes"' in asked.text
    assert (await full.segment_runs.get(int(number))).segment.version == 1
    saved = await administrator.post(f"/segments/{number}", {**change, "confirm": "yes"})
    assert saved.status_code == 303
    assert (await full.segment_runs.get(int(number))).segment.version == 2
