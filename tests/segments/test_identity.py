"""Who is whom and whose address it is: a stranger with the public key gets nothing that is the victim's."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from segments.identity import Registry
from segments.sightings import Address, DeviceState, Known, Merge, Sighting
from tests.segments.ownership import owner_of

APP, SERVER = 1, 2
MOMENT = datetime(2026, 4, 1, tzinfo=UTC)


class House:
    """A registry with short words."""

    def __init__(self) -> None:
        self.known = Known()
        self.numbers: Iterator[int] = count(1)
        self.registry = Registry(self.known, self.numbers)
        self.clock = count()

    def see(
        self,
        user: str | None = None,
        anonymous: str | None = None,
        *,
        by: int = APP,
        token: str | None = None,
        **more: Any,
    ) -> int:
        sighting = Sighting(
            source_id=by,
            trusted=by == SERVER,
            vouches=by == SERVER,
            user_id=user,
            anonymous_id=anonymous,
            at=MOMENT + timedelta(seconds=next(self.clock)),
            address=Address(value=token) if token else None,
            **more,
        )
        return self.registry.see(sighting)

    def next_batch(self) -> None:
        """What was decided is known from now on: nothing may depend on where the log was cut."""
        self.registry = Registry(self.known, self.numbers)

    def live(self, user: str) -> set[str]:
        """Addresses that get this member's pushes."""
        person = owner_of(self.registry, user, None)
        return {
            device.address
            for device in self.known.devices.values()
            if device.customer_id == person and device.state is DeviceState.LIVE
        }


@pytest.fixture
def house() -> House:
    return House()


def test_an_anonymous_visitor_becomes_the_member_he_signs_in_as(house: House) -> None:
    visitor = house.see(anonymous="a1")
    member = house.see("u1", "a1")
    assert member == house.see("u1") == house.see(anonymous="a1")
    assert house.registry.merges() == [Merge(visitor, member)]


def test_a_second_phone_of_a_member_brings_its_history_along(house: House) -> None:
    member = house.see("u1", "a1")
    visitor = house.see(anonymous="a2")
    assert visitor != member
    assert house.see("u1", "a2") == member == house.see(anonymous="a2")
    assert house.registry.merges() == [Merge(visitor, member)]


def test_an_anonymous_id_stays_with_its_first_member(house: House) -> None:
    first = house.see("u1", "a1")
    second = house.see("u2", "a1")
    assert first != second
    assert house.see(anonymous="a1") == first
    assert house.see("u2") == second


@pytest.mark.parametrize("order", ["user first", "anonymous first"])
def test_linking_does_not_depend_on_which_id_came_first(house: House, order: str) -> None:
    for ids in (("u1", None), (None, "a1")) if order == "user first" else ((None, "a1"), ("u1", None)):
        house.see(*ids)
    house.see("u1", "a1")
    assert owner_of(house.registry, "u1", None) == owner_of(house.registry, None, "a1")


def test_a_public_key_never_merges_two_members(house: House) -> None:
    victim, stranger = house.see("victim", "a-victim"), house.see("stranger", "a-stranger")
    house.see("stranger", "a-stranger", previous_id="victim")
    house.see("victim", "a-stranger", previous_id="stranger")
    house.see("stranger", "a-victim")
    house.see("victim", "a-stranger")
    assert (house.see("victim"), house.see("stranger")) == (victim, stranger)
    assert house.see(anonymous="a-victim") == victim


def test_the_shop_may_merge_two_members(house: House) -> None:
    kept, gone = house.see("u1", by=SERVER), house.see("u2", by=SERVER)
    house.see("u1", by=SERVER, previous_id="u2")
    assert house.see("u2") == kept
    assert house.registry.merges() == [Merge(gone, kept)]


def test_merges_in_a_chain_name_the_last_survivor(house: House) -> None:
    for user in ("u1", "u2", "u3"):
        house.see(user, by=SERVER)
    house.see("u2", by=SERVER, previous_id="u1")
    house.see("u3", by=SERVER, previous_id="u2")
    last = house.see("u3")
    assert {merge.survivor for merge in house.registry.merges()} == {last}
    assert house.see("u1") == last


def test_an_alias_of_an_anonymous_id_is_an_identification(house: House) -> None:
    visitor = house.see(anonymous="a1")
    house.see("u1", previous_id="a1")
    assert house.see(anonymous="a1") == house.see("u1")
    assert [merge.gone for merge in house.registry.merges()] == [visitor]


def test_the_phone_a_member_was_born_with_is_his(house: House) -> None:
    house.see("u1", "a1", token="t1")
    assert house.live("u1") == {"t1"}


def test_a_visitor_who_signs_in_keeps_his_phone(house: House) -> None:
    house.see(anonymous="a1", token="t1")
    house.see("u1", "a1", token="t1")
    assert house.live("u1") == {"t1"}


def test_a_new_token_of_the_same_installation_is_his_too(house: House) -> None:
    house.see("u1", "a1", token="t1")
    house.next_batch()
    house.see("u1", "a1", token="t2")
    assert "t2" in house.live("u1")


@pytest.mark.parametrize("born", ["in the app", "in the app without anonymous id, with a phone", "in the shop"])
@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize(
    "attack",
    [
        [{"user": "victim", "anonymous": "a-stranger", "token": "evil"}],
        [{"anonymous": "a-stranger", "token": "evil"}, {"user": "victim", "anonymous": "a-stranger", "token": "evil"}],
        [{"user": "victim", "token": "evil"}],
        [{"anonymous": "a-stranger", "token": "evil"}, {"user": "victim", "previous_id": "a-stranger"}],
        [
            {"user": "stranger", "token": "evil"},
            {"user": "victim", "previous_id": "stranger"},
            {"user": "victim", "token": "evil"},
        ],
        [{"anonymous": "victim", "token": "evil"}, {"user": "victim", "anonymous": "victim", "token": "evil"}],
        [{"user": "victim", "anonymous": "a-stranger", "token": "evil"}] * 3,
    ],
)
def test_a_strangers_address_never_gets_the_victims_pushes(
    house: House, born: str, attack: list[dict[str, Any]], cut: bool
) -> None:
    own = {"in the app": "a-victim", "in the shop": None}.get(born)
    house.see(
        "victim", own, by=SERVER if born == "in the shop" else APP, token=None if born == "in the shop" else "own"
    )
    for blow in attack:
        if cut:
            house.next_batch()
        house.see(**blow)
        assert "evil" not in house.live("victim")
    assert house.live("victim") == (set() if born == "in the shop" else {"own"})


def test_a_stranger_who_knows_the_victims_address_cannot_take_it_by_naming_himself(house: House) -> None:
    house.see("victim", "a-victim", token="own")
    house.see("stranger", "a-other")
    house.see("stranger", "a-victim", token="own")
    assert house.live("stranger") == set()


def test_a_phone_named_by_the_shop_together_with_the_member_becomes_live(house: House) -> None:
    house.see("u1", by=SERVER)
    house.see("u1", "a2", token="t2")
    assert house.live("u1") == set()
    house.next_batch()
    house.see("u1", "a2", by=SERVER)
    assert house.live("u1") == {"t2"}


def test_the_word_of_joren_itself_proves_nothing(house: House) -> None:
    house.see("u1", by=SERVER)
    house.see("u1", "a2", token="t2")
    fact = Sighting(source_id=3, trusted=True, vouches=False, user_id="u1", anonymous_id="a2", at=MOMENT)
    house.registry.see(fact)
    assert house.live("u1") == set()


def test_signing_out_takes_the_address_along(house: House) -> None:
    house.see("u1", "a1", token="t1")
    house.see(anonymous="a2", token="t1")  # Segment's reset makes a new anonymous id
    assert house.live("u1") == set()


def test_signing_in_again_on_a_phone_that_was_proven_brings_it_back(house: House) -> None:
    house.see("u1", "a1", token="t1")
    house.see(anonymous="a2", token="t1")
    house.next_batch()
    house.see("u1", "a2", token="t1")
    assert house.live("u1") == {"t1"}


def test_someone_else_on_the_phone_ends_the_binding_even_without_a_proof_of_his_own(house: House) -> None:
    house.see("u2", by=SERVER)
    house.see("u1", "a1", token="t1")
    house.see("u2", "a1", token="t1")
    assert house.live("u1") == house.live("u2") == set()
    house.see("u1", "a1", token="t1")
    assert house.live("u1") == {"t1"}


def test_the_event_of_signing_out_ends_the_binding(house: House) -> None:
    house.see("u1", "a1", token="t1")
    house.see("u1", "a1", token="t1", event="Signed Out")
    assert house.live("u1") == set()


def test_an_address_that_was_retired_stays_retired(house: House) -> None:
    house.see("u1", "a1", token="t1")
    house.known.devices["t1"].state = DeviceState.RETIRED
    house.see("u1", "a1", token="t1")
    assert house.live("u1") == set()


def test_a_merge_without_the_shops_word_does_not_carry_a_proof(house: House) -> None:
    house.see("victim", by=SERVER)
    house.see(anonymous="a2", token="evil")
    house.see("victim", "a2")
    device = house.known.devices["evil"]
    assert (device.customer_id, device.state) == (house.see("victim"), DeviceState.UNPROVEN)


@pytest.mark.parametrize("seed", range(30))
def test_where_the_log_is_cut_decides_nothing(seed: int) -> None:
    chance = random.Random(seed)
    calls = [
        {
            "user": chance.choice([None, "u1", "u2", "u3"]),
            "anonymous": chance.choice(["a1", "a2", "a3", "a4"]),
            "by": chance.choice([APP, APP, APP, SERVER]),
            "token": chance.choice([None, "t1", "t2", "t3"]),
            "previous_id": chance.choice([None] * 6 + ["u1", "a1", "u2"]),
        }
        for _ in range(60)
    ]
    ends = []
    for every in (1, 7, 1000):
        house = House()
        for number, call in enumerate(calls):
            if number % every == 0:
                house.next_batch()
            house.see(**call)
        ends.append(
            (
                [house.see(user) for user in ("u1", "u2", "u3")],
                {a: owner_of(house.registry, None, a) for a in ("a1", "a2", "a3", "a4") if a in house.known.anonymous},
                {d.address: (d.customer_id, d.state) for d in house.known.devices.values()},
            )
        )
    assert ends[0] == ends[1] == ends[2]


@pytest.mark.parametrize("seed", range(30))
def test_repeating_a_call_changes_no_person(seed: int) -> None:
    chance = random.Random(seed)
    once, twice = House(), House()
    for _ in range(60):
        call = {
            "user": chance.choice([None, "u1", "u2"]),
            "anonymous": chance.choice(["a1", "a2", "a3"]),
            "by": chance.choice([APP, SERVER]),
            "token": chance.choice([None, "t1", "t2"]),
        }
        first = once.see(**call)
        assert twice.see(**call) == twice.see(**call) == first
    assert {d.address: (d.customer_id, d.state) for d in once.known.devices.values()} == {
        d.address: (d.customer_id, d.state) for d in twice.known.devices.values()
    }
