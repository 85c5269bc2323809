"""Who is whom: decided event by event, and the same whatever the order in which they come. Pure.

A user id names one customer; two of them are one where the shop's own systems said so by an alias. An anonymous id is
the user's who has the best claim to it: the shop's word goes first, then a customer's token, then the earlier. Before
any claim it is a visitor of its own. What came with a user id is that user's history; what came with an anonymous id
alone is kept under a number of its own, and goes along when a better claim turns up.

Whose push address it is: see `segments.addresses`. A proof that an anonymous id is a customer's is the word of a source
that vouches, or that the customer came into being with it; only the latter depends on what came in first, because a
stranger can backdate what he sends, but cannot have sent it earlier. See docs/decisions/0012-identity-under-reordering.md.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from segments.addresses import Addresses
from segments.sightings import Claim, Device, Known, Link, Merge, Person, Sighting


class Registry:
    """Decides a batch: call `see` for each event in order, then read what changed.

    Args:
        known: what was known before; it is changed in place.
        numbers: unused customer numbers, as many as there may be births.

    Attributes:
        births, changed: customers who are new or different, to be kept by the shell.
        moved: numbers whose history went elsewhere, and customers from whom or to whom it went.
    """

    def __init__(self, known: Known, numbers: Iterable[int]) -> None:
        self._known = known
        self._numbers: Iterator[int] = iter(numbers)
        self.births: dict[int, Person] = {}
        self.changed: set[int] = set()
        self._links: set[str] = set()
        self._named_at: dict[str, datetime] = {}
        self._gone: dict[int, None] = {}
        self.moved: set[int] = set()
        self._addresses = Addresses(known, self)

    def see(self, sighting: Sighting) -> int:
        """The customer of an event, by everything seen so far."""
        if sighting.previous_id is not None and sighting.user_id is not None:
            self._alias(sighting, sighting.user_id, sighting.previous_id)
        if sighting.user_id is None:
            person = self._visitor(sighting)
        else:
            person = self._user(sighting, sighting.user_id)
            if sighting.anonymous_id is not None:
                self._claim(person, sighting.anonymous_id, sighting, proven=sighting.proves)
            if sighting.proves and not person.known_to_shop:
                person.known_to_shop = True
                self.changed.add(person.customer_id)
        if sighting.address is not None:
            self._addresses.hear(person, sighting, sighting.address)
        return person.customer_id

    def customer_of(self, user_id: str | None, anonymous_id: str | None) -> int:
        """The number under which an event with these ids is kept: the user's, else the anonymous id's own."""
        number = self._known.users.get(user_id) if user_id is not None else None
        if number is not None:
            return self.survivor(number).customer_id
        link = self._known.anonymous[anonymous_id or ""]
        return self.survivor(link.customer_id).customer_id if link.node_id is None else link.node_id

    @property
    def devices(self) -> set[str]:
        """Addresses that are new or changed."""
        return self._addresses.changed

    @property
    def touched(self) -> set[int]:
        """Everyone whose history or reach may be different now, beside those who were seen."""
        return self.moved | self._addresses.touched

    def users(self) -> Iterator[tuple[str, int, datetime]]:
        """User ids that are new, with their customer and when they were first seen."""
        for user_id, at in sorted(self._named_at.items()):
            yield user_id, self.survivor(self._known.users[user_id]).customer_id, at

    def links(self) -> Iterator[tuple[str, Link, bool]]:
        """Anonymous ids that are new or different, each with whether it is proven its owner's."""
        for anonymous_id in sorted(self._links):
            link = self._known.anonymous[anonymous_id]
            owner = self.survivor(link.customer_id)
            link.customer_id = owner.customer_id
            yield anonymous_id, link, self.is_proven(owner, anonymous_id)

    def merges(self) -> list[Merge]:
        """Every number that was merged, or merged elsewhere, with the last survivor."""
        return [Merge(gone, self.survivor(gone).customer_id) for gone in self._gone]

    def person(self, customer_id: int) -> Person:
        """A customer who was born or changed."""
        return self._known.people[customer_id]

    def device(self, address: str) -> Device:
        """A device that is new or changed."""
        return self._known.devices[address]

    def survivor(self, number: int) -> Person:
        """The customer that a number stands for."""
        while number in self._known.merged:
            number = self._known.merged[number]
        return self._known.people[number]

    def is_proven(self, person: Person, anonymous_id: str) -> bool:
        """Whether the anonymous id is proven to be his. What nobody claims is its visitor's."""
        link = self._known.anonymous.get(anonymous_id)
        if link is None:
            return False
        if link.claim is None:
            return True
        return any(self.survivor(number) is person for number in link.proven_for)

    def _user(self, sighting: Sighting, user_id: str) -> Person:
        number = self._known.users.get(user_id)
        if number is not None:
            return self.survivor(number)
        person = self._bear(sighting, user_id=user_id)
        self._name(user_id, person, sighting.at)
        if sighting.anonymous_id is not None:
            self._claim(person, sighting.anonymous_id, sighting, proven=True)
        return person

    def _visitor(self, sighting: Sighting) -> Person:
        """The owner of an anonymous id that came alone; from now on it has a number of its own."""
        anonymous_id = sighting.anonymous_id or ""
        link = self._known.anonymous.get(anonymous_id)
        if link is not None and link.node_id is not None:
            return self.survivor(link.customer_id)
        node = self._bear(sighting, user_id=None)
        self._links.add(anonymous_id)
        if link is None:
            self._known.anonymous[anonymous_id] = Link(
                customer_id=node.customer_id, node_id=node.customer_id, at=sighting.at
            )
            return node
        link.node_id = node.customer_id
        owner = self.survivor(link.customer_id)
        self._merge(node.customer_id, owner)
        return owner

    def _bear(self, sighting: Sighting, *, user_id: str | None) -> Person:
        person = Person(
            customer_id=next(self._numbers),
            user_id=user_id,
            born_source_id=sighting.source_id,
            born_anonymous_id=sighting.anonymous_id,
            created_at=sighting.at,
        )
        self._known.people[person.customer_id] = self.births[person.customer_id] = person
        return person

    def _claim(self, person: Person, anonymous_id: str, sighting: Sighting, *, proven: bool) -> None:
        """A user came with an anonymous id: it is his where no one has a better claim."""
        own = sighting.verified and anonymous_id == sighting.anonymous_id
        claim = Claim(vouched=sighting.vouches, at=sighting.at, user_id=sighting.user_id or "", verified=own)
        link = self._known.anonymous.get(anonymous_id)
        if link is None:
            link = Link(customer_id=person.customer_id, node_id=None, at=sighting.at, claim=claim)
            self._known.anonymous[anonymous_id] = link
            self._links.add(anonymous_id)
        elif link.claim is None or claim.rank < link.claim.rank:
            link.claim = claim
            self._links.add(anonymous_id)
            self._give(anonymous_id, link, person)
        if proven and person.customer_id not in link.proven_for:
            link.proven_for.add(person.customer_id)
            self._links.add(anonymous_id)
            self._addresses.settle_mentioning(anonymous_id)

    def _give(self, anonymous_id: str, link: Link, person: Person) -> None:
        before = self.survivor(link.customer_id)
        if before is person:
            return
        link.customer_id = person.customer_id
        if link.node_id is not None:
            self._merge(link.node_id, person)
            self.moved.add(before.customer_id)
        self._addresses.settle_mentioning(anonymous_id)

    def _alias(self, sighting: Sighting, user_id: str, previous_id: str) -> None:
        """The id before was the user's too: as an anonymous id, and where the shop says so as a user id.

        A customer's token speaks for himself, not for the other id: it proves nothing here.
        """
        person = self._user(sighting, user_id)
        self._claim(person, previous_id, sighting, proven=sighting.vouches)
        if not sighting.vouches:
            return
        number = self._known.users.get(previous_id)
        if number is None:
            self._name(previous_id, person, sighting.at)
        elif (other := self.survivor(number)) is not person:
            self._unite(other, person)

    def _unite(self, gone: Person, survivor: Person) -> None:
        self._merge(gone.customer_id, survivor)
        if gone.known_to_shop and not survivor.known_to_shop:
            survivor.known_to_shop = True
            self.changed.add(survivor.customer_id)
        self._addresses.unite(gone.customer_id, survivor.customer_id)

    def _merge(self, number: int, survivor: Person) -> None:
        self._known.merged[number] = survivor.customer_id
        self._gone[number] = None
        self.moved |= {number, survivor.customer_id}

    def _name(self, user_id: str, person: Person, at: datetime) -> None:
        self._known.users[user_id] = person.customer_id
        self._named_at[user_id] = at
