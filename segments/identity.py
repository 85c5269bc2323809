"""Who is whom, and whose push address it is: decided event by event in the order of the log. Pure.

Linking. A user id names one customer. An anonymous id belongs to the customer it was first seen with; when it was
nobody's yet and comes together with a user id, the anonymous customer becomes that user or is merged into him.
An anonymous id that already has a user stays with him. Two identified customers are merged by an alias from a
secret source only, never by a public key.

Addresses. Pushes go to `live` addresses only, and an address becomes live for a customer only by a proof:
the event comes from a secret source or carries a customer's token; or its anonymous id is the one the customer was born with over the same source;
or one of these two has named that anonymous id together with the customer; or the address was proven his before (he
signed out and in again); or the customer was born over this very source without an anonymous id, the shop has never
vouched for him, and he has no device yet. Without a proof the address is kept as `unproven` and gets nothing. A live address of someone else moves by the same proofs only; a claim
without proof ends the old binding (`signed_out`): a phone where somebody else signed in shows no one's messages.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from segments.sightings import Address, Device, DeviceState, Known, Link, Merge, Person, Sighting

LOG_OUT = frozenset({"Signed Out", "Logged Out"})
"""Custom events that say the person left this phone."""


class Registry:
    """Decides a batch: call `see` for each event in order, then read what changed.

    Args:
        known: what was known before; it is changed in place.
        numbers: unused customer numbers, as many as there may be births.

    Attributes:
        births, changed, links, merges, devices: what is new or different, to be kept by the shell.
        touched: everyone whose reach may be different now, beside those who were seen.
    """

    def __init__(self, known: Known, numbers: Iterable[int]) -> None:
        self._known = known
        self._numbers: Iterator[int] = iter(numbers)
        self.births: dict[int, Person] = {}
        self.changed: set[int] = set()
        self.links: set[tuple[str, str]] = set()
        self.merges: list[Merge] = []
        self.devices: set[str] = set()
        self.touched: set[int] = set()
        self._named_at: dict[str, datetime] = {}
        self._devices_of: dict[int, set[str]] = {}
        self._anonymous_of: dict[int, set[str]] = {}
        for address, device in known.devices.items():
            self._devices_of.setdefault(device.customer_id, set()).add(address)
        for anonymous_id, link in known.anonymous.items():
            self._anonymous_of.setdefault(link.customer_id, set()).add(anonymous_id)

    def see(self, sighting: Sighting) -> int:
        """The customer of an event, by everything seen so far."""
        if sighting.previous_id is not None:
            self._alias(sighting, sighting.previous_id)
        person = self._person(sighting)
        if sighting.proves and not person.known_to_shop:
            person.known_to_shop = True
            self.changed.add(person.customer_id)
        if sighting.proves and sighting.anonymous_id is not None and sighting.user_id is not None:
            self._prove(person, sighting.anonymous_id)
        if sighting.address is not None:
            self._claim(person, sighting, sighting.address)
        return person.customer_id

    def customer_of(self, user_id: str | None, anonymous_id: str | None) -> int:
        """The customer whose ids these are by everything seen so far; the user id decides."""
        number = self._known.users.get(user_id) if user_id is not None else None
        if number is None:
            number = self._known.anonymous[anonymous_id or ""].customer_id
        return self._survivor(number).customer_id

    def identities(self) -> Iterator[tuple[str, str, Link]]:
        """The ids that are new or whose owner is another, each as (kind, value, link)."""
        for kind, value in sorted(self.links):
            if kind == "anonymous":
                yield kind, value, self._known.anonymous[value]
            else:
                person = self._survivor(self._known.users[value])
                yield kind, value, Link(person.customer_id, proven=True, at=self._named_at[value])

    def final_merges(self) -> list[Merge]:
        """Every customer who was merged, with the last survivor; vouched where every step was."""
        steps = {merge.gone: merge for merge in self.merges}
        final = []
        for merge in self.merges:
            survivor, vouched = merge.survivor, merge.vouched
            while survivor in steps:
                survivor, vouched = steps[survivor].survivor, vouched and steps[survivor].vouched
            final.append(Merge(merge.gone, survivor, vouched))
        return final

    def person(self, customer_id: int) -> Person:
        """A customer who was born or changed."""
        return self._known.people[customer_id]

    def device(self, address: str) -> Device:
        """A device that is new or changed."""
        return self._known.devices[address]

    def _survivor(self, number: int) -> Person:
        person = self._known.people[number]
        while person.merged_into is not None:
            person = self._known.people[person.merged_into]
        return person

    def _person(self, sighting: Sighting) -> Person:
        user_id, anonymous_id = sighting.user_id, sighting.anonymous_id
        named = self._known.users.get(user_id) if user_id is not None else None
        link = self._known.anonymous.get(anonymous_id) if anonymous_id is not None else None
        if named is not None:
            person = self._survivor(named)
            if anonymous_id is not None:
                self._adopt(person, anonymous_id, link, sighting, vouched=sighting.proves)
            return person
        if link is None:
            return self._bear(sighting)
        person = self._survivor(link.customer_id)
        if user_id is None:
            return person
        if person.user_id is not None:  # someone else signs in on a phone that belongs to another user
            return self._bear(sighting)
        person.user_id = user_id
        self.changed.add(person.customer_id)
        self._name(user_id, person.customer_id, sighting.at)
        return person

    def _bear(self, sighting: Sighting) -> Person:
        person = Person(
            customer_id=next(self._numbers),
            user_id=sighting.user_id,
            born_source_id=sighting.source_id,
            born_anonymous_id=sighting.anonymous_id,
            created_at=sighting.at,
        )
        self._known.people[person.customer_id] = self.births[person.customer_id] = person
        if sighting.user_id is not None:
            self._name(sighting.user_id, person.customer_id, sighting.at)
        if sighting.anonymous_id is not None and sighting.anonymous_id not in self._known.anonymous:
            self._tie(sighting.anonymous_id, Link(person.customer_id, proven=True, at=sighting.at))
        return person

    def _adopt(
        self, person: Person, anonymous_id: str, link: Link | None, sighting: Sighting, *, vouched: bool
    ) -> None:
        """Give a known user the anonymous id he came with, and the anonymous customer's history."""
        if link is None:
            self._tie(anonymous_id, Link(person.customer_id, proven=vouched, at=sighting.at))
            return
        other = self._survivor(link.customer_id)
        if other is not person and other.user_id is None:
            self._merge(other, person, vouched=vouched)

    def _alias(self, sighting: Sighting, previous_id: str) -> None:
        """Merge what an alias names; between two identified customers only where the source vouches.

        A customer's token speaks for himself, not for the other id: it proves nothing here.
        """
        user = Sighting(
            source_id=sighting.source_id,
            trusted=sighting.trusted,
            vouches=sighting.vouches,
            user_id=sighting.user_id,
            anonymous_id=None if sighting.user_id is not None else sighting.anonymous_id,
            at=sighting.at,
        )
        survivor = self._person(user)
        named = self._known.users.get(previous_id)
        if named is None:
            link = self._known.anonymous.get(previous_id)
            self._adopt(survivor, previous_id, link, sighting, vouched=sighting.vouches)
        elif sighting.vouches and (other := self._survivor(named)) is not survivor:
            self._merge(other, survivor, vouched=True)

    def _merge(self, gone: Person, survivor: Person, *, vouched: bool) -> None:
        gone.merged_into = survivor.customer_id
        self.merges.append(Merge(gone.customer_id, survivor.customer_id, vouched))
        self.touched |= {gone.customer_id, survivor.customer_id}
        if gone.known_to_shop and vouched and not survivor.known_to_shop:
            survivor.known_to_shop = True
            self.changed.add(survivor.customer_id)
        for anonymous_id in self._anonymous_of.pop(gone.customer_id, set()):
            link = self._known.anonymous[anonymous_id]
            self._tie(anonymous_id, Link(survivor.customer_id, proven=link.proven and vouched, at=link.at))
        for address in list(self._devices_of.get(gone.customer_id, ())):
            self._inherit(self._known.devices[address], survivor, vouched=vouched)

    def _inherit(self, device: Device, survivor: Person, *, vouched: bool) -> None:
        """The devices of a merged customer: without a proof of their own they get none of the survivor's pushes."""
        born = _born_with(survivor, device.source_id, device.anonymous_id)
        self._bind(device, survivor)
        if device.state is not DeviceState.LIVE:
            return
        if vouched or born or survivor.customer_id in device.proven_for:
            device.proven_for.add(survivor.customer_id)
        else:
            device.state = DeviceState.UNPROVEN

    def _prove(self, person: Person, anonymous_id: str) -> None:
        link = self._known.anonymous[anonymous_id]
        if link.proven or self._survivor(link.customer_id) is not person:
            return
        self._tie(anonymous_id, Link(person.customer_id, proven=True, at=link.at))
        for address in self._devices_of.get(person.customer_id, ()):
            device = self._known.devices[address]
            if device.state is DeviceState.UNPROVEN and device.anonymous_id == anonymous_id:
                device.state = DeviceState.LIVE
                device.proven_for.add(person.customer_id)
                self.devices.add(address)
                self.touched.add(person.customer_id)

    def _claim(self, person: Person, sighting: Sighting, address: Address) -> None:
        """An event says that this address is where ``person`` can be reached."""
        device = self._known.devices.get(address.value)
        if device is not None and device.state is DeviceState.RETIRED:
            return
        before = device is not None and person.customer_id in device.proven_for
        proven = before or self._is_proven(person, sighting)
        if device is None:
            self._register(person, sighting, address, proven=proven)
        elif device.customer_id == person.customer_id:
            self._hear(device, sighting, address, proven=proven)
        elif proven or device.state is DeviceState.UNPROVEN:
            self._bind(device, person)
            device.state = DeviceState.UNPROVEN
            self._hear(device, sighting, address, proven=proven)
        elif device.state is DeviceState.LIVE:
            device.state = DeviceState.SIGNED_OUT
            self.devices.add(device.address)
            self.touched.add(device.customer_id)
        if sighting.event in LOG_OUT:
            self._sign_out(person, address.value)

    def _is_proven(self, person: Person, sighting: Sighting) -> bool:
        if sighting.trusted or sighting.verified or _born_with(person, sighting.source_id, sighting.anonymous_id):
            return True
        link = self._known.anonymous.get(sighting.anonymous_id) if sighting.anonymous_id is not None else None
        if link is not None and link.proven and self._survivor(link.customer_id) is person:
            return True
        own_birth = person.born_anonymous_id is None and person.born_source_id == sighting.source_id
        return own_birth and not person.known_to_shop and not self._devices_of.get(person.customer_id)

    def _register(self, person: Person, sighting: Sighting, address: Address, *, proven: bool) -> None:
        device = Device(
            address=address.value,
            kind=address.kind,
            customer_id=person.customer_id,
            source_id=sighting.source_id,
            anonymous_id=sighting.anonymous_id,
            state=DeviceState.UNPROVEN,
            first_seen=sighting.at,
            last_seen=sighting.at,
        )
        self._known.devices[address.value] = device
        self._devices_of.setdefault(person.customer_id, set()).add(address.value)
        self._hear(device, sighting, address, proven=proven)

    def _hear(self, device: Device, sighting: Sighting, address: Address, *, proven: bool) -> None:
        """Keep what an event says about a device; without a proof it says nothing about a live one."""
        if not proven and device.state is DeviceState.LIVE:
            return
        proven_now = proven and (device.state is not DeviceState.LIVE or device.customer_id not in device.proven_for)
        if proven_now:
            device.state = DeviceState.LIVE
            device.proven_for.add(device.customer_id)
        if device.learn(sighting, address) or proven_now:
            self.devices.add(device.address)

    def _sign_out(self, person: Person, address: str) -> None:
        device = self._known.devices[address]
        if device.customer_id == person.customer_id and device.state is DeviceState.LIVE:
            device.state = DeviceState.SIGNED_OUT
            self.devices.add(address)

    def _bind(self, device: Device, person: Person) -> None:
        self._devices_of[device.customer_id].discard(device.address)
        self.touched |= {device.customer_id, person.customer_id}
        device.customer_id = person.customer_id
        self._devices_of.setdefault(person.customer_id, set()).add(device.address)
        self.devices.add(device.address)

    def _tie(self, anonymous_id: str, link: Link) -> None:
        self._known.anonymous[anonymous_id] = link
        self._anonymous_of.setdefault(link.customer_id, set()).add(anonymous_id)
        self.links.add(("anonymous", anonymous_id))

    def _name(self, user_id: str, customer_id: int, at: datetime) -> None:
        self._known.users[user_id] = customer_id
        self._named_at[user_id] = at
        self.links.add(("user", user_id))


def _born_with(person: Person, source_id: int, anonymous_id: str | None) -> bool:
    return anonymous_id is not None and person.born_anonymous_id == anonymous_id and person.born_source_id == source_id
