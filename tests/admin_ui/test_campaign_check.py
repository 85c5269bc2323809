"""The check of what begins person by person: what history says, the gates, where a journey divides, and what nobody can know."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import polars as pl
import pytest

from backend.lake.schemas import EVENTS_SCHEMA
from backend.services.campaign_runs import CampaignRuns
from backend.wiring.meetings import SegmentAudiences
from campaigns.campaign import Draft
from campaigns.content import Content, Text
from campaigns.steps import Part, Send, SplitShare
from campaigns.trigger import OnEvent, Recurring
from segments.membership import members
from segments.rules.rule import Rule
from tests.admin_ui.conftest import Browser
from tests.admin_ui.fakes import FakeFrame, FakeLake
from tests.admin_ui.test_pages import make_segment

HELLO = Content(ja=Text("お待ちしています", "またどうぞ"))


@pytest.mark.parametrize(("language", "said"), [("ja", "3回・2人"), ("en", "3 times, for 2 people")])
async def test_the_check_says_what_history_and_the_gates_say(
    administrator: Browser, full: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, language: str, said: str
) -> None:
    await administrator.post("/preferences/language", {"language": language})
    rows = []
    for customer_id, ago in ((1, 1), (1, 2), (2, 3)):
        at = full.clock.now() - timedelta(days=ago)
        known = {"seq": ago, "customer_id": customer_id, "event": "Application Opened", "business_day": at.date()}
        rows.append(known | {"occurred_at": at, "received_at": at + timedelta(hours=3), "trusted": True})
    monkeypatch.setattr(FakeLake, "events", lambda *_: pl.LazyFrame(rows, schema=EVENTS_SCHEMA))
    halves = SplitShare(parts=(Part(percent=40), Part(percent=60)))
    draft = Draft(
        name="Hello", segment_id=None, trigger=OnEvent(event="Application Opened"), steps=(halves, Send(content=HELLO))
    )
    number = (await full.campaign_desk.create(draft, by="test")).summary.campaign_id
    page = (await administrator.get(f"/campaigns/{number}")).text
    assert page.count(said) == 2, "of a week, of four"
    for part in {
        "ja": ("うち3件は", "途中にいる期間", "最初の分岐（ステップ1）", "分岐2（60%）", "シナリオの最初のプッシュ"),
        "en": ("3 of them were reported", "how long members".capitalize(), "step 1", "Way 2 (60%)", "first push"),
    }[language]:
        assert part in page
    assert 'id="launch"' in page
    assert "disabled" not in page.split('id="launch"')[1].split(">")[0]


async def test_what_is_for_too_many_asks_for_approval_whatever_begins_it(
    administrator: Browser, full: SimpleNamespace
) -> None:
    await full.shop.save(replace(await full.shop.get(), approval_above=1), actor="test")
    draft = Draft(name="Hello", segment_id=None, trigger=OnEvent(event="Application Opened"), content=HELLO)
    number = (await full.campaign_desk.create(draft, by="test")).summary.campaign_id
    assert (await full.campaign_desk.too_many(number)) is not None
    assert "承認" in (await administrator.get(f"/campaigns/{number}")).text.split('id="launch"')[1][:400]


async def test_a_launch_that_waits_is_told_and_decided_on_the_pages(
    administrator: Browser, full: SimpleNamespace
) -> None:
    now, segment = full.clock.now(), await make_segment(administrator)
    daily = Recurring(rrule="FREQ=DAILY", starts_at=now)
    draft = Draft(name="Daily", segment_id=int(segment), trigger=daily, content=HELLO, holdout_percent=0.0)
    made = (await full.campaign_desk.create(draft, by="mika")).summary
    runs = CampaignRuns(full.pool, full.clock, audiences=SegmentAudiences(full.segment_runs, FakeFrame(customers=120)))
    await full.campaign_desk.send_now(made.campaign_id, revision=made.revision, by="mika")
    await full.shop.save(replace(await full.shop.get(), approval_above=1), actor="test")
    await runs.launch_due()
    home = (await administrator.get("/")).text
    assert "「Daily」の配信1回分が承認待ちです" in home
    page = (await administrator.get(f"/campaigns/{made.campaign_id}")).text
    assert "この人数はまだ承認されていません" in page
    (held,) = (await full.campaign_desk.get(made.campaign_id)).waiting
    at = f"/campaigns/{made.campaign_id}/launches/{held.occurrence}"
    words = replace(draft, content=Content(ja=Text("新しい題", "またどうぞ")))
    revision = (await full.campaign_desk.get(made.campaign_id)).summary.revision
    proposed = await full.campaign_desk.publish(made.campaign_id, words, revision=revision, by="mika")
    assert proposed.review.proposal is not None
    refused = await administrator.post(f"{at}/reject", {"comment": " "})
    assert (refused.status_code, 'id="error-comment-' in refused.text) == (422, True)
    assert 'id="error-comment"' not in refused.text, "the new version that waits beside it was not refused"
    await administrator.post(f"{at}/approve", {"comment": "fine"})
    assert (await full.campaign_desk.get(made.campaign_id)).waiting == ()
    assert await runs.launch_due() == 1
    again = await administrator.post(f"{at}/approve", {"comment": ""})
    assert (again.status_code, "もう承認待ちではありません" in again.text) == (422, True)


async def test_the_texts_of_a_few_do_not_ask_everybody_the_rule_again(
    administrator: Browser, full: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def noted(rows: pl.DataFrame) -> pl.DataFrame:
        asked.append(rows.height)
        return rows

    def counted(frame: pl.LazyFrame, rule: Rule) -> pl.LazyFrame:
        return members(frame.map_batches(noted, predicate_pushdown=False), rule)

    await full.pool.execute(
        """INSERT INTO consents (customer_id, purpose, channel, granted, source_id, changed_at)
           SELECT customer_id, 'marketing', 'push', true, 1, $1 FROM customers""",
        full.clock.now(),
    )
    segment = int(await make_segment(administrator))
    monkeypatch.setattr("backend.services.segment_runs.members", counted)
    greeting = Content(ja=Text("{{ ランク|default('常連') }}の方へ", "またどうぞ"))
    draft = Draft(name="Hello", segment_id=segment, content=greeting, holdout_percent=0.0)
    number = (await full.campaign_desk.create(draft, by="test")).summary.campaign_id
    seen = await full.campaign_desk.dry_run(number)
    assert {each.title for each in seen.samples} == {"レギュラーの方へ"}
    assert asked == [120]
