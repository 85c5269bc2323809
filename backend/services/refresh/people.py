"""What the events of a batch say about people: who sent them, which address, which consent, which traits."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from backend.lake.payload import Context, platform_of, properties_of, read_traits, text
from backend.lake.rows import Logged
from backend.store.consents import Word
from segments.events import EventName
from segments.sightings import Address, Known, Sighting
from segments.traits import PUSH_CONSENT, normalise

_CONSENT = str(EventName.CONSENT_CHANGED)
_VOUCHING = frozenset({"server", "import"})
_PUBLIC = "app"
_LONGEST_ADDRESS = 2000
_PERMISSIONS = {
    "granted": "granted",
    "authorized": "granted",
    "provisional": "granted",
    "denied": "denied",
}

Said = tuple[int, dict[str, Any], datetime]
"""Traits a customer was given at a moment."""


def sighting_of(row: Logged) -> Sighting:
    """What one event says about who sent it."""
    payload = row.payload
    return Sighting(
        source_id=row.source_id,
        trusted=row.trusted and row.kind != _PUBLIC,
        vouches=row.trusted and row.kind in _VOUCHING,
        verified=row.verified,
        user_id=row.user_id,
        anonymous_id=row.anonymous_id,
        at=moment_of(row),
        previous_id=text(payload.previous_id) if row.type == "alias" else None,
        event=row.name,
        address=_address(payload.context, row.device_key) if payload.context is not None else None,
    )


def moment_of(row: Logged) -> datetime:
    """When an event was said, for what the later word decides: a phone whose clock is ahead gets no last word."""
    return min(row.occurred_at, row.received_at)


def _address(context: Context, device_key: int | None) -> Address | None:
    device = context.device
    if device is None:
        return None
    value, kind = (device.fid, "fid") if device.fid else (device.token, "token")
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ADDRESS:
        return None
    return Address(
        value=value,
        kind=kind,
        device_key=device_key,
        platform=platform_of(context),
        app_version=text(context.app.version) if context.app is not None else None,
        locale=text(context.locale),
        time_zone=text(context.timezone),
        permission=_permission(device.permission) or _permission(device.push_permission),
    )


def _permission(value: Any) -> str | None:
    return _PERMISSIONS.get(value.lower()) if isinstance(value, str) else None


def ids_in(sightings: Sequence[Sighting]) -> tuple[set[str], set[str], set[str]]:
    """User ids, anonymous ids and push addresses that a batch names; an alias's previous id may be either."""
    previous = {one.previous_id for one in sightings if one.previous_id is not None}
    users = {one.user_id for one in sightings if one.user_id is not None}
    anonymous = {one.anonymous_id for one in sightings if one.anonymous_id is not None}
    addresses = {one.address.value for one in sightings if one.address is not None}
    return users | previous, anonymous | previous, addresses


def births_in(sightings: Sequence[Sighting], known: Known) -> int:
    """At most how many numbers a batch needs: for new users, and for anonymous ids that come alone."""
    users = {one.user_id for one in sightings if one.user_id is not None} - known.users.keys()
    alone = {one.anonymous_id for one in sightings if one.user_id is None and one.anonymous_id is not None}
    numbered = {value for value, link in known.anonymous.items() if link.node_id is not None}
    return len(users) + len(alone - numbered)


def moving_in(sightings: Sequence[Sighting], known: Known) -> set[int | str]:
    """Numbers and anonymous ids that may change hands, or be proven, in a batch: few, most of what comes is known."""
    moving: set[int | str] = set()
    for one in sightings:
        if one.user_id is None:
            continue
        if one.previous_id is not None:
            moving |= {
                one.previous_id,
                *(known.users[user] for user in (one.user_id, one.previous_id) if user in known.users),
            }
        link = known.anonymous.get(one.anonymous_id) if one.anonymous_id is not None else None
        if link is not None and (one.proves or link.claim is None or one.at <= link.claim.at):
            moving.add(one.anonymous_id or "")
    return moving


def consents_in(rows: Sequence[Logged], customer_of: Callable[[Logged], int]) -> Iterator[Word]:
    """Words on consent, in the order of the log."""
    for row in rows:
        origin = None
        if row.name == _CONSENT:
            given = properties_of(row.payload)
            purpose, channel, granted = text(given.purpose) or "marketing", text(given.channel) or "push", given.granted
            origin = text(given.source)
        elif row.type == "identify":
            purpose, channel, granted = "marketing", "push", read_traits(row.payload).get(PUSH_CONSENT)
        else:
            continue
        if isinstance(granted, bool):
            who, said_at = customer_of(row), moment_of(row)
            yield Word(who, purpose, channel, granted, row.source_id, origin, said_at, row.seq, row.trusted)


def traits_in(rows: Sequence[Logged], customer_of: Callable[[Logged], int]) -> Iterator[Said]:
    """Traits that were told, in the order of the log."""
    for row in rows:
        if row.type != "identify":
            continue
        traits = normalise(read_traits(row.payload))
        traits.pop(PUSH_CONSENT, None)
        if traits:
            yield customer_of(row), traits, moment_of(row)
