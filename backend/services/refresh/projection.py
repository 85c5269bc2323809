"""Writes what a batch says about people to PostgreSQL: a few statements for all of it, in one transaction, once."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from backend.lake.log import Log, Sender
from backend.services.refresh.people import Said, births_in, consents_in, ids_in, moving_in, traits_in
from backend.store import consents, customers, devices, identities, refresh, webhooks
from backend.store.consents import Word
from backend.store.customers import OwnTraits, TraitRow
from backend.store.pool import Connection
from campaigns.notices import Notice, NoticeType
from segments import traits as rules
from segments.identity import Registry
from segments.sightings import Sighting


async def load_registry(connection: Connection, sightings: Sequence[Sighting], *, births: bool) -> Registry:
    """What is known of everyone in a batch; with numbers for customers to be born where there may be any."""
    users, anonymous, addresses = ids_in(sightings)
    known = await identities.load_map(connection, users=users, anonymous=anonymous)
    moving = {devices.heard_id(each) for each in moving_in(sightings, known)}
    await identities.load_people(connection, known, addresses=addresses, moving=moving)
    unknown = births_in(sightings, known) if births else 0
    numbers = await customers.reserve_numbers(connection, count=unknown) if unknown else []
    return Registry(known, numbers)


async def project(connection: Connection, log: Log, sightings: Sequence[Sighting], registry: Registry) -> None:
    """Decide who is whom, event by event, and keep all that follows. To be called once per batch, in a transaction."""
    await asyncio.to_thread(_decide, sightings, registry)
    await _keep_people(connection, registry)
    await _tell_merges(connection, registry, log)
    if registry.devices:
        await devices.put(connection, [registry.device(address) for address in sorted(registry.devices)])

    def customer_of(sender: Sender) -> int:
        return registry.customer_of(sender.user_id, sender.anonymous_id)

    await _keep_consents(connection, list(consents_in(log, customer_of)), registry)
    await _keep_traits(connection, list(traits_in(log, customer_of)), registry)
    timeline = log.heads.select(customers_of(log, registry), "occurred_at", "seq", "received_day")
    await customers.add_timeline(
        connection, timeline.sort("customer_id", "occurred_at").write_csv(include_header=False)
    )
    await refresh.touch(connection, customer_ids={*timeline.get_column("customer_id").unique(), *registry.touched})


def customers_of(log: Log, registry: Registry) -> pl.Series:
    """The number of every event's customer."""
    numbers = [registry.customer_of(sender.user_id, sender.anonymous_id) for sender in log.senders]
    return pl.Series("customer_id", numbers, pl.Int64).gather(log.heads.get_column("sender"))


def _decide(sightings: Iterable[Sighting], registry: Registry) -> None:
    for sighting in sightings:
        registry.see(sighting)


async def _keep_people(connection: Connection, registry: Registry) -> None:
    if registry.births:
        await customers.add(connection, list(registry.births.values()))
    changed = [registry.person(number) for number in sorted(registry.changed - registry.births.keys())]
    if changed:
        await customers.change(connection, changed)
    if named := list(registry.users()):
        await identities.put_users(connection, named)
    if links := list(registry.links()):
        await identities.put_links(connection, links)
    if merges := registry.merges():
        await customers.merge(connection, merges)
        await identities.move(connection, merges)


async def _tell_merges(connection: Connection, registry: Registry, log: Log) -> None:
    """Let webhooks know who is whom from now on."""
    merges = registry.merges()
    if not merges or not await webhooks.is_wanted(connection, str(NoticeType.CUSTOMER_MERGED)):
        return
    at = log.heads.item(-1, "received_at")
    for merge in merges:
        if merge.gone != merge.survivor:
            data = {"customer_id": merge.gone, "into": merge.survivor}
            await webhooks.publish(connection, Notice(NoticeType.CUSTOMER_MERGED, at, data))


async def _keep_consents(connection: Connection, words: Sequence[Word], registry: Registry) -> None:
    """Words go into the history under the number they were said with; what stands is made from the history."""
    concerned = {word.customer_id for word in words} | registry.moved
    if not concerned:
        return
    if words:
        await consents.put(connection, words)
    survivors = {registry.survivor(number).customer_id for number in concerned}
    await consents.settle(connection, customer_ids=survivors, merged=concerned - survivors)


async def _keep_traits(connection: Connection, said: Sequence[Said], registry: Registry) -> None:
    """Likewise for traits: own ones under each number, and for the person all of them, of each the later word."""
    concerned = {who for who, _, _ in said} | registry.moved
    if not concerned:
        return
    survivors = {registry.survivor(number).customer_id for number in concerned}
    own = {one.customer_id: one for one in await customers.read_own_traits(connection, customer_ids=survivors)}
    newest: dict[int, datetime] = {}
    for who, traits, at in said:
        own[who].traits, own[who].trait_times = rules.merge(own[who].traits, own[who].trait_times, traits, at)
        for number in (who, registry.survivor(who).customer_id):
            newest[number] = max(at, newest.get(number, at))
    await customers.write_traits(connection, list(_trait_rows(own, survivors, newest)))


def _trait_rows(own: dict[int, OwnTraits], survivors: Iterable[int], newest: dict[int, datetime]) -> Iterable[TraitRow]:
    absorbed: dict[int, list[OwnTraits]] = {}
    for number, one in sorted(own.items()):
        if one.merged_into is not None:
            absorbed.setdefault(one.merged_into, []).append(one)
            if number in newest:
                yield number, one.traits, one.trait_times, None, None, newest[number]
    for number in sorted(survivors):
        one, others = own[number], absorbed.get(number, [])
        traits, times = _together([*others, one])
        if number in newest or traits != one.shown:
            apart = (one.traits, one.trait_times) if others else (None, None)
            yield number, traits, times, *apart, newest.get(number)


def _together(parts: Sequence[OwnTraits]) -> tuple[dict[str, Any], dict[str, int]]:
    """Of words of the same moment the one of the last part stands: the survivor's own."""
    traits, times = parts[0].traits, parts[0].trait_times
    for part in parts[1:]:
        traits, times = rules.merge_timed(traits, times, part.traits, part.trait_times)
    return traits, times
