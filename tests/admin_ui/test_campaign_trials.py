"""Test sends on the pages: to chosen phones of one member, of the version or step that was chosen."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from admin_ui import trial_form
from campaigns.campaign import Draft, Variant
from campaigns.content import Content, Text
from campaigns.delivery import Refusal, Refused
from campaigns.steps import Send, Wait
from campaigns.trigger import OnEvent
from tests.admin_ui.conftest import Browser
from tests.admin_ui.test_pages import FRAGMENT

MEMBER, SILENT = "M000002", "M000001"


def saying(title: str) -> Content:
    return Content(ja=Text(title, "本文です"))


async def a_campaign(full: SimpleNamespace, **said: object) -> str:
    usual: dict[str, object] = {"name": "Tea", "segment_id": None, "trigger": OnEvent(event="Application Opened")}
    draft = Draft(**(usual | {"content": saying("お茶です")} | said))  # type: ignore[arg-type]
    return f"/campaigns/{(await full.campaign_desk.create(draft, by='test')).summary.campaign_id}"


async def two_phones(full: SimpleNamespace) -> list[str]:
    """The member's own phone and a second one, by number."""
    await full.pool.execute(
        """INSERT INTO devices (customer_id, address, address_kind, platform, permission, state, source_id, first_seen, last_seen)
           SELECT customer_id, 'second', address_kind, 'android', 'granted', 'live', source_id, first_seen, last_seen
           FROM devices WHERE customer_id = 2 AND state = 'live' LIMIT 1"""
    )
    rows = await full.pool.fetch("SELECT device_id FROM devices WHERE customer_id = 2 AND state = 'live' ORDER BY 1")
    return [str(row["device_id"]) for row in rows]


async def tried(full: SimpleNamespace) -> set[str]:
    """The devices that got a test."""
    return {str(row["device_id"]) for row in await full.pool.fetch("SELECT device_id FROM test_sends")}


async def test_the_chosen_phones_get_it_and_nobody_else(administrator: Browser, full: SimpleNamespace) -> None:
    at, (first, second) = await a_campaign(full), await two_phones(full)
    page = (await administrator.get(at)).text
    assert ('id="trial"' in page, 'name="said"' in page) == (True, False), "there is one text: nothing to choose"
    listed = await administrator.post(f"{at}/test/phones", {"member": MEMBER}, **FRAGMENT)
    assert all(f'id="device-{one}"' in listed.text for one in (first, second))
    assert (listed.text.count("checked"), "Android" in listed.text, await tried(full)) == (2, True, set())
    form = {"member": MEMBER, "listed": [first, second]}
    none = await administrator.post(f"{at}/test", form, **FRAGMENT)
    assert (none.status_code, "端末を1台以上" in none.text, await tried(full)) == (422, True, set())
    assert none.text.count("checked") == 0, "what was chosen stays"
    sent = await administrator.post(f"{at}/test", {**form, "device": second}, **FRAGMENT)
    assert (sent.status_code, "お茶です" in sent.text, "配信受付" in sent.text) == (200, True, True), sent.text
    assert "Test" not in sent.text
    assert ("テスト配信しました" in sent.text, await tried(full)) == (True, {second})
    whole = await administrator.post(f"{at}/test", {"member": MEMBER})
    assert (whole.status_code, await tried(full)) == (200, {first, second}), "without a script all phones get it"


async def test_a_test_that_no_phone_took_says_so_and_why(
    administrator: Browser, full: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, why = await a_campaign(full), "No push service is configured: set JOREN_FCM_SERVICE_ACCOUNT"
    sender = full.campaign_desk._sender
    monkeypatch.setattr(sender, "answer", lambda _: Refused(Refusal.AUTH, detail=why))
    sent = (await administrator.post(f"{at}/test", {"member": MEMBER}, **FRAGMENT)).text
    assert ("受け付けられませんでした" in sent, "テスト配信しました" in sent, why in sent) == (True, False, True)


async def test_what_is_wrong_stands_on_its_field_and_the_number_stays(
    administrator: Browser, full: SimpleNamespace
) -> None:
    at = await a_campaign(full)
    for number, said in (
        ("nobody", "会員番号「nobody」の会員はいません"),
        (SILENT, "端末がありません"),
        ("", "会員番号を入力"),
    ):
        for path in (f"{at}/test", f"{at}/test/phones"):
            answer = await administrator.post(path, {"member": number}, **FRAGMENT)
            assert (answer.status_code, 'id="error-member"' in answer.text, said in answer.text) == (422, True, True)
    assert 'value="nobody"' in (await administrator.post(f"{at}/test", {"member": "nobody"})).text


async def test_the_version_or_step_is_chosen(administrator: Browser, full: SimpleNamespace) -> None:
    variants = (
        Variant(name="A", share=50, content=saying("甘い")),
        Variant(name="B", share=50, content=saying("辛い")),
    )
    compared = await a_campaign(full, variants=variants)
    page = (await administrator.get(compared)).text
    assert all(f'value=":{name}"' in page for name in "AB")
    sent = await administrator.post(f"{compared}/test", {"member": MEMBER, "said": ":B"}, **FRAGMENT)
    assert ("辛い" in sent.text, "甘い" in sent.text.split("role=")[-1]) == (True, False)
    steps = (Send(content=saying("はじめに")), Wait(time=timedelta(days=1)), Send(content=saying("あとで")))
    journey = await a_campaign(full, name="Journey", steps=steps)
    page = (await administrator.get(journey)).text
    assert ("1. はじめに" in page, "3. あとで" in page) == (True, True)
    sent = await administrator.post(f"{journey}/test", {"member": MEMBER, "said": "2:"}, **FRAGMENT)
    assert "あとで · 本文です" in sent.text


@pytest.mark.parametrize("kind", [*Refusal])
def test_every_outcome_has_words(kind: Refusal) -> None:
    assert {str(kind), "accepted", "unknown"} <= {*trial_form.OUTCOMES}
