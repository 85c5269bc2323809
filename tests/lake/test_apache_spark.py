"""Apache Spark itself, in an environment of its own, answers every reduction as Polars does: part of ``make prove``.

The server's package and the client's overwrite each other's files, so that the server gets another environment. It knows
nothing of Delta: it is given the files of each table's version.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import pytest

from backend.lake.engine import Session, engine_at
from backend.lake.schemas import Table
from backend.lake.tables import Lake
from segments.reduce.anywhere import Rules, names_in
from tests.fixtures.cluster import served
from tests.fixtures.ports import free_port
from tests.lake.reductions import COUPONS, CUSTOMERS, DATED, REDUCTIONS, different, written
from tests.lake.test_engine import RANKS, assert_same_rows
from tests.segments.history import DAY_ZERO, random_history

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3600)]

_SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"


@pytest.fixture(scope="module")
def spark_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Apache Spark of the client's version, in an environment of its own."""
    assert shutil.which("java"), "Apache Spark needs Java 17 or newer: install a JRE; it was compared with NOTHING"
    place = tmp_path_factory.mktemp("apache")
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    wanted = f"pyspark=={version('pyspark-client')}"
    subprocess.run([str(place / "bin" / "pip"), "install", "--quiet", wanted], check=True)
    return next(place.glob("lib/python*/site-packages/pyspark"))


@pytest.fixture(scope="module")
def session(spark_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    port, folder = free_port(), tmp_path_factory.mktemp("apache-log")
    settings = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.local.dir": str(folder),
    }
    given = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    command = [
        str(spark_home / "bin" / "spark-submit"),
        "--class",
        _SERVER,
        "--master",
        "local[2]",
        *given,
        "spark-internal",
    ]
    environment = {**os.environ, "SPARK_HOME": str(spark_home), "SPARK_LOCAL_IP": "127.0.0.1"}
    with (
        served(command, port, log=folder / "log", env=environment),
        engine_at(f"spark://127.0.0.1:{port}").session() as opened,
    ):
        yield opened


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_reduction_gives_what_polars_gives(session: Session, tmp_path: Path, seed: int) -> None:
    lake = written(random_history(seed, size=900, customers=CUSTOMERS), tmp_path)
    assert different(session, lake, {**REDUCTIONS, **DATED}) == {}


def test_of_nothing_comes_nothing(session: Session, tmp_path: Path) -> None:
    assert different(session, Lake(tmp_path), {**REDUCTIONS, **DATED}) == {}


def test_everybodys_rows_are_the_ones_made_here(session: Session, tmp_path: Path) -> None:
    lake = written(random_history(4, size=900, customers=CUSTOMERS), tmp_path)
    occurring, verified = names_in(session, session.table(lake, Table.CUSTOMER_DAYS))
    for day in (20, 6, -1):
        assert_same_rows(session, lake, DAY_ZERO + timedelta(days=day), Rules(occurring, verified, COUPONS, RANKS))
