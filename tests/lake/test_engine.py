"""A cluster answers every reduction as Polars does, row by row; and what is wrong with one is told in a sentence."""

import builtins
import contextlib
import socket
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from backend.errors import NotConfigured, Unavailable
from backend.lake.engine import PolarsEngine, Session, engine_at, hadoop_options, remote_address
from backend.lake.schemas import Table
from backend.lake.tables import Lake
from segments.rank_rules import Criterion, Rank, RankRules, RankVersion
from segments.reduce.anywhere import Rules, names_in, reduce_here, reduce_on
from tests.fixtures.ports import free_port
from tests.lake.reductions import COUPONS, CUSTOMERS, DATED, NAMES, REDUCTIONS, declared, difference, different, written
from tests.segments.history import DAY_ZERO, Happening, moment, random_history

RANKS = tuple(
    RankVersion(
        version=number,
        valid_from=DAY_ZERO - timedelta(days=9),
        rules=RankRules(ranks=(Rank("base"), Rank("gold", 3)), criterion=criterion),
    )
    for number, criterion in enumerate(Criterion, start=1)
)


@pytest.fixture(scope="module")
def session(cluster: str) -> Iterator[Session]:
    with engine_at(cluster).session() as opened:
        yield opened


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return written(random_history(1, size=900, customers=CUSTOMERS), tmp_path_factory.mktemp("lake"))


def test_every_reduction_that_there_is_is_compared() -> None:
    assert {name.partition(" ")[0] for name in REDUCTIONS} == declared()


def test_every_reduction_gives_what_polars_gives(session: Session, lake: Lake) -> None:
    assert different(session, lake) == {}


@pytest.mark.prove
def test_of_nothing_comes_nothing(session: Session, tmp_path: Path) -> None:
    assert different(session, Lake(tmp_path)) == {}


@pytest.mark.parametrize("seed", [2, 3])
def test_frames_of_ours_go_there_and_come_back(session: Session, tmp_path: Path, seed: int) -> None:
    lake = written(random_history(seed, size=60, customers=3), tmp_path)
    for table in Table:
        rows = lake.rows(table).collect()
        assert difference(rows, session.collect(session.put(rows))) == ""
        assert difference(rows, session.collect(session.table(lake, table))) == ""


@pytest.mark.prove  # a whole refresh on a cluster is compared in tests/services
def test_everybodys_rows_are_the_ones_made_here(session: Session, lake: Lake) -> None:
    occurring, verified = names_in(session, session.table(lake, Table.CUSTOMER_DAYS))
    assert {*occurring} == {*NAMES}
    assert_same_rows(session, lake, DAY_ZERO + timedelta(days=6), Rules(occurring, verified, COUPONS, RANKS))


def assert_same_rows(session: Session, lake: Lake, day: date, rules: Rules) -> None:
    """The frame of everyone, and of one whom history does not know."""
    asked = pl.DataFrame({"customer_id": [*range(1, CUSTOMERS), 4711]}, schema={"customer_id": pl.Int64})
    got = reduce_on(session, session.table(lake, Table.CUSTOMER_DAYS), asked, day=day, rules=rules)
    want = reduce_here(lake.customer_days(), asked, day=day, rules=rules)
    assert difference(want, got) == ""


def test_a_list_comes_back_cut_to_its_newest_hundred(session: Session, tmp_path: Path) -> None:
    often = [Happening(seq, 1, "Custom Thing", moment(seq // 3), device=1) for seq in range(1, 400)]
    lake, day = written(often, tmp_path), DAY_ZERO + timedelta(days=200)
    rules, asked = Rules(["Custom Thing"]), pl.DataFrame({"customer_id": [1]})
    row = reduce_on(session, session.table(lake, Table.CUSTOMER_DAYS), asked, day=day, rules=rules).row(0, named=True)
    assert row["days:Custom Thing"] == sorted((one.day for one in often), reverse=True)[:100]


def test_this_process_is_an_engine_too(lake: Lake) -> None:
    with engine_at("polars").session() as here:
        assert_same_rows(here, lake, DAY_ZERO + timedelta(days=20), Rules(NAMES, ["Order Completed"], COUPONS, RANKS))
    assert not PolarsEngine().distributed


def test_a_table_of_an_older_release_lacks_a_column_nowhere(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backend.lake import schemas

    old = {name: dtype for name, dtype in schemas.EVENTS_SCHEMA.items() if name != "valid_until"}
    layout = schemas.Layout(old, "business_day", ("business_day", "customer_id", "seq"))
    monkeypatch.setitem(schemas.LAYOUTS, Table.EVENTS, layout)
    lake = written(random_history(4, size=20, customers=2), tmp_path)
    monkeypatch.undo()
    assert difference(lake.events().collect(), session.collect(session.table(lake, Table.EVENTS))) == ""


@pytest.mark.parametrize(
    "address", ["spark", "spark://", "spark://host", "http://host:1", "spark://host:0", "spark://host:99999", "duckdb"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(NotConfigured, match="spark://host:port"):
        engine_at(address)


def test_a_token_in_an_address_is_not_repeated() -> None:
    engine = engine_at("spark://127.0.0.1:1/;use_ssl=true;token=secret")
    with pytest.raises(Unavailable) as raised, engine.session():
        pass
    assert "secret" not in raised.value.message
    with pytest.raises(NotConfigured) as refused:
        engine_at("sparks://127.0.0.1:1/;token=secret")
    assert "secret" not in refused.value.message


def test_nobody_at_the_address_is_told_at_once() -> None:
    port = free_port()
    with (
        pytest.raises(Unavailable, match=f"No cluster answers at spark://127.0.0.1:{port}"),
        engine_at(f"spark://127.0.0.1:{port}").session(),
    ):
        pass


@pytest.mark.filterwarnings("ignore:.*RETRIES_EXCEEDED")  # the client's word that it tried often enough
def test_one_who_hangs_up_is_no_cluster() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_hang_up_on_everyone, args=(server,))
    thread.start()
    try:
        with (
            pytest.raises(Unavailable, match="gave up"),
            engine_at(f"spark://127.0.0.1:{server.getsockname()[1]}").session(),
        ):
            pass
    finally:
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        server.close()


def _hang_up_on_everyone(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            server.accept()[0].close()


def test_a_question_that_fails_there_names_the_cluster(cluster: str, tmp_path: Path) -> None:
    lake = written(random_history(5, size=20, customers=2), tmp_path)
    for file in (tmp_path / "events").rglob("*.parquet"):
        file.unlink()
    with pytest.raises(Unavailable, match=f"The cluster at {cluster} gave up"), engine_at(cluster).session() as session:
        session.collect(session.table(lake, Table.EVENTS))


def test_without_the_extra_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *more: Any, **named: Any) -> Any:
        if name.startswith("pyspark"):
            raise ImportError(name)
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(NotConfigured, match=r"install joren\[spark\]"), engine_at("spark://127.0.0.1:1").session():
        pass


def test_a_cluster_calls_places_and_credentials_by_its_own_names() -> None:
    assert remote_address("/home/lake/events") == "file:///home/lake/events"
    assert remote_address("s3://bucket/lake/events") == "s3a://bucket/lake/events"
    assert remote_address("gs://bucket/lake/events") == "gs://bucket/lake/events"
    given = {
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL": "http://store:9000",
        "AZURE_STORAGE_ACCOUNT_NAME": "shop",
        "AZURE_STORAGE_ACCOUNT_KEY": "key",
        "AWS_PROFILE": "mine",
    }
    assert hadoop_options(given) == {
        "fs.s3a.access.key": "id",
        "fs.s3a.secret.key": "secret",
        "fs.s3a.endpoint": "http://store:9000",
        "fs.azure.account.key.shop.dfs.core.windows.net": "key",
    }


@pytest.mark.prove
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(10, 20))
def test_many_histories_give_what_polars_gives(session: Session, tmp_path: Path, seed: int) -> None:
    lake = written(random_history(seed, size=600, customers=CUSTOMERS), tmp_path)
    assert different(session, lake, {**REDUCTIONS, **DATED}) == {}
