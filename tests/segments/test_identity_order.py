"""The same events in any order, repeated, cut anywhere: the same people, and the same addresses live for the same people.

See docs/decisions/0012-identity-under-reordering.md for the promise, and for the one thing that must depend on arrival.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, permutations

import pytest

from segments.identity import Registry
from segments.sightings import Address, Claim, DeviceState, Heard, Known, Sighting
from tests.segments import identity_reference as reference
from tests.segments.ownership import owner_of

MOMENT = datetime(2026, 4, 1, tzinfo=UTC)
APP, SERVER = 1, 2
INSTALLATIONS = {"t1": 7, "t2": 7, "t3": None, "t4": 8}
USERS = ["u1", "u2", "u3", "u4"]
ANONYMOUS = ["a1", "a2", "a3", "a4"]


def draw(chance: random.Random, at: int) -> Sighting:
    """Any event of four people on four phones. An app always knows its anonymous id; a server need not."""
    server = chance.random() < 0.2
    user = chance.choice([*USERS, *USERS, None])
    anonymous = chance.choice(ANONYMOUS)
    token = None if server else chance.choice([None, *INSTALLATIONS])
    return Sighting(
        source_id=SERVER if server else APP,
        trusted=server,
        vouches=server,
        verified=not server and user is not None and chance.random() < 0.1,
        user_id=user,
        anonymous_id=chance.choice([anonymous, None]) if server and user else anonymous,
        at=MOMENT + timedelta(minutes=at),
        previous_id=chance.choice([*USERS, *ANONYMOUS]) if chance.random() < 0.08 else None,
        event="Signed Out" if chance.random() < 0.1 else None,
        address=Address(value=token, device_key=INSTALLATIONS[token]) if token else None,
    )


class Arrived(Registry):
    """A registry that can be asked for everything."""

    def __init__(self, known: Known, numbers: Iterator[int]) -> None:
        super().__init__(known, numbers)
        self.known = known


def arrive(sightings: Sequence[Sighting], chance: random.Random) -> Arrived:
    """They come in, in this order, in batches of any size."""
    known, numbers = Known(), count(1)
    registry = Arrived(known, numbers)
    for one in sightings:
        if chance.random() < 0.2:
            registry = Arrived(known, numbers)
        registry.see(one)
    return registry


def people_of(registry: Arrived) -> reference.People:
    known = registry.known
    members: dict[int, set[str]] = {}
    for user in known.users:
        members.setdefault(owner_of(registry, user, None), set()).add(user)
    found: reference.People = {
        ("user", user): frozenset(members[owner_of(registry, user, None)]) for user in known.users
    }
    for anonymous in known.anonymous:
        owner = owner_of(registry, None, anonymous)
        found["anonymous", anonymous] = frozenset(members.get(owner, {f"({anonymous})"}))
    return found


def addresses_of(registry: Arrived) -> dict[str, tuple[frozenset[str], str]]:
    known = registry.known
    people = people_of(registry)
    persons = {owner_of(registry, user, None): people["user", user] for user in known.users}
    visitors = {owner_of(registry, None, one): person for (kind, one), person in people.items() if kind == "anonymous"}
    return {
        device.address: ({**visitors, **persons}[device.customer_id], str(device.state))
        for device in known.devices.values()
    }


def births_in(sightings: Sequence[Sighting]) -> dict[str, str]:
    """Users who came into being with an anonymous id: the one thing that goes by arrival. An alias bears a user too."""
    born: dict[str, str | None] = {}
    for one in sightings:
        if one.user_id is not None:
            born.setdefault(one.user_id, one.anonymous_id)
        if one.user_id is not None and one.previous_id is not None and one.vouches:
            born.setdefault(one.previous_id, None)
    return {user: anonymous for user, anonymous in born.items() if anonymous is not None}


def check(seed: int, *, times: int) -> None:
    chance = random.Random(seed)
    at_once = seed % 2 == 0  # several events of the same moment: who holds an address then is anybody's guess
    moments = [chance.randrange(12) for _ in range(30)] if at_once else chance.sample(range(200), 30)
    events = [draw(chance, at) for at in moments]
    for _ in range(times):
        order = [*events, *chance.choices(events, k=10)]
        chance.shuffle(order)
        registry = arrive(order, chance)
        assert people_of(registry) == reference.people(events)
        if not at_once:
            assert addresses_of(registry) == reference.addresses(events, births_in(order), INSTALLATIONS)


@pytest.mark.parametrize("seed", range(40))
def test_people_and_addresses_do_not_depend_on_the_order_of_arrival(seed: int) -> None:
    check(seed, times=6)


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(1000, 3000))
def test_people_and_addresses_do_not_depend_on_the_order_of_arrival_at_length(seed: int) -> None:
    check(seed, times=20)


def test_a_late_word_of_an_earlier_user_takes_the_visitors_history_back() -> None:
    known = Known()
    registry = Registry(known, count(1))

    def see(user: str | None, minute: int) -> int:
        at = MOMENT + timedelta(minutes=minute)
        return registry.see(
            Sighting(source_id=APP, trusted=False, vouches=False, user_id=user, anonymous_id="a1", at=at)
        )

    see(None, 0)
    second = see("u2", 20)
    history = registry.customer_of(None, "a1")
    assert owner_of(registry, None, "a1") == second
    registry = Registry(known, count(10))
    first = see("u1", 10)
    assert (owner_of(registry, None, "a1"), registry.customer_of(None, "a1")) == (first, history)
    assert [(merge.gone, merge.survivor) for merge in registry.merges()] == [(history, first)]
    assert registry.moved == {history, first, second}


def test_a_late_word_does_not_take_a_phone_from_whom_it_belongs_to_by_now() -> None:
    known = Known()
    registry = Registry(known, count(1))
    phone = Address(value="t1")
    for user, anonymous, minute in (("u1", "a1", 0), ("u2", "a2", 20), ("u1", "a1", 10)):
        at = MOMENT + timedelta(minutes=minute)
        registry.see(
            Sighting(
                source_id=APP, trusted=False, vouches=False, user_id=user, anonymous_id=anonymous, at=at, address=phone
            )
        )
    assert known.devices["t1"].customer_id == owner_of(registry, "u2", None)
    assert known.devices["t1"].state is DeviceState.LIVE


def reach_of(known: Known) -> dict[int, list[tuple[str, DeviceState]]]:
    """What a row of the frame says about somebody's phones follows from these: their states, and which was heard last."""
    found: dict[int, list[tuple[str, DeviceState]]] = {}
    for device in sorted(known.devices.values(), key=lambda each: (each.last_seen, each.address)):
        found.setdefault(device.customer_id, []).append((device.address, device.state))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_whoever_gets_or_loses_an_address_by_a_batch_is_touched(seed: int) -> None:
    chance = random.Random(seed)
    known, numbers = Known(), count(1)
    for _ in range(40):
        before = reach_of(known)
        registry = Registry(known, numbers)
        batch = [draw(chance, chance.randrange(200)) for _ in range(chance.randint(1, 3))]
        for one in batch:
            registry.see(one)
        seen = {registry.customer_of(one.user_id, one.anonymous_id) for one in batch}
        told = {registry.survivor(number).customer_id for number in seen | registry.touched}
        after = reach_of(known)
        assert {person for person in before.keys() | after.keys() if before.get(person) != after.get(person)} <= (
            told | registry.touched
        )


def test_who_loses_a_phone_to_another_is_touched() -> None:
    known, numbers = Known(), count(1)
    people = []
    for minute, (user, anonymous) in enumerate([("u1", "a1"), ("u2", "a2")]):
        registry = Registry(known, numbers)
        at = MOMENT + timedelta(minutes=minute)
        people.append(
            registry.see(
                Sighting(source_id=SERVER, trusted=True, vouches=True, user_id=user, anonymous_id=anonymous, at=at,
                         address=Address(value="t1"))
            )
        )  # fmt: skip
    assert known.devices["t1"].customer_id == people[1]
    assert registry.touched >= set(people)


def test_whose_phone_somebody_else_used_last_is_touched() -> None:
    """It stays his, signed out, and is now the one of his two that was heard last."""
    known, numbers = Known(), count(1)
    for minute, (user, token, own) in enumerate(
        [("u1", "t1", True), ("u2", "t1", False), ("u1", "t3", True), ("u2", "t1", False)]
    ):
        registry = Registry(known, numbers)
        at = MOMENT + timedelta(minutes=minute)
        registry.see(
            Sighting(source_id=APP, trusted=own, vouches=False, user_id=user, anonymous_id=None, at=at,
                     address=Address(value=token))
        )  # fmt: skip
    owner = owner_of(registry, "u1", None)
    assert (known.devices["t1"].customer_id, known.devices["t1"].state) == (owner, DeviceState.SIGNED_OUT)
    assert owner in registry.touched


def test_it_would_be_noticed_if_the_first_to_come_owned_an_anonymous_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Claim, "rank", 0)
    with pytest.raises(AssertionError):
        _check_some()


def test_it_would_be_noticed_if_the_last_to_come_held_a_phone(monkeypatch: pytest.MonkeyPatch) -> None:
    def join(self: Heard, other: Heard) -> bool:
        self.at, self.out = other.at, other.out
        return True

    monkeypatch.setattr(Heard, "join", join)
    with pytest.raises(AssertionError):
        _check_some()


def _check_some() -> None:
    for seed in range(20):
        check(seed, times=6)


@pytest.mark.parametrize("order", list(permutations([("t1", 1), ("t2", 2), ("t1", 3)])))
def test_of_one_installations_addresses_the_one_heard_last_is_live_in_any_order(
    order: Sequence[tuple[str, int]],
) -> None:
    """Also where nothing is new but the moment: an address that comes into use again replaces the one that replaced it."""
    registry = Arrived(Known(), count(1))
    for token, at in order:
        address = Address(value=token, device_key=INSTALLATIONS[token])
        registry.see(
            Sighting(source_id=APP, trusted=False, vouches=False, user_id="u1", anonymous_id="a1",
                     at=MOMENT + timedelta(minutes=at), address=address)
        )  # fmt: skip
    assert registry.device("t1").state is DeviceState.LIVE
    assert registry.device("t2").state is DeviceState.REPLACED
