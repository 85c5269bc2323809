"""Who is whom and whose address it is, decided slowly from all events at once: nothing here knows an order of arrival.

Only what nobody can know without it is given: with which anonymous id each user came into being.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from segments.addresses import LOG_OUT
from segments.sightings import Sighting

People: TypeAlias = dict[tuple[str, str], frozenset[str]]
"""("user" or "anonymous", id) → the user ids of its person; of a visitor his anonymous id, in brackets."""


def people(sightings: Sequence[Sighting]) -> People:
    """Every id with its person."""
    united = [
        (one.user_id, one.previous_id)
        for one in sightings
        if one.vouches and one.user_id and one.previous_id is not None
    ]
    users = {one.user_id for one in sightings if one.user_id} | {previous for _, previous in united}
    found: People = {("user", user): _reach(user, united) for user in users}
    claims: dict[str, list[tuple[bool, bool, datetime, str]]] = {}
    for one in sightings:
        if one.anonymous_id is not None:
            claims.setdefault(one.anonymous_id, [])
        if one.user_id:
            for anonymous, signed in ((one.anonymous_id, one.verified), (one.previous_id, False)):
                if anonymous is not None:
                    claims.setdefault(anonymous, []).append((not one.vouches, not signed, one.at, one.user_id))
    for anonymous, made in claims.items():
        owner = found["user", min(made)[3]] if made else frozenset({f"({anonymous})"})
        found["anonymous", anonymous] = owner
    return found


def _reach(user: str, edges: Iterable[tuple[str, str]]) -> frozenset[str]:
    reached = {user}
    while more := {b for a, b in edges if a in reached} | {a for a, b in edges if b in reached}:
        if more <= reached:
            break
        reached |= more
    return frozenset(reached)


def addresses(
    sightings: Sequence[Sighting], births: Mapping[str, str], installations: Mapping[str, int | None]
) -> dict[str, tuple[frozenset[str], str]]:
    """Owner and state of every address; no two of the events are of the same moment."""
    whose = people(sightings)
    proven = {(whose["user", user], anonymous) for user, anonymous in births.items()}
    for one in sightings:
        if one.user_id and one.anonymous_id and one.proves:
            proven.add((whose["user", one.user_id], one.anonymous_id))
        if one.user_id and one.previous_id and one.vouches:
            proven.add((whose["user", one.user_id], one.previous_id))
    decided = {}
    for address in {one.address.value for one in sightings if one.address is not None}:
        told = [one for one in sightings if one.address is not None and one.address.value == address]
        decided[address] = _decide(told, whose, proven)
    return _replaced(decided, installations)


_Decided: TypeAlias = tuple[frozenset[str], str, datetime]


def _decide(told: Sequence[Sighting], whose: People, proven: set[tuple[frozenset[str], str]]) -> _Decided:
    persons: dict[frozenset[str], list[Sighting]] = {}
    for one in told:
        key = ("user", one.user_id) if one.user_id else ("anonymous", one.anonymous_id or "")
        persons.setdefault(whose[key], []).append(one)
    sure = {
        person
        for person, own in persons.items()
        for one in own
        if one.trusted
        or one.verified
        or (person, one.anonymous_id) in proven
        or (one.anonymous_id and whose["anonymous", one.anonymous_id] == frozenset({f"({one.anonymous_id})"}))
    }
    moments = {person: max(one.at for one in own) for person, own in persons.items()}
    latest = max(moments.values())
    last = [person for person, at in moments.items() if at == latest]
    if len(last) == 1 and last[0] in sure:
        out = any(one.event in LOG_OUT for one in persons[last[0]] if one.at == latest)
        return last[0], "signed_out" if out else "live", latest
    if sure:
        former = max(moments[person] for person in sure)
        return next(person for person in sure if moments[person] == former), "signed_out", former
    return last[0], "unproven", latest


def _replaced(
    decided: Mapping[str, _Decided], installations: Mapping[str, int | None]
) -> dict[str, tuple[frozenset[str], str]]:
    states = {address: (owner, state) for address, (owner, state, _) in decided.items()}
    for address, (owner, state, at) in decided.items():
        newer = [
            other
            for other, (whom, how, when) in decided.items()
            if whom == owner
            and how in ("live", "signed_out")
            and installations[other] is not None
            and installations[other] == installations[address]
            and (when, other) > (at, address)
        ]
        if newer and state in ("live", "signed_out"):
            states[address] = (owner, "replaced")
    return states
