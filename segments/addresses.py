"""Whose push address is it, and may anything be sent there? Decided from who was heard at it, not from the order. Pure.

Pushes go to `live` addresses only. The one heard last holds the phone, by the time things happened: a word that comes
late overturns nothing. If he is proven, the address is his, and live unless he signed out. If he is not, it is nobody's:
where someone before him was proven it stays that one's, `signed_out` (a phone where somebody else signed in shows no
one's messages); where nobody was, it is kept as his, `unproven`. Two who were heard in the same moment are one too many: it is not live.

Proven means, for a customer and an address: a secret source, or an event with his token,
brought the address; or he was heard there with an
anonymous id that is proven his; or it was the first device of a customer who was born over this very source without an
anonymous id and for whom the shop has never vouched.

Of the addresses of one installation of the app only the latest is live; older ones are `replaced`.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import Protocol

from segments.sightings import NEVER, Address, Device, DeviceState, Heard, Known, Person, Sighting

LOG_OUT = frozenset({"Signed Out", "Logged Out"})
"""Custom events that say the person left this phone."""

MOST_HEARD = 50
"""Of so many at one address is kept when they were last heard; beyond that the longest silent are forgotten."""

_PROVEN = (DeviceState.LIVE, DeviceState.SIGNED_OUT)


class Who(Protocol):
    """Who is whom, as far as it is decided."""

    def survivor(self, number: int) -> Person:
        """The customer that a number stands for."""
        ...

    def is_proven(self, person: Person, anonymous_id: str) -> bool:
        """Whether the anonymous id is proven to be his."""
        ...


class Addresses:
    """The devices of a batch: tell it who was heard where, and when ids change hands.

    Attributes:
        changed: addresses that are to be kept.
        touched: customers whose reach may be different now.
    """

    def __init__(self, known: Known, who: Who) -> None:
        self._known = known
        self._who = who
        self.changed: set[str] = set()
        self.touched: set[int] = set()
        self._owned: dict[int, set[str]] = {}
        self._mentioned: dict[int | str, set[str]] = {}
        for device in known.devices.values():
            self._index(device)

    def hear(self, person: Person, sighting: Sighting, address: Address) -> None:
        """An event says that this address is where ``person`` can be reached."""
        device = self._known.devices.get(address.value) or self._register(person, sighting, address)
        if device.state is DeviceState.RETIRED:
            return
        self._take_first(device, person, sighting)
        heard = Heard(
            customer_id=person.customer_id if sighting.user_id is not None else None,
            anonymous_id=sighting.anonymous_id,
            source_id=sighting.source_id,
            at=sighting.at,
            out=sighting.event in LOG_OUT,
            trusted=sighting.trusted or sighting.verified,
        )
        if self._note(device, heard):
            self.settle([device.address])
        if device.customer_id == person.customer_id and device.learn(sighting, address):
            self.changed.add(device.address)
            self.settle([device.address])

    def settle_mentioning(self, *ids: int | str) -> None:
        """Decide again about every address at which one of these numbers or anonymous ids was heard."""
        self.settle(sorted({address for each in ids for address in self._mentioned.get(each, ())}))

    def unite(self, gone: int, survivor: int) -> None:
        """Two customers have become one."""
        for address in self._mentioned.pop(gone, set()):
            _renumber(self._known.devices[address], gone, survivor)
            self._mentioned.setdefault(survivor, set()).add(address)
            self.changed.add(address)
        self.settle(sorted(self._owned.get(gone, set()) | self._mentioned.get(survivor, set())))

    def settle(self, addresses: Iterable[str]) -> None:
        """Decide about addresses from what is known of them."""
        owners: set[int] = set()
        for address in addresses:
            device = self._known.devices[address]
            if device.state is not DeviceState.RETIRED:
                owners |= self._settle(device)
        for owner in sorted(owners):
            self._replace(owner)

    def _settle(self, device: Device) -> set[int]:
        before = device.customer_id
        owner, state, _ = self._decide(device)
        if owner != before:
            self._owned.get(before, set()).discard(device.address)
            self._owned.setdefault(owner, set()).add(device.address)
            device.customer_id = owner
            self.touched.add(before)
        self._turn(device, state, moved=owner != before)
        return {before, owner}

    def _decide(self, device: Device) -> tuple[int, DeviceState, datetime]:
        """Owner, state but for replacement, and the owner's last moment."""
        proven = {self._who.survivor(number).customer_id for number in device.proven_for}
        words = []
        for each in device.heard:
            person = self._whose(each)
            if person is None:
                continue
            words.append(
                (each.at, each.customer_id is not None, person.user_id or "", each.anonymous_id or "", each.out, person)
            )
            if each.trusted or (each.anonymous_id is not None and self._who.is_proven(person, each.anonymous_id)):
                proven.add(person.customer_id)
        if not words:
            return device.customer_id, device.state, device.last_seen
        words.sort(key=lambda word: word[:5], reverse=True)
        last = words[0]
        alone = all(word[-1] is last[-1] for word in words if word[0] == last[0])
        if alone and last[-1].customer_id in proven:
            return last[-1].customer_id, DeviceState.SIGNED_OUT if last[-2] else DeviceState.LIVE, last[0]
        former = next((word for word in words if word[-1].customer_id in proven), None)
        if former is not None:
            return former[-1].customer_id, DeviceState.SIGNED_OUT, former[0]
        return last[-1].customer_id, DeviceState.UNPROVEN, last[0]

    def _whose(self, heard: Heard) -> Person | None:
        """Who that is by now; None for one of whom nothing is known any more, because he was erased."""
        if heard.customer_id is not None:
            return self._who.survivor(heard.customer_id)
        link = self._known.anonymous.get(heard.anonymous_id or "")
        return None if link is None else self._who.survivor(link.customer_id)

    def _replace(self, owner: int) -> None:
        """Of the addresses of one installation let the latest be as it is, and the others be replaced."""
        own = [self._known.devices[address] for address in sorted(self._owned.get(owner, ()))]
        named = [one for one in own if one.device_key is not None and one.state is not DeviceState.RETIRED]
        if len(named) < 2 and all(one.state is not DeviceState.REPLACED for one in named):  # noqa: PLR2004 - nothing to compare
            return
        decided = [(one, *self._decide(one)[1:]) for one in named]
        decided.sort(key=lambda each: (each[0].device_key or 0, each[2], each[0].address))
        for _, group in groupby(decided, key=lambda each: each[0].device_key):
            installation = list(group)
            proven = [device for device, state, _ in installation if state in _PROVEN]
            for device, state, _ in installation:
                replaced = state in _PROVEN and device is not proven[-1]
                self._turn(device, DeviceState.REPLACED if replaced else state)

    def _turn(self, device: Device, state: DeviceState, *, moved: bool = False) -> None:
        if moved or device.state is not state:
            device.state = state
            self.changed.add(device.address)
            self.touched.add(device.customer_id)

    def _take_first(self, device: Device, person: Person, sighting: Sighting) -> None:
        """The first device of a customer whose app never sends an anonymous id is his; the shop must not know him yet."""
        own_birth = person.born_anonymous_id is None and person.born_source_id == sighting.source_id
        others = self._owned.get(person.customer_id, set()) - {device.address}
        if own_birth and not (person.known_to_shop or others or device.heard or person.user_id is None):
            device.proven_for.add(person.customer_id)

    def _register(self, person: Person, sighting: Sighting, address: Address) -> Device:
        device = Device(
            address=address.value,
            kind=address.kind,
            customer_id=person.customer_id,
            source_id=sighting.source_id,
            anonymous_id=sighting.anonymous_id,
            state=DeviceState.UNPROVEN,
            first_seen=sighting.at,
            last_seen=NEVER,
        )
        self._known.devices[address.value] = device
        self._index(device)
        self.changed.add(address.value)
        return device

    def _note(self, device: Device, heard: Heard) -> bool:
        """Keep who was heard; whether it can change what is decided.

        With one person at an address, that he was heard again can not, unless he has several and it is which of them is the
        latest: it is kept by the minute only.
        """
        if heard.at >= device.last_seen:
            if heard.at.replace(second=0, microsecond=0) > device.last_seen:
                self.changed.add(device.address)
            device.last_seen = heard.at
            self.touched.add(device.customer_id)  # of several phones the one heard last tells platform and language
        device.first_seen = min(device.first_seen, heard.at)
        for each in device.heard:
            if each.key == heard.key:
                return each.join(heard) or len(device.heard) > 1 or self._is_one_of_many(device)
        device.heard.append(heard)
        if len(device.heard) > MOST_HEARD:
            device.heard.remove(min(device.heard, key=lambda each: each.at))
        self._index(device)
        self.changed.add(device.address)
        return True

    def _is_one_of_many(self, device: Device) -> bool:
        """Whether its owner has others, one of which may be of the same installation."""
        return device.device_key is not None and len(self._owned.get(device.customer_id, ())) > 1

    def _index(self, device: Device) -> None:
        self._owned.setdefault(device.customer_id, set()).add(device.address)
        for each in device.mentions():
            self._mentioned.setdefault(each, set()).add(device.address)


def _renumber(device: Device, gone: int, survivor: int) -> None:
    joined: dict[tuple[int | None, str | None, int], Heard] = {}
    for each in device.heard:
        if each.customer_id == gone:
            each.customer_id = survivor
        if each.key in joined:
            joined[each.key].join(each)
        else:
            joined[each.key] = each
    device.heard = list(joined.values())
