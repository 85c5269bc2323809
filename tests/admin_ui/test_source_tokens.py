"""Customer tokens on a source's page: choosing a mode, adding and retiring keys, what would fail."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from backend.store import customer_tokens as store
from tests.admin_ui.conftest import NOON, Browser, add
from tests.fixtures.customer_tokens import Issuer, private_pem


@pytest.fixture
async def path(services: SimpleNamespace) -> str:
    made = await services.sources.create("店アプリ")
    return f"/data/sources/{made.source_id}"


async def test_a_source_comes_to_enforce_step_by_step(
    administrator: Browser, services: SimpleNamespace, path: str
) -> None:
    early = await administrator.post(f"{path}/token-mode", {"mode": "enforce"})
    assert early.status_code == 422
    assert "先に公開鍵を追加してください" in early.text
    added = await administrator.post(f"{path}/token-keys", {"public_key": Issuer().public, "kid": "2026-11"})
    assert added.headers["location"] == f"{path}?notice=saved"
    for mode in ("report", "enforce"):
        await administrator.post(f"{path}/token-mode", {"mode": mode})
        assert f'value="{mode}" checked' in (await administrator.get(path)).text
    last = await administrator.post(f"{path}/token-keys/retire", {"kid": "2026-11"})
    assert last.status_code == 422
    assert "最後の鍵" in last.text
    await administrator.post(f"{path}/token-keys", {"public_key": Issuer(algorithm="EdDSA").public})
    await administrator.post(f"{path}/token-keys/retire", {"kid": "2026-11"})
    shown = (await administrator.get(path)).text
    assert "ES256" in shown
    assert "EdDSA" in shown
    assert "廃止" in shown
    audit = await services.pool.fetch("SELECT DISTINCT actor FROM audit_log WHERE action LIKE '%token%'")
    assert [row["actor"] for row in audit] == ["administrator@joren.example"]


async def test_a_private_key_is_refused_and_not_shown_again(administrator: Browser, path: str) -> None:
    secret = private_pem(Issuer().key)
    refused = await administrator.post(f"{path}/token-keys", {"public_key": secret, "kid": "k"})
    assert refused.status_code == 422
    assert "これは秘密鍵です" in refused.text
    assert secret.splitlines()[1] not in refused.text
    wrong = await administrator.post(f"{path}/token-keys", {"public_key": "rubbish", "kid": "k"})
    assert "rubbish</textarea>" in wrong.text


@pytest.mark.parametrize(("language", "words"), [("ja", "4件のうち3件（75.0%）"), ("en", "3 of 4 events")])
async def test_what_would_fail_is_shown_before_it_does(
    administrator: Browser, services: SimpleNamespace, path: str, language: str, words: str
) -> None:
    source_id = int(path.rpartition("/")[2])
    async with services.pool.acquire() as connection:
        counts = {(source_id, "valid"): 1, (source_id, "missing"): 2, (source_id, "expired"): 1}
        await store.add_counts(connection, counts=counts, day=NOON.date())
        await store.add_counts(connection, counts={(source_id, "missing"): 9}, day=NOON.date() - timedelta(days=14))
    await administrator.post("/preferences/language", {"language": language})
    await administrator.post(f"{path}/token-mode", {"mode": "report"})
    assert words in (await administrator.get(path)).text


async def test_a_servers_source_has_no_tokens(administrator: Browser, services: SimpleNamespace) -> None:
    made = await services.sources.create("till", kind="server")
    assert 'id="tokens"' not in (await administrator.get(f"/data/sources/{made.source_id}")).text
    refused = await administrator.post(f"/data/sources/{made.source_id}/token-mode", {"mode": "report"})
    assert refused.status_code == 422


async def test_a_viewer_sees_and_changes_nothing(browser: Browser, services: SimpleNamespace, path: str) -> None:
    viewer = browser
    await viewer.sign_in(await add(services, "viewer"))
    shown = (await viewer.get(path)).text
    assert 'id="tokens"' in shown
    assert "token-mode" not in shown
    assert (await viewer.post(f"{path}/token-mode", {"mode": "report"})).status_code == 403
