"""What the events of a batch say about people: who sent them, which address, which consent, which traits."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from backend.lake.log import Log, Logged, Sender
from backend.lake.payload import properties_of, read_traits, text
from backend.store.consents import Word
from segments.addresses import LOG_OUT
from segments.events import EventName
from segments.gist import telling
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


def sightings_in(log: Log) -> list[Sighting]:
    """What a batch says about who sent it: events that say nothing new are left out."""
    alias = pl.when(pl.col("type") == "alias").then("seq").alias("alias")
    heads = log.heads.with_columns(alias, pl.col("name").is_in(LOG_OUT).alias("out"))
    addresses = [address_of(sender) for sender in log.senders]
    places = telling(("sender", "alias", "out"), of=heads)
    spoke = heads.get_column("sender").gather(places)
    return [sighting_of(event, addresses[sender]) for event, sender in zip(log.at(places), spoke, strict=True)]


def sighting_of(event: Logged, address: Address | None) -> Sighting:
    """What one event says about who sent it, and from which push address."""
    sender = event.sender
    return Sighting(
        source_id=sender.source_id,
        trusted=sender.trusted and sender.kind != _PUBLIC,
        vouches=sender.trusted and sender.kind in _VOUCHING,
        verified=sender.verified,
        user_id=sender.user_id,
        anonymous_id=sender.anonymous_id,
        at=event.said_at,
        previous_id=text(event.payload.previous_id) if event.type == "alias" else None,
        event=event.name,
        address=address,
    )


def address_of(sender: Sender) -> Address | None:
    """The push address an event came with."""
    context = sender.context
    device = context.device if context is not None else None
    if context is None or device is None:
        return None
    value, kind = (device.fid, "fid") if device.fid else (device.token, "token")
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ADDRESS:
        return None
    return Address(
        value=value,
        kind=kind,
        device_key=sender.device_key,
        platform=sender.platform,
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


def consents_in(log: Log, customer_of: Callable[[Sender], int]) -> Iterator[Word]:
    """Words on consent, in the order of the log."""
    for event in log.at(log.places((pl.col("name") == _CONSENT) | (pl.col("type") == "identify"))):
        origin = None
        if event.name == _CONSENT:
            given = properties_of(event.payload)
            purpose, channel = text(given.get("purpose")) or "marketing", text(given.get("channel")) or "push"
            granted, origin = given.get("granted"), text(given.get("source"))
        else:
            told = read_traits(event.payload, event.sender.context)
            purpose, channel, granted = "marketing", "push", told.get(PUSH_CONSENT)
        if isinstance(granted, bool):
            who, sender = customer_of(event.sender), event.sender
            yield Word(
                who, purpose, channel, granted, sender.source_id, origin, event.said_at, event.seq, sender.trusted
            )


def traits_in(log: Log, customer_of: Callable[[Sender], int]) -> Iterator[Said]:
    """Traits that were told, in the order of the log."""
    for event in log.at(log.places(pl.col("type") == "identify")):
        traits = normalise(read_traits(event.payload, event.sender.context))
        traits.pop(PUSH_CONSENT, None)
        if traits:
            yield customer_of(event.sender), traits, event.said_at
