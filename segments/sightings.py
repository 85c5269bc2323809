"""What identity is decided about: events as sightings, customers, claims to anonymous ids, devices, merges.

A customer has a number, and so has an anonymous id of which something came alone: history is kept under these numbers
and never rewritten, so that an id which turns out to be another person's takes its history along.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from segments.traits import microseconds


class DeviceState(StrEnum):
    """What may be sent to an address: only a live one gets anything."""

    LIVE = "live"
    UNPROVEN = "unproven"
    SIGNED_OUT = "signed_out"
    REPLACED = "replaced"
    """The same installation of the app has a newer address."""
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
        vouches: the source speaks for the shop (server or import; not Joren itself), so its word proves identities, and
            its alias merges two customers who both have a user id.
        verified: a customer token proves that ``user_id`` himself sent it: this anonymous id and this address are his.
        previous_id: of an alias.
        at: when it happened, as far as that is before it came in.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A user came with an anonymous id.

    Attributes:
        vouched: the shop said so.
        verified: the user proved himself by a customer token. He may know another's anonymous id, and backdates at will.
    """

    vouched: bool
    at: datetime
    user_id: str
    verified: bool = False

    @property
    def rank(self) -> tuple[bool, bool, datetime, str]:
        """Less is better: the shop's word, then a customer's token, then the earlier, then the lesser user id."""
        return (not self.vouched, not self.verified, self.at, self.user_id)


@dataclass(slots=True, kw_only=True)
class Link:
    """Whose an anonymous id is.

    Attributes:
        customer_id: its owner: the user of the best claim; before any claim the visitor, who is his own ``node_id``.
        node_id: number under which events of this id alone are kept; None while none came.
        at: when it was first seen.
        claim: the best so far.
        proven_for: customers who are proven to have used it.
    """

    customer_id: int
    node_id: int | None
    at: datetime
    claim: Claim | None = None
    proven_for: set[int] = field(default_factory=set)


class Heard(msgspec.Struct, kw_only=True, omit_defaults=True):
    """That somebody was at an address: the last moment, and whether he then signed out.

    Attributes:
        customer_id: the user; None where only the anonymous id is known.
        trusted: some of it came from a source that holds a secret, or with a customer token.
    """

    customer_id: int | None = None
    anonymous_id: str | None = None
    source_id: int
    at: datetime
    out: bool = False
    trusted: bool = False

    @property
    def key(self) -> tuple[int | None, str | None, int]:
        """Who: of each only the last moment counts."""
        return (self.customer_id, self.anonymous_id, self.source_id)

    def join(self, other: "Heard") -> bool:
        """Take in another word of the same person; whether more than the moment is new."""
        before = (self.out, self.trusted)
        if other.at == self.at:
            self.out = self.out or other.out
        elif other.at > self.at:
            self.at, self.out = other.at, other.out
        self.trusted = self.trusted or other.trusted
        return before != (self.out, self.trusted)


_LEARNT = ("kind", "device_key", "platform", "app_version", "locale", "time_zone", "permission")


@dataclass(slots=True, kw_only=True)
class Device:
    """A push address, whose it is, and why.

    Attributes:
        customer_id: whose.
        heard: everyone who was at it; `segments.addresses` decides from it alone.
        proven_for: customers whose it was by the rule for the first device, now or before.
        told: name of a fact about the device → when it was told (microseconds since 1970): the later word stands.
        anonymous_id, source_id: of the last word of its owner.
    """

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
    heard: list[Heard] = field(default_factory=list)
    told: dict[str, int] = field(default_factory=dict)

    def learn(self, sighting: Sighting, address: Address) -> bool:
        """Take over what its owner's event says of the device; whether any of it is another value than before."""
        moment, changed = microseconds(sighting.at), False
        for name in _LEARNT:
            changed |= self._learn(name, getattr(address, name), moment)
        changed |= self._learn("source_id", sighting.source_id, moment)
        return changed | self._learn("anonymous_id", sighting.anonymous_id, moment)

    def _learn(self, name: str, value: object, moment: int) -> bool:
        if value is None or moment < self.told.get(name, moment):
            return False
        self.told[name] = moment
        if getattr(self, name) == value:
            return False
        setattr(self, name, value)
        return True

    def mentions(self) -> Iterator[int | str]:
        """Numbers and anonymous ids that were at it: when one of them changes hands, it must be decided again."""
        for each in self.heard:
            if each.customer_id is not None:
                yield each.customer_id
            if each.anonymous_id is not None:
                yield each.anonymous_id


@dataclass(frozen=True, slots=True)
class Merge:
    """The history of one number is the survivor's from now on; before it may have been somebody else's."""

    gone: int
    survivor: int


@dataclass(slots=True)
class Known:
    """What is known before a batch, about everyone it names.

    Attributes:
        people: survivors by number.
        merged: number → survivor, of numbers that were merged.
        users: user id → number of its customer.
    """

    people: dict[int, Person] = field(default_factory=dict)
    merged: dict[int, int] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)
    anonymous: dict[str, Link] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)


NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""Before every event."""
