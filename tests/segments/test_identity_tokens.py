"""What a customer's token proves about him and his phone, and what it does not."""

from itertools import count, permutations
from typing import Any

import pytest

from segments.sightings import Merge
from tests.segments.ownership import owner_of
from tests.segments.test_identity import SERVER, House


@pytest.fixture
def house() -> House:
    return House()


def signed(house: House, user: str, anonymous: str | None = None, **more: Any) -> int:
    """An event that carries a good token of its user."""
    return house.see(user, anonymous, verified=True, **more)


def test_a_second_phone_is_live_without_a_word_of_the_server(house: House) -> None:
    house.see("u1", by=SERVER)
    house.see("u1", "a1", token="t1")
    assert house.live("u1") == set()
    signed(house, "u1", "a2", token="t2")
    assert house.live("u1") == {"t2"}


def test_a_token_proves_the_phone_for_events_before_and_behind_it(house: House) -> None:
    house.see("u1", by=SERVER)
    house.see("u1", "a1", token="t1")
    signed(house, "u1", "a1")
    assert house.live("u1") == {"t1"}
    house.next_batch()
    house.see("u1", "a1", token="t2")
    assert house.live("u1") == {"t1", "t2"}


def test_a_visitors_phone_stays_live_when_he_signs_in_with_a_token(house: House) -> None:
    house.see("u1", by=SERVER)
    visitor = house.see(anonymous="a1", token="t1")
    member = signed(house, "u1", "a1")
    assert house.registry.merges() == [Merge(visitor, member)]
    assert house.live("u1") == {"t1"}


def test_a_phone_goes_to_whom_signs_in_on_it_with_a_token(house: House) -> None:
    signed(house, "u1", "a1", token="t1")
    signed(house, "u2", "a1", token="t1")
    assert (house.live("u1"), house.live("u2")) == (set(), {"t1"})


def test_a_token_of_one_member_never_merges_another_into_him(house: House) -> None:
    victim, stranger = signed(house, "victim", "a1", token="own"), signed(house, "stranger", "a2")
    signed(house, "stranger", "a2", previous_id="victim", token="evil")
    assert (house.see("victim"), house.see("stranger")) == (victim, stranger)
    assert house.see(anonymous="a1") == victim
    assert (house.live("victim"), house.live("stranger")) == ({"own"}, {"evil"})


def test_a_token_does_not_prove_the_other_id_of_an_alias(house: House) -> None:
    house.see(anonymous="someone", token="t1")
    house.see("u1", by=SERVER)
    signed(house, "u1", previous_id="someone")
    assert house.live("u1") == set()


def test_a_stranger_without_a_token_gains_nothing_by_the_victims(house: House) -> None:
    signed(house, "victim", "a1", token="own")
    house.see("victim", "a2", token="evil")
    house.see("victim", token="evil")
    house.see("stranger", "a2", previous_id="victim", token="evil")
    assert house.live("victim") == {"own"}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_token_proves_the_same_in_any_order(house: House, order: tuple[int, ...]) -> None:
    house.see("u1", by=SERVER)
    calls = [
        lambda: house.see(anonymous="a1", token="t1"),
        lambda: house.see("u1", "a1", token="t1"),
        lambda: signed(house, "u1", "a1"),
    ]
    for number in order:
        calls[number]()
        house.next_batch()
    assert house.live("u1") == {"t1"}


def test_a_token_does_not_take_from_a_member_what_the_shop_called_his(house: House) -> None:
    """The stranger is a member too, knows the victim's anonymous id, and writes any time he likes."""
    victim = house.see("victim", "a1", by=SERVER)
    house.see("victim", "a1", token="own")
    house.clock = count(-300 * 86_400)
    signed(house, "stranger", "a1")
    assert owner_of(house.registry, None, "a1") == victim
    assert house.live("victim") == {"own"}


def test_a_token_goes_before_an_earlier_word_of_nobody(house: House) -> None:
    house.see("stranger", "a1")
    member = signed(house, "u1", "a1")
    assert owner_of(house.registry, None, "a1") == member
