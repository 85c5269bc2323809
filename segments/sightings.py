"""What identity is decided about: events as sightings, customers, links of anonymous ids, devices, merges."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import msgspec


class DeviceState(StrEnum):
    """What may be sent to an address."""

    LIVE = "live"
    UNPROVEN = "unproven"
    SIGNED_OUT = "signed_out"
    RETIRED = "retired"


class Address(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A push address as an event told it, with what it says about the device; None means it said nothing."""

    value: str
    kind: str = "token"
    device_key: int | None = None
    platform: str | None = None
    app_version: str | None = None
    locale: str | None = None
    time_zone: str | None = None
    permission: str | None = None


class Sighting(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one event says about who sent it.

    Attributes:
        trusted: the source holds a secret.
        vouches: the source speaks for the shop (server or import; not Joren itself), so its word proves identities.
        verified: a customer token proves that ``user_id`` himself sent it: this anonymous id and this address are his.
        previous_id: of an alias.
        at: when it happened.
        event: name of a track call.
    """

    source_id: int
    trusted: bool
    vouches: bool
    user_id: str | None
    anonymous_id: str | None
    at: datetime
    verified: bool = False
    previous_id: str | None = None
    event: str | None = None
    address: Address | None = None

    @property
    def proves(self) -> bool:
        """Whether the ids of the event belong together by more than its own word."""
        return self.vouches or self.verified


@dataclass(slots=True, kw_only=True)
class Person:
    """A customer as far as deciding needs him."""

    customer_id: int
    user_id: str | None
    born_source_id: int
    born_anonymous_id: str | None
    known_to_shop: bool = False
    created_at: datetime | None = None
    merged_into: int | None = None


@dataclass(slots=True)
class Link:
    """Whose an anonymous id is; proven by birth or by a source that vouches."""

    customer_id: int
    proven: bool
    at: datetime


@dataclass(slots=True, kw_only=True)
class Device:
    """A push address and its binding. ``proven_for``: customers whose it was by a proof, now or before."""

    address: str
    kind: str
    customer_id: int
    source_id: int
    anonymous_id: str | None
    state: DeviceState
    first_seen: datetime
    last_seen: datetime
    device_key: int | None = None
    platform: str | None = None
    app_version: str | None = None
    locale: str | None = None
    time_zone: str | None = None
    permission: str = "unknown"
    proven_for: set[int] = field(default_factory=set)
    told: tuple[object, ...] = ()

    def learn(self, sighting: Sighting, address: Address) -> bool:
        """Take over what an event says of the device; whether any of it is worth keeping at once.

        That it was seen again on the same day is not: an app tells its address with every event.
        """
        told = (address, sighting.source_id, sighting.anonymous_id, sighting.at.date())
        self.last_seen = max(self.last_seen, sighting.at)
        if told == self.told:
            return False
        self.told = told
        self.source_id, self.anonymous_id = sighting.source_id, sighting.anonymous_id
        self.device_key = self.device_key if address.device_key is None else address.device_key
        self.platform = address.platform or self.platform
        self.app_version = address.app_version or self.app_version
        self.locale = address.locale or self.locale
        self.time_zone = address.time_zone or self.time_zone
        self.permission = address.permission or self.permission
        return True


@dataclass(frozen=True, slots=True)
class Merge:
    """One customer became part of another. ``vouched``: a source that speaks for the shop said so."""

    gone: int
    survivor: int
    vouched: bool


@dataclass(slots=True)
class Known:
    """What is known before a batch, about everyone it names; customers are survivors, never merged ones."""

    people: dict[int, Person] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)
    anonymous: dict[str, Link] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
