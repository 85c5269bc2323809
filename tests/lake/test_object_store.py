"""A lake in an object store: the whole way over the S3 protocol, against Moto's server in an environment of its own. Part of ``make prove``.

Moto is no part of the development environment: the AWS SDK that it is made of would come along.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import polars as pl
import pytest
from deltalake import Transaction
from deltalake.exceptions import CommitFailedError
from polars.testing import assert_frame_equal

from backend.errors import Unavailable
from backend.lake.by_customer import FOLDER, CustomerHistories
from backend.lake.compaction import Compaction, compact, remove_unused
from backend.lake.damage import examine_lake
from backend.lake.frame import CustomerFrame
from backend.lake.schemas import Table
from backend.lake.tables import Lake
from backend.services.insights import Insights
from backend.services.refresh.loop import Refresh
from segments.windows import Window
from tests.faults.steps import Died, dies_at
from tests.fixtures.cluster import served
from tests.fixtures.commands import joren
from tests.fixtures.ports import free_port
from tests.lake.rows import event_rows
from tests.services.refreshing import NOW, Shop, order

pytestmark = [pytest.mark.prove, pytest.mark.timeout(900)]

TODAY = NOW.date()
RULES = Compaction(many=3, keep_hours=0)
ANYBODY = "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where Moto's server is installed."""
    place = tmp_path_factory.mktemp("moto")
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    wanted = ["moto[s3]==5.2.*", "flask>=3", "flask-cors>=6"]
    subprocess.run([str(place / "bin" / "pip"), "install", "--quiet", *wanted], check=True)
    return place / "bin"


@pytest.fixture(scope="module")
def store(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an object store."""
    port, folder = free_port(), tmp_path_factory.mktemp("moto-log")
    command = [str(programs / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with served(command, port, log=folder / "log", env=os.environ):
        yield f"http://127.0.0.1:{port}"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of a test's own, seen past the product."""

    store: str
    name: str

    def ask(self, method: str, what: str = "", content: bytes = b"") -> httpx.Response:
        """Any request."""
        address, headers = f"{self.store}/{self.name}{what}", {"Authorization": ANYBODY}
        return httpx.request(method, address, headers=headers, content=content).raise_for_status()

    def names(self) -> list[str]:
        """Every object."""
        return re.findall("<Key>([^<]+)</Key>", self.ask("GET", "?list-type=2&max-keys=1000").text)


@pytest.fixture
def bucket(store: str, tmp_path: Path) -> Bucket:
    """Empty."""
    bucket = Bucket(store, re.sub("[^a-z0-9]+", "-", tmp_path.name.lower()).strip("-"))
    bucket.ask("PUT")
    return bucket


@pytest.fixture
def options(store: str) -> dict[str, str]:
    """As the environment of a shop has them, one with accounts elsewhere too."""
    return {
        "AWS_ENDPOINT_URL": store,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "ap-northeast-1",
        "AWS_EXECUTION_ENV": "a container",
        "GOOGLE_CLOUD_PROJECT": "other",
        "AZURE_CONFIG_DIR": "other",
    }


@pytest.fixture
def shop(pool: asyncpg.Pool, tmp_path: Path, bucket: Bucket, options: dict[str, str]) -> Shop:
    shop = Shop(pool, tmp_path)
    shop.lake = Lake(f"s3://{bucket.name}/shop/lake", options)
    shop.refresh = refresh_of(shop)
    return shop


def refresh_of(shop: Shop, **more: Any) -> Refresh:
    return Refresh(shop.pool, shop.clock, Lake(shop.lake.location, shop.lake._options), shop.frame, **more)


async def sell(shop: Shop, first: int, count: int) -> None:
    lines = [{"product_id": "p", "category": "弁当", "quantity": 1, "price": 100}]
    orders = [order(f"o{n}", 100, user=f"u{n % 3}", products=lines) for n in range(first, first + count)]
    await shop.send("server", *orders, at=shop.clock.now() - timedelta(days=2))


async def assert_each_event_once(shop: Shop) -> None:
    seqs = await shop.log_seqs()
    assert (shop.lake_seqs(), shop.counted()) == (seqs, len(seqs))
    assert shop.lake.order_lines().select(pl.len()).collect().item() == len(seqs)


async def test_batches_are_moved_once_whatever_dies(shop: Shop) -> None:
    await sell(shop, 0, 6)
    await shop.refresh.run_until_current()
    await assert_each_event_once(shop)
    for number, step in enumerate(("events", "order_lines", "customer_days", "frame")):
        await sell(shop, 10 + 3 * number, 3)
        with pytest.raises(Died):
            await refresh_of(shop, watch=dies_at(step)).run_once()
    await shop.refresh.run_until_current()
    await assert_each_event_once(shop)
    assert sum([(await shop.row(f"u{n}"))["orders"] for n in range(3)]) == 18
    whole = CustomerFrame(shop.frame.path.parent / "whole")
    await Refresh(shop.pool, shop.clock, shop.lake, whole).run_once()
    kept, made = (one.read().frame.collect().sort("customer_id") for one in (shop.frame, whole))
    assert made.select(sorted(made.columns)).equals(kept.select(sorted(kept.columns)))


async def test_of_two_who_write_one_version_one_is_refused(shop: Shop) -> None:
    """The store itself refuses the second (a conditional put), without a lock of any kind."""
    shop.lake.append(Table.EVENTS, event_rows(1), app_id="joren", version=1)
    handles = [shop.lake.open(Table.EVENTS) for _ in range(2)]
    shop.lake.commit(handles[0], Table.EVENTS, event_rows(2), Transaction("joren", 2))
    with pytest.raises(CommitFailedError):
        shop.lake.commit(handles[1], Table.EVENTS, event_rows(2), Transaction("joren", 2))
    assert shop.lake_seqs() == [1, 2]


async def test_saboteur_who_opens_anew_and_asks_for_no_version_doubles(shop: Shop) -> None:
    shop.lake.append(Table.EVENTS, event_rows(1), app_id="joren", version=1)
    for _ in range(2):
        shop.lake.commit(shop.lake.open(Table.EVENTS), Table.EVENTS, event_rows(2), Transaction("joren", 2))
    assert shop.lake_seqs() == [1, 2, 2]


async def test_a_store_that_cannot_refuse_is_not_written_to(shop: Shop) -> None:
    careless = Lake(shop.lake.location, {**shop.lake._options, "AWS_CONDITIONAL_PUT": "disabled"})
    with pytest.raises(Unavailable, match="conditional put is disabled"):
        careless.append(Table.EVENTS, event_rows(1), app_id="joren", version=1)
    assert not shop.lake.has(Table.EVENTS)


async def test_files_become_few_and_what_is_out_of_use_goes(shop: Shop) -> None:
    for number in range(4):
        await sell(shop, 10 * number, 3)
        await shop.refresh.run_once()
    reader = shop.lake.events()
    assert compact(shop.lake, RULES) >= 8
    assert remove_unused(shop.lake, Compaction(keep_hours=1)) == 0
    assert reader.collect().height == 12
    assert remove_unused(shop.lake, RULES) >= 8
    assert len(shop.lake.open(Table.EVENTS).file_uris()) == 1
    await assert_each_event_once(shop)
    histories = CustomerHistories(shop.lake, shop.frame.path / FOLDER)
    rules, everyone = Compaction(settled=1), pl.Series("customer_id", range(1, 100), dtype=pl.Int64)
    assert histories.keep_up(rules, watch=lambda _: None) == shop.lake.customer_days().collect().height
    await sell(shop, 90, 3)
    await shop.refresh.run_once()
    assert_frame_equal(histories.read(everyone), shop.lake.customer_days().collect(), check_row_order=False)
    await assert_each_event_once(shop)


async def test_figures_are_read_from_it(shop: Shop) -> None:
    insights = Insights(shop.pool, shop.clock, shop.lake, shop.asked)
    assert (await insights.kpi("orders_per_customer")).measured.value is None
    await sell(shop, 0, 6)
    await shop.refresh.run_until_current()
    orders = (await insights.kpi("orders_per_customer")).measured
    assert (orders.numerator, orders.denominator) == (3, 3), "each bought on one day"
    where = {"start": "Order Completed", "return": "Order Completed", "unit": "day", "n": 0, "horizon": 0}
    window = Window(TODAY - timedelta(days=9), TODAY)
    asked = await insights.kpi("retention", window=window, options={**where, "start_where": "amount>=100"})
    assert asked.measured.denominator == 3, "events are read one by one too"


async def test_who_was_erased_is_in_no_object(shop: Shop, bucket: Bucket) -> None:
    await sell(shop, 0, 6)
    await shop.refresh.run_until_current()
    gone = await shop.pool.fetchval("SELECT customer_id FROM identities WHERE value = 'u1'")
    assert await shop.refresh.forget([gone]) >= 4
    for name in bucket.names():
        if name.endswith(".parquet") and "_delta_log" not in name:
            held = pl.read_parquet(bucket.ask("GET", f"/{name}").content)
            assert gone not in held.get_column("customer_id").to_list(), name
    assert gone not in shop.lake.events().collect().get_column("customer_id").to_list()


@pytest.fixture
def here(shop: Shop, dsn: str, tmp_path: Path, options: Mapping[str, str]) -> dict[str, Any]:
    """Where commands run."""
    return {"home": tmp_path, "DATABASE_URL": dsn, "JOREN_LAKE": shop.lake.location, **options}


async def test_the_command_line_with_settings_of_the_environment(
    shop: Shop, bucket: Bucket, here: dict[str, Any]
) -> None:
    await sell(shop, 0, 6)
    refreshed = joren("refresh", **here)
    assert refreshed.returncode == 0, refreshed.stderr
    await assert_each_event_once(shop)
    figure = joren("kpi", "orders_per_customer", "--as-of", "2026-04-01", "--json", **here)
    assert '"denominator": 3' in figure.stdout, figure.stdout + figure.stderr
    told = joren("doctor", **here)
    assert told.returncode == 0, told.stdout
    assert "Every file of the lake and of the customer frame is there" in told.stdout
    lost = next(name for name in bucket.names() if "/events/business_day" in name)
    bucket.ask("DELETE", f"/{lost}")
    told = joren("doctor", **here)
    assert (told.returncode, f"s3://{bucket.name}/{lost} is missing: 6 rows" in told.stdout) == (1, True), told.stdout
    mended = joren("doctor", "--mend", **here)
    assert (mended.returncode, "6 rows of events are back." in mended.stdout) == (0, True), mended.stdout
    await assert_each_event_once(shop)


async def test_a_table_whose_log_is_broken_is_told_and_left_to_a_person(
    shop: Shop, bucket: Bucket, here: dict[str, Any]
) -> None:
    await sell(shop, 0, 3)
    await shop.refresh.run_until_current()
    entry = next(name for name in bucket.names() if "customer_days/_delta_log/" in name and name.endswith("1.json"))
    whole = bucket.ask("GET", f"/{entry}").content
    bucket.ask("PUT", f"/{entry}", b'{"add": broken')
    for command in (("doctor",), ("doctor", "--mend")):
        told = joren(*command, **here)
        assert (told.returncode, "Traceback" in told.stderr) == (1, False), told.stdout + told.stderr
        assert "customer_days" in told.stdout
    bucket.ask("PUT", f"/{entry}", whole)
    assert joren("doctor", **here).returncode == 0
    await assert_each_event_once(shop)


async def test_a_store_that_is_away_or_has_no_such_bucket_is_told(shop: Shop, here: dict[str, Any]) -> None:
    """What was taken in waits; nothing is said to be damaged."""
    await sell(shop, 0, 3)
    away = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    for other in (away, {"JOREN_LAKE": "s3://no-such-bucket-here/lake"}):
        told = joren("doctor", **{**here, **other})
        assert (told.returncode, "The lake cannot be read" in told.stdout) == (1, True), told.stdout + told.stderr
        refused = joren("refresh", **{**here, **other})
        assert refused.returncode != 0
        assert "Traceback" not in refused.stderr, refused.stderr
    assert await shop.refresh.waiting() == 3
    await shop.refresh.run_until_current()
    await assert_each_event_once(shop)
    assert examine_lake(shop.lake, thorough=True) == []
