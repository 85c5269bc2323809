"""Signatures: the scheme's own example, rotation, and the snippet of the how-to page as a receiver."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from backend.outbound.signature import PREFIX, headers, new_secret, signature

NOW = datetime(2026, 6, 30, 3, tzinfo=UTC)
HOW_TO = Path(__file__).parents[2] / "docs/how-to/webhooks.md"


def receiver() -> Any:
    """``verify`` as the how-to page gives it."""
    snippet = next(
        code for code in re.findall(r"```python\n(.*?)```", HOW_TO.read_text(), re.DOTALL) if "def verify" in code
    )
    names: dict[str, Any] = {}
    exec(snippet, names)  # noqa: S102 - our own page
    return names["verify"]


def test_the_schemes_own_example() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    found = signature(
        secret, message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp=1614265330, body=b'{"test": 2432232314}'
    )
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_secrets_are_random_and_say_what_they_are() -> None:
    one, other = new_secret(), new_secret()
    assert one != other
    assert one.startswith(PREFIX)
    assert len(one) == len(PREFIX) + 44


def test_the_how_to_pages_receiver_takes_ours_and_nothing_else() -> None:
    verify, secret, body = receiver(), new_secret(), '{"会員":1}'.encode()
    sent = headers([secret], message_id="msg_1", at=NOW, body=body)
    verify(body, sent, secret, now=NOW.timestamp() + 299)
    changed: list[tuple[bytes, dict[str, str], str, float]] = [
        (body + b" ", sent, secret, 0),
        (body, {**sent, "webhook-id": "msg_2"}, secret, 0),
        (body, {**sent, "webhook-timestamp": str(int(NOW.timestamp()) + 1)}, secret, 0),
        (body, {**sent, "webhook-signature": "v1,"}, secret, 0),
        (body, sent, new_secret(), 0),
        (body, sent, secret, 301),
        (body, sent, secret, -301),
    ]
    for given, with_headers, key, later in changed:
        with pytest.raises(ValueError, match="webhook"):
            verify(given, with_headers, key, now=NOW.timestamp() + later)


def test_during_an_overlap_either_secret_verifies() -> None:
    verify, old, new, body = receiver(), new_secret(), new_secret(), b"{}"
    sent = headers([new, old], message_id="msg_1", at=NOW, body=body)
    assert len(sent["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        verify(body, sent, secret, now=NOW.timestamp())
