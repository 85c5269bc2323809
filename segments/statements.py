"""What a shop's server states about a customer, as a call of the Segment protocol: said like everything else, as events. Pure.

Traits, devices and consents are made from the log of events, so a statement is an event too: making everything anew from
the log gives the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from segments.addresses import LOG_OUT
from segments.events import EventName

LIBRARY = "joren-server-api"
"""``context.library.name`` of statements."""

DEVICE_REGISTERED = "Device Registered"
"""Custom event of a statement that a push address is a customer's."""

SIGNED_OUT = "Signed Out"
assert SIGNED_OUT in LOG_OUT  # noqa: S101 - the word by which an address is given up


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Whom a statement is about, and as of when.

    Attributes:
        user_id: the shop's own number; one of the two ids is there.
        message_id: of the same statement said twice one is kept.
        said_by: name of the key.
    """

    user_id: str | None
    anonymous_id: str | None
    at: datetime
    said_by: str
    message_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneWord:
    """What is stated about a device. None: nothing is."""

    address: str
    kind: str
    device_id: str | None = None
    platform: str | None = None
    app_version: str | None = None
    locale: str | None = None
    time_zone: str | None = None
    permission: str | None = None


def traits(about: About, given: Mapping[str, Any]) -> dict[str, Any]:
    """These traits are the customer's from then on; null makes one forgotten."""
    return _call(about, "identify", traits=dict(given))


def device(about: About, phone: PhoneWord) -> dict[str, Any]:
    """The customer can be reached at this address: it is his, whoever had it before."""
    return _call(about, "track", event=DEVICE_REGISTERED, context=_context_of(phone))


def sign_out(about: About, phone: PhoneWord) -> dict[str, Any]:
    """The customer signed out on the device with this address: nothing is sent there any more."""
    return _call(about, "track", event=SIGNED_OUT, context=_context_of(phone))


def consent(about: About, *, purpose: str, channel: str, granted: bool, source: str | None) -> dict[str, Any]:
    """The customer agreed, or refused, to be written to for a purpose over a channel."""
    properties = {"purpose": purpose, "channel": channel, "granted": granted, "source": source}
    return _call(about, "track", event=str(EventName.CONSENT_CHANGED), properties=_said(properties))


def _call(about: About, kind: str, **parts: Any) -> dict[str, Any]:
    context = {**parts.pop("context", {}), "library": {"name": LIBRARY}, "apiKey": about.said_by}
    ids = {"userId": about.user_id, "anonymousId": about.anonymous_id, "messageId": about.message_id}
    return {"type": kind, **_said(ids), "timestamp": about.at.isoformat(), **parts, "context": context}


def _context_of(phone: PhoneWord) -> dict[str, Any]:
    words = {
        "device": _said(
            {phone.kind: phone.address, "id": phone.device_id, "type": phone.platform, "permission": phone.permission}
        ),
        "app": _said({"version": phone.app_version}),
        "locale": phone.locale,
        "timezone": phone.time_zone,
    }
    return {name: value for name, value in words.items() if value}


def _said(words: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in words.items() if value is not None}
