"""What is decided from the events of a batch that say anything is what all of its events decide, to the last detail."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import msgspec
import polars as pl
import pytest

from segments.addresses import LOG_OUT
from segments.gist import telling
from segments.identity import Registry
from segments.sightings import Known, Sighting
from tests.segments.test_identity_order import MOMENT, draw


def batch(chance: random.Random, *, ordered: bool) -> list[Sighting]:
    """Few senders, each heard many times: as draws of a small deck, at any moment."""
    deck = [draw(chance, 0) for _ in range(chance.randint(1, 8))]
    minutes = [chance.randrange(60) for _ in range(chance.randint(5, 60))]
    return [
        msgspec.structs.replace(chance.choice(deck), at=MOMENT + timedelta(minutes=at))
        for at in (sorted(minutes) if ordered else minutes)
    ]


def told(sightings: Sequence[Sighting]) -> list[Sighting]:
    """As the refresh picks them from the log."""
    senders: dict[Any, int] = {}
    rows = []
    for place, one in enumerate(sightings):
        alike = msgspec.structs.replace(one, at=MOMENT, event=None)
        sender = senders.setdefault(alike, len(senders))
        rows.append((sender, one.event in LOG_OUT, place if one.previous_id is not None else None, one.at))
    schema: dict[str, Any] = {
        "sender": pl.Int64,
        "out": pl.Boolean,
        "alias": pl.Int64,
        "said_at": pl.Datetime("us", "UTC"),
    }
    frame = pl.DataFrame(rows, schema, orient="row")
    return [sightings[place] for place in telling(("sender", "out", "alias"), of=frame)]


def decided(batches: Sequence[Sequence[Sighting]]) -> Known:
    known, numbers = Known(), count(1)
    for sightings in batches:
        registry = Registry(known, numbers)
        for one in sightings:
            registry.see(one)
        for _ in registry.links():
            pass  # written back with the survivors' numbers, as the refresh does
        for device in known.devices.values():
            device.customer_id = registry.survivor(device.customer_id).customer_id
    return known


def assert_equal(known: Known, expected: Known, *, facts: bool) -> None:
    assert (known.people, known.merged, known.users) == (expected.people, expected.merged, expected.users)
    assert known.anonymous == expected.anonymous
    assert known.devices.keys() == expected.devices.keys()
    for address, device in known.devices.items():
        other = expected.devices[address]
        if not facts:  # what is told of a phone by several persons goes by the order in which it was theirs
            other = replace(other, told=device.told, device_key=device.device_key, source_id=device.source_id, anonymous_id=device.anonymous_id)  # fmt: skip
        assert device == other


@pytest.mark.parametrize("seed", range(60))
def test_few_events_decide_what_all_decide(seed: int) -> None:
    chance = random.Random(seed)
    batches = [batch(chance, ordered=seed % 2 == 0) for _ in range(chance.randint(1, 4))]
    kept = [told(sightings) for sightings in batches]
    assert sum(map(len, kept)) <= sum(map(len, batches))
    assert_equal(decided(kept), decided(batches), facts=False)


@pytest.mark.prove
def test_few_events_decide_what_all_decide_for_long() -> None:
    for seed in range(1000, 5000):
        chance = random.Random(seed)
        batches = [batch(chance, ordered=seed % 2 == 0) for _ in range(chance.randint(1, 4))]
        assert_equal(decided([told(sightings) for sightings in batches]), decided(batches), facts=False)


@pytest.mark.parametrize("seed", range(30))
def test_of_a_phone_with_one_owner_every_fact_is_kept(seed: int) -> None:
    chance = random.Random(seed)
    ours = {"user_id": "u1", "anonymous_id": "a1", "previous_id": None, "verified": False, "trusted": False, "vouches": False, "source_id": 1}  # fmt: skip
    sightings = [msgspec.structs.replace(one, **ours) for one in batch(chance, ordered=True)]
    kept = told(sightings)
    assert_equal(decided([kept]), decided([sightings]), facts=True)


def test_of_many_alike_four_are_enough_and_aliases_are_all_kept() -> None:
    one = draw(random.Random(1), 0)
    one = msgspec.structs.replace(one, previous_id=None, event=None)
    many = [msgspec.structs.replace(one, at=MOMENT + timedelta(minutes=at)) for at in (5, 7, 1, 9, 2, 9, 1, 3, 6)]
    assert [(each.at - MOMENT).seconds // 60 for each in told(many)] == [5, 1, 9, 6]
    aliases = [msgspec.structs.replace(each, previous_id="a9") for each in many]
    assert told(aliases) == aliases
