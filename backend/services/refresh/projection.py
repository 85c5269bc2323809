"""Writes what a batch says about people to PostgreSQL: a few statements for all of it, in one transaction, once."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime

from backend.lake.rows import Logged
from backend.services.refresh.people import Said, consents_in, ids_in, traits_in
from backend.store import consents, customers, devices, identities, refresh
from backend.store.pool import Connection
from segments import traits as rules
from segments.identity import Registry
from segments.sightings import Merge, Sighting


async def load_registry(connection: Connection, sightings: Sequence[Sighting], *, births: bool) -> Registry:
    """What is known of everyone in a batch; with numbers for customers to be born where there may be any."""
    users, anonymous, addresses = ids_in(sightings)
    known = await identities.load_known(connection, users=users, anonymous=anonymous, addresses=addresses)
    unknown = len(users - known.users.keys()) + len(anonymous - known.anonymous.keys()) if births else 0
    numbers = await customers.reserve_numbers(connection, count=unknown) if unknown else []
    return Registry(known, numbers)


async def project(
    connection: Connection, rows: Sequence[Logged], sightings: Sequence[Sighting], registry: Registry
) -> None:
    """Decide who is whom, event by event, and keep all that follows. To be called once per batch, in a transaction."""
    await asyncio.to_thread(_decide, sightings, registry)
    await _keep_people(connection, registry)
    merges = registry.final_merges()
    if merges:
        await _keep_merges(connection, merges)
    if registry.devices:
        await devices.put(connection, [registry.device(address) for address in sorted(registry.devices)])

    def customer_of(row: Logged) -> int:
        return registry.customer_of(row.user_id, row.anonymous_id)

    words = list(consents_in(rows, customer_of))
    if words:
        await consents.put(connection, words)
    await _keep_traits(connection, list(traits_in(rows, customer_of)))
    timeline = [(customer_of(row), row.occurred_at, row.seq, row.received_day) for row in rows]
    await customers.add_timeline(connection, timeline)
    await refresh.touch(connection, customer_ids={entry[0] for entry in timeline} | registry.touched)


def _decide(sightings: Iterable[Sighting], registry: Registry) -> None:
    for sighting in sightings:
        registry.see(sighting)


async def _keep_people(connection: Connection, registry: Registry) -> None:
    if registry.births:
        await customers.add(connection, list(registry.births.values()))
    changed = [registry.person(number) for number in sorted(registry.changed - registry.births.keys())]
    if changed:
        await customers.change(connection, changed)
    links = list(registry.identities())
    if links:
        await identities.put(connection, links)


async def _keep_merges(connection: Connection, merges: Sequence[Merge]) -> None:
    await customers.merge(connection, merges)
    await identities.move(connection, merges)
    await consents.inherit(connection, merges)
    old = await customers.read_traits(
        connection, customer_ids={number for merge in merges for number in (merge.gone, merge.survivor)}
    )
    changed = {}
    for merge in merges:
        gone, gone_times = old[merge.gone]
        if gone_times:
            old[merge.survivor] = changed[merge.survivor] = rules.merge_timed(*old[merge.survivor], gone, gone_times)
    await customers.write_traits(connection, [(who, *traits, None) for who, traits in changed.items()])


async def _keep_traits(connection: Connection, said: Sequence[Said]) -> None:
    if not said:
        return
    state = await customers.read_traits(connection, customer_ids={who for who, _, _ in said})
    newest: dict[int, datetime] = {}
    for who, traits, at in said:
        state[who] = rules.merge(*state[who], traits, at)
        newest[who] = max(at, newest.get(who, at))
    await customers.write_traits(connection, [(who, *state[who], at) for who, at in newest.items()])
