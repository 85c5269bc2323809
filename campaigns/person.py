"""What is shown of one person: the line of a list, and the whole page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from segments.coupons import PersonalCoupon
from segments.rules.explain import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLine:
    """One line of the list of members. What the frame does not know yet is None."""

    customer_id: int
    user_id: str | None
    name: str | None
    email: str | None
    rank: str | None = None
    orders: int | None = None
    spend: int | None = None
    last_order: date | None = None
    last_seen: date | None = None
    reachable: bool | None = None
    test_account: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePage:
    """One page of the list.

    Attributes:
        total: members on all pages.
        cut: the search found more than it looks at; a longer beginning finds the rest.
        known_since: see `segments.raw_members`; of the segment that was asked for.
    """

    people: tuple[PersonLine, ...]
    total: int
    page: int
    size: int
    cut: bool
    as_of: datetime
    known_since: date | None = None

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // self.size))


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleSlice:
    """Some of the list, and where it goes on.

    Attributes:
        next: asks for the slice after this one; None at the end.
        total: members who fit, on all pages.
        cut, known_since: as in `PeoplePage`.
    """

    people: tuple[PersonLine, ...]
    next: str | None
    total: int
    cut: bool
    as_of: datetime
    known_since: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One id a person is known by."""

    kind: str
    value: str
    proven: bool
    linked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device; its address is kept back."""

    device_id: int
    address_kind: str
    platform: str | None
    app_version: str | None
    locale: str | None
    time_zone: str | None = None
    permission: str
    state: str
    first_seen: datetime
    last_seen: datetime
    retired_at: datetime | None
    retired_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """The person's latest word for one purpose and channel.

    Attributes:
        source: name of the source that passed it on.
        origin: where it was given, in the words of whoever passed it on.
        verified: a secret key or the person's own customer token stands behind it.
    """

    purpose: str
    channel: str
    granted: bool
    changed_at: datetime
    source: str
    origin: str | None = None
    verified: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWord:
    """One word that a person ever said; ``seq`` is its event's in the log, 0 for those of before the history was kept."""

    purpose: str
    channel: str
    granted: bool
    said_at: datetime
    source: str
    origin: str | None
    seq: int
    verified: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentHistory:
    """One page of them, the latest first; ``next`` asks for the page after it, None at the end."""

    words: tuple[ConsentWord, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Belonging:
    """One segment, whether the person is in it, and why; ``known_since``: see `segments.raw_members`."""

    segment_id: int
    name: str
    member: bool
    ja: Finding
    en: Finding
    known_since: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDetail:
    """Everything known of one person.

    Attributes:
        customer_id: of the survivor where the one asked for was merged.
        traits: the profile as the shop sent it.
        facts: the person's row of the customer frame by attribute; None before the first refresh.
        as_of: up to when `facts` are known.
    """

    customer_id: int
    user_id: str | None
    name: str | None
    email: str | None
    created_at: datetime
    known_to_shop: bool
    test_account: bool
    traits: Mapping[str, Any]
    traits_at: datetime | None
    identities: tuple[Identity, ...]
    devices: tuple[Device, ...]
    consents: tuple[Consent, ...]
    coupons: tuple[PersonalCoupon, ...]
    segments: tuple[Belonging, ...]
    facts: Mapping[str, Any] | None
    as_of: datetime
