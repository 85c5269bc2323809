"""Loads the demo shop into an installation, through the same door as everything else, and brings the numbers up to date.

Interrupted, it goes on where it was: the simulated shop is the same for the same dates and seed, its events have the same
ids, and how many parts are stored is written in the transaction that stored them.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import msgspec
import polars as pl

from backend.demo import phone_book
from backend.demo.dice import Dice
from backend.demo.generator import BLOCK, blocks
from backend.demo.installation import DemoServices
from backend.demo.people import members as people_of
from backend.demo.phone_book import Keys
from backend.demo.season import Season
from backend.demo.shop import CURRENCY, NAME_EN, NAME_JA, RANK_RULES, ZONE, ShopConfig, coupons, stores
from backend.demo.wire import APP, SERVER
from backend.errors import Conflict, Unavailable
from backend.services.definitions import CouponDefinition, StoreDefinition
from backend.services.refresh.loop import Refresh
from backend.services.shop import ShopSettings
from backend.store import imports as ledger
from backend.store import shop as shop_store
from backend.store.staged_events import append_staged
from segments.envelope import event_id_of
from segments.rules.parse import parse

PART = 25_000
"""Events stored in one transaction."""

ACTOR = "joren demo"
APP_SOURCE, SERVER_SOURCE = "灯ノ葉 アプリ", "灯ノ葉 会員サーバー"

REGISTERED_AT_ONCE = 5_000

UNREGISTERED_IN_A_HUNDRED = 3
"""Of a hundred push addresses, how many belong to phones from which the app is gone."""

Progress = Callable[[str, int, int], None]

SEGMENTS: dict[str, dict[str, object]] = {
    "ゴールド以上の会員": {"attribute": "rank", "op": "in", "value": ["ゴールド", "プラチナ"]},
    "2回目がまだの会員（通知が届く）": {
        "all": [
            {"attribute": "orders", "op": "=", "value": 1},
            {"attribute": "last_order", "op": "before_days", "value": 30},
            {"attribute": "reachable", "op": "is_true"},
        ]
    },
    "未使用クーポンを持つ会員": {
        "all": [{"attribute": "coupons_held", "op": ">=", "value": 1}, {"attribute": "reachable", "op": "is_true"}]
    },
    "アプリを60日開いていない会員": {"attribute": "last_launch", "op": "before_days", "value": 60},
}
"""Segments to begin with."""


class _Plan(msgspec.Struct, frozen=True):
    """Which shop is being loaded: kept, so that a run on a later day goes on with the same one."""

    last: date
    members: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoShop:
    """The loaded shop: its members, events (repeats left out) and days."""

    members: int
    events: int
    first: date
    last: date


async def load_demo(
    services: DemoServices,
    *,
    home: Path,
    progress: Progress,
    now: datetime,
    members: int = 20_000,
    phone_url: str | None = None,
    season: Season | None = None,
) -> DemoShop:
    """Load the shop, or go on loading it; does nothing but write the phone pages' file when it is loaded.

    Args:
        services: of the installation.
        home: JOREN_HOME.
        progress: told what is being done, how much of it is done, and of how much.
        now: an aware time; on the first run the shop's last day is the day before.
        members: size of the shop, on the first run.
        phone_url: where the FCM emulator takes registrations; None leaves push addresses unregistered.
        season: the shop's campaigns; None leaves it without any.

    Raises:
        Conflict: the installation holds a shop's own data.
        Unavailable: the emulator does not answer.
    """
    folder = home / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    await _refuse_real_data(services)
    config = _planned(folder, now=now, members=members)
    keys = await _keys(services, folder / "keys.json")
    phone_book.write(folder / "phone.json", config, keys, api_url=services.settings.public_url)
    loading = await _begin(services, config)
    if loading.finished_at is None:
        await _define(services, config)
        await _register(config, phone_url)
        await _store(services, loading, config, keys=keys, progress=progress, season=season)
    await _refresh(services.refresh, progress, loading.events)
    return DemoShop(members=config.members, events=loading.events, first=config.first, last=config.last)


@dataclass(slots=True)
class _Loading:
    """How far the ledger of imports says that loading came."""

    import_id: int
    parts_done: int
    events: int
    finished_at: datetime | None


async def _refuse_real_data(services: DemoServices) -> None:
    async with services.pool.acquire() as connection:
        settings = await shop_store.read_settings(connection)
        has_history = await shop_store.has_history(connection)
    if has_history and not settings.simulated:
        raise Conflict("This installation holds a shop's own data: give the demo a folder of its own (JOREN_HOME).")


def _planned(folder: Path, *, now: datetime, members: int) -> ShopConfig:
    file = folder / "shop.json"
    if not file.exists():
        today = now.astimezone(ZoneInfo(ZONE)).date()
        plan = _Plan(last=today - timedelta(days=1), members=members, seed=ShopConfig(last=today).seed)
        file.write_bytes(msgspec.json.encode(plan))
    plan = msgspec.json.decode(file.read_bytes(), type=_Plan)
    return ShopConfig(last=plan.last, members=plan.members, seed=plan.seed)


async def _keys(services: DemoServices, file: Path) -> Keys:
    """The write keys of the two sources; made on the first run, and anew where the database does not know them."""
    kept = _read_keys(file)
    if kept and await services.sources.identify(kept.app) and await services.sources.identify(kept.server):
        return kept
    keys = Keys(app=await _key(services, APP_SOURCE, "app"), server=await _key(services, SERVER_SOURCE, "server"))
    _write_keys(file, keys)
    return keys


def _read_keys(file: Path) -> Keys | None:
    return msgspec.json.decode(file.read_bytes(), type=Keys) if file.exists() else None


def _write_keys(file: Path, keys: Keys) -> None:
    file.touch(mode=0o600)
    file.write_bytes(msgspec.json.encode(keys))


async def _key(services: DemoServices, name: str, kind: str) -> str:
    taken = {source.name for source in await services.sources.list()}
    free = next(each for each in (name, *(f"{name} {n}" for n in range(2, 100))) if each not in taken)
    return (await services.sources.create(free, kind=kind)).write_key


async def _begin(services: DemoServices, config: ShopConfig) -> _Loading:
    digest = hashlib.blake2b(repr(config).encode(), digest_size=32).digest()
    async with services.pool.acquire() as connection, connection.transaction():
        record = await ledger.find(connection, kind="demo", digest=digest)
        if record is None:
            now, name = services.clock.now(), f"{NAME_EN} {config.last}"
            record = await ledger.begin(connection, kind="demo", file_name=name, digest=digest, now=now)
    return _Loading(record["import_id"], record["parts_done"], record["rows_stored"], record["finished_at"])


async def _define(services: DemoServices, config: ShopConfig) -> None:
    """The shop's settings, stores, coupons, rank rules and first segments."""
    settings = ShopSettings(
        name_ja=NAME_JA, name_en=NAME_EN, zone=ZONE, currency=CURRENCY, history_complete=True, simulated=True
    )
    if not (await services.shop.get()).simulated:
        await services.shop.save(settings, actor=ACTOR)
    await services.definitions.put_stores(
        [StoreDefinition(store_id=each.store_id, name_ja=each.ja, name_en=each.en, prefecture=each.prefecture) for each in stores()]
    )  # fmt: skip
    await services.definitions.put_coupons(
        [
            CouponDefinition(
                coupon_id=each.coupon_id, title_ja=each.ja, title_en=each.en,
                valid_from=each.valid_from, valid_until=each.valid_until, audience=each.audience,
                valid_days=each.valid_days, uses_per_person=1 if each.audience == "issued" else None,
            )
            for each in coupons(config)
        ]
    )  # fmt: skip
    if not await services.rank_desk.versions():
        await services.rank_desk.save(RANK_RULES, valid_from=config.first, actor=ACTOR)
    for name, rule in SEGMENTS.items():
        with contextlib.suppress(Conflict):
            await services.segment_runs.create(name, parse(rule), actor=ACTOR)


async def _register(config: ShopConfig, phone_url: str | None) -> None:
    """Tell the FCM emulator on which phones the app is; on a few it is not any more."""
    if phone_url is None:
        return
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        for tokens in _registered_tokens(config):
            try:
                answer = await client.post(
                    f"{phone_url}/emulator/addresses", json={"addresses": tokens, "kind": "token"}
                )
                answer.raise_for_status()
            except httpx.HTTPError as error:
                raise Unavailable(f"The FCM emulator at {phone_url} does not take addresses ({error}).") from error


def _registered_tokens(config: ShopConfig) -> Iterator[list[str]]:
    for first in range(0, config.members, REGISTERED_AT_ONCE):
        people = people_of(config, first, min(REGISTERED_AT_ONCE, config.members - first)).filter("has_app")
        current = pl.when("changes_phone").then(pl.col("later_token")).otherwise(pl.col("token"))
        gone = Dice(config.seed).happens("app removed", UNREGISTERED_IN_A_HUNDRED / 100, "member")
        kept = people.filter(~gone | (pl.col("member") <= 1))
        yield kept.select(current.alias("address"))["address"].to_list()


async def _store(
    services: DemoServices,
    loading: _Loading,
    config: ShopConfig,
    *,
    keys: Keys,
    progress: Progress,
    season: Season | None,
) -> None:
    """The shop's events, chapter by chapter; between them the shop runs its campaigns on what is known by then."""
    sources = {APP: await _source_id(services, keys.app), SERVER: await _source_id(services, keys.server)}
    received_at, read, part, simulated = services.clock.now(), 0, 0, _simulated(config)
    mornings = season.mornings(config) if season else []

    async def answered(rows: pl.DataFrame) -> None:
        async with services.pool.acquire() as connection, connection.transaction():
            await append_staged(connection, staged(rows, sources), received_at=received_at)

    for number, (since, until) in enumerate(pairwise([None, *mornings[:-1], None])):
        for rows, done in _parts(config, simulated, since, until):
            read, part = read + len(rows), part + 1
            if part > loading.parts_done:
                async with services.pool.acquire() as connection, connection.transaction():
                    added = await append_staged(connection, staged(rows, sources), received_at=received_at)
                    await ledger.add_part(
                        connection, import_id=loading.import_id, part=part, stored=added.stored, repeated=added.repeated
                    )
            progress("Storing the shop's events", done, 1000)
        if season and part >= loading.parts_done:
            await _refresh(season.as_of(mornings[number], config), progress, read)
            progress("Running the shop's campaigns", number, len(mornings))
            await season.on(mornings[number], config, answered)
    async with services.pool.acquire() as connection, connection.transaction():
        loading.events, _ = await ledger.finish(
            connection, import_id=loading.import_id, now=services.clock.now(), read=read, rejected={}, rejects_file=None
        )


async def _source_id(services: DemoServices, key: str) -> int:
    source = await services.sources.identify(key)
    assert source is not None  # noqa: S101 - `_keys` gives keys that the database knows
    return source.source_id


def _parts(
    config: ShopConfig, simulated: Callable[[], Iterable[pl.DataFrame]], since: date | None, until: date | None
) -> Iterator[tuple[pl.DataFrame, int]]:
    """What happened from one day up to another, block by block of members, with how much of the whole period it is."""
    count = -(-config.members // BLOCK)
    begins, ends = (0.0 if since is None else _share(config, since)), (1.0 if until is None else _share(config, until))
    for number, block in enumerate(simulated()):
        wanted = block.filter(_from(since) & ~_from(until, never=True))
        for first in range(0, len(wanted), PART):
            rows = wanted[first : first + PART]
            within = (number + (first + len(rows)) / len(wanted)) / count
            yield rows, round(1000 * (begins + (ends - begins) * within))


def _simulated(config: ShopConfig) -> Callable[[], Iterable[pl.DataFrame]]:
    """The shop's events; those of a shop of one block are kept for the next chapter, those of a larger one made again."""
    if config.members > BLOCK:
        return lambda: blocks(config)
    kept = tuple(blocks(config))
    return lambda: kept


def _share(config: ShopConfig, day: date) -> float:
    return (day - config.first).days / config.days


def _from(day: date | None, *, never: bool = False) -> pl.Expr:
    """What happened on or after a day; None for always, or never."""
    if day is None:
        return pl.lit(value=not never)
    return pl.col("occurred_at") >= datetime.combine(day, time(), ZoneInfo(ZONE)).astimezone(UTC)


def staged(rows: pl.DataFrame, sources: dict[str, int]) -> pl.DataFrame:
    """Rows as the log takes them in bulk. They are not read as strangers' JSON is: we have just written them."""
    named = zip(rows["source"], rows["message_id"], strict=True)
    ids = [event_id_of(sources[source], message_id).hex for source, message_id in named]
    return rows.with_row_index("position").with_columns(
        pl.Series("event_id", ids, dtype=pl.String),
        pl.col("source").replace_strict(sources, return_dtype=pl.Int32).alias("source_id"),
        (pl.col("source") == SERVER).alias("trusted"),
    )


async def _refresh(refresh: Refresh, progress: Progress, events: int) -> None:
    def moved(count: int) -> None:
        progress("Bringing the numbers up to date", min(count, events), max(events, 1))

    await refresh.run_until_current(progress=moved)
