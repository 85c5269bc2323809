"""Fresh members for the story: the shop's own server tells Joren of them, so that every run begins anew."""

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.fixtures.demo import RunningDemo, phone_config

FAMILY = {"ja": "常連寺", "en": "Jorenji"}
CATEGORY = "焼き菓子"


def fresh_members(demo: RunningDemo, *, language: str, bought_days_ago: list[list[int]]) -> list[str]:
    """Add members with these orders, consenting, and let the phone pages sign in as them; gives their member numbers."""
    run = secrets.token_hex(4)
    members = [f"story-{language}-{run}-{number}" for number in range(len(bought_days_ago))]
    events = [
        event
        for member, days in zip(members, bought_days_ago, strict=True)
        for event in _history(member, language=language, days=days)
    ]
    _send(demo, events)
    config = dict(phone_config(demo))
    _list_on_phones(demo, config, members, language)
    return members


def silent_members(demo: RunningDemo, *, language: str, number: int) -> None:
    """Add members who bought once 40 days ago and whose phones nobody looks at: they make the audience large enough."""
    run = secrets.token_hex(4)
    addresses = [f"silent-{language}-{run}-{each}" for each in range(number)]
    registered = httpx.post(f"{demo.phone_url}/emulator/addresses", json={"addresses": addresses}, timeout=30)
    assert registered.status_code == 200, registered.text
    events = []
    for address in addresses:
        identify, *rest = _history(address, language=language, days=[40])
        device = {"id": address, "fid": address, "type": "android", "permission": "granted"}
        events += [identify | {"anonymousId": f"a-{address}", "context": {"device": device}}, *rest]
    _send(demo, events)


def _send(demo: RunningDemo, events: list[dict[str, Any]]) -> None:
    answer = httpx.post(
        f"{demo.url}/v1/batch",
        auth=(str(phone_config(demo)["server_write_key"]), ""),
        json={"batch": events, "sentAt": datetime.now(UTC).isoformat()},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text


def _history(member: str, *, language: str, days: list[int]) -> list[dict[str, Any]]:
    traits = {"family_name": FAMILY[language], "given_name": member[-1], "language": language}
    now = datetime.now(UTC)
    consent = {"purpose": "marketing", "channel": "push", "granted": True}
    orders = [_event(member, "Order Completed", now - timedelta(days=ago), _order(f"{member}-{ago}")) for ago in days]
    return [
        {"type": "identify", "userId": member, "traits": traits, "timestamp": (now - timedelta(days=60)).isoformat(),
         "messageId": secrets.token_hex(8)},
        *orders,
        _event(member, "Consent Changed", now - timedelta(days=59), consent),
    ]  # fmt: skip


def _event(member: str, name: str, at: datetime, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "track",
        "event": name,
        "userId": member,
        "properties": properties,
        "timestamp": at.isoformat(),
        "messageId": secrets.token_hex(8),
    }


def _order(number: str) -> dict[str, Any]:
    line = {"product_id": "story", "name": "フィナンシェ", "category": CATEGORY, "quantity": 2, "price": 240}
    return {"order_id": number, "total": 480, "currency": "JPY", "products": [line]}


def _list_on_phones(demo: RunningDemo, config: dict[str, Any], members: list[str], language: str) -> None:
    config["members"] += [
        {"user_id": member, "name": f"{FAMILY[language]} {member[-1]}", "consent": True} for member in members
    ]
    for member in members:
        config["phones"][member] = {"member": member, "os": "Android"}
    file = demo.home / "demo" / "phone.json"
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(config, ensure_ascii=False))
    partial.chmod(0o600)
    partial.replace(file)
