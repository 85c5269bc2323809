"""Where history is reduced: in this process by Polars, or on a cluster that speaks Spark Connect and reads the same tables.

A cluster is asked for one version of each table, the one that delta-rs sees here at that moment. One that does not know the
Delta format gets the names of that version's Parquet files instead: our tables have neither deletion vectors nor renamed
columns, so that the files are the table.
"""

import contextlib
import re
import socket
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, cast

import narwhals as nw
import polars as pl

from backend.errors import NotConfigured, Unavailable
from backend.lake.schemas import LAYOUTS, Layout, Table
from backend.lake.tables import Lake
from segments.reduce import anywhere
from segments.reduce.days import Frame

HERE = "polars"
"""The setting's word for this process."""

_ADDRESS = re.compile(r"spark://(?P<host>\[[0-9a-fA-F:]+\]|[^\s/:;]+):(?P<port>[0-9]{1,5})(?P<parameters>/;[^\s]*)?/?")
_PATIENCE = 5.0
_RETRIES = 3
_UTC = "UTC"
_HADOOP = {
    "AWS_ACCESS_KEY_ID": "fs.s3a.access.key",
    "AWS_SECRET_ACCESS_KEY": "fs.s3a.secret.key",
    "AWS_SESSION_TOKEN": "fs.s3a.session.token",
    "AWS_ENDPOINT_URL": "fs.s3a.endpoint",
    "AWS_REGION": "fs.s3a.endpoint.region",
}
"""What an object store's settings are called on a cluster."""


class Session(anywhere.Engine, Protocol):
    """An engine at work."""

    def table(self, lake: Lake, table: Table) -> Frame:
        """All rows of a table at its newest version, in the columns of its layout."""
        ...


class Engine(Protocol):
    """An engine that can be asked."""

    @property
    def distributed(self) -> bool:
        """Whether it computes elsewhere."""
        ...

    def session(self) -> AbstractContextManager[Session]:
        """The engine, for as long as the block runs.

        Raises:
            NotConfigured: the package that speaks to it is missing.
            Unavailable: it does not answer, or gave up.
        """
        ...


def engine_at(address: str, options: Mapping[str, str] | None = None) -> Engine:
    """The engine of ``JOREN_ENGINE``.

    Args:
        address: ``polars``, or ``spark://host:port`` of a Spark Connect server, with its parameters after ``/;``.
        options: of the lake's object store, by the names delta-rs gives them.

    Raises:
        NotConfigured: it is neither.
    """
    if address == HERE:
        return PolarsEngine()
    found = _ADDRESS.fullmatch(address)
    if found is None or not 0 < int(found["port"]) < 2**16:
        raise NotConfigured(
            f"JOREN_ENGINE must be {HERE} or spark://host:port, not {address.partition(';')[0][:60]!r}.",
            code="bad_engine",
        )
    return SparkEngine(found["host"].strip("[]"), int(found["port"]), found["parameters"] or "", options or {})


class PolarsEngine:
    """This process."""

    distributed = False

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """Itself: there is nothing to open."""
        yield _Here()


class _Here(anywhere.Here):
    def table(self, lake: Lake, table: Table) -> Frame:
        return nw.from_native(lake.rows(table))


class SparkEngine:
    """A cluster at the address of its Spark Connect server."""

    distributed = True

    def __init__(self, host: str, port: int, parameters: str = "", options: Mapping[str, str] | None = None) -> None:
        self._host, self._port, self._parameters = host, port, parameters
        self._options = hadoop_options(options or {})

    @property
    def address(self) -> str:
        """For people: without parameters, one of which may be a token."""
        return f"spark://{self._host}:{self._port}"

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """See `Engine`."""
        spark = _spark()
        self._knock()
        with self._telling():
            remote = f"sc://{self._host}:{self._port}{self._parameters or '/'}"
            session = spark.session.builder.remote(remote).create()
            try:
                session.client.set_retry_policies([spark.policy(max_retries=_RETRIES)])
                session.conf.set("spark.sql.session.timeZone", _UTC)
                yield _There(session, spark, self._options)
            finally:
                with contextlib.suppress(*spark.errors):
                    session.stop()

    def _knock(self) -> None:
        """An address where nobody listens is told within seconds; the client would try for minutes."""
        try:
            socket.create_connection((self._host, self._port), _PATIENCE).close()
        except OSError as error:
            raise Unavailable(
                f"No cluster answers at {self.address} ({error}). Start it, or unset JOREN_ENGINE to reduce in this process.",
                code="engine_unreachable",
            ) from error

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except _spark().errors as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
            raise Unavailable(f"The cluster at {self.address} gave up: {reason}", code="engine_failed") from error


class _Spark:
    """What we use of ``pyspark``, loaded when a cluster is asked."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            # It warns of a new pandas when it is imported; nothing of ours goes through pandas.
            warnings.simplefilter("ignore", FutureWarning)
            import grpc  # noqa: PLC0415 - an extra, and slow to load
            from pyspark.errors import PySparkException  # noqa: PLC0415
            from pyspark.sql.connect.client.retries import DefaultPolicy  # noqa: PLC0415
            from pyspark.sql.connect.session import SparkSession  # noqa: PLC0415
            from pyspark.sql.pandas.types import from_arrow_schema  # noqa: PLC0415
        self.session: Any = SparkSession
        self.policy: Any = DefaultPolicy
        self.schema_of: Any = from_arrow_schema
        self.errors: tuple[type[Exception], ...] = (PySparkException, grpc.RpcError)


def _spark() -> _Spark:
    try:
        return _Spark()
    except ImportError as error:
        raise NotConfigured(
            "JOREN_ENGINE names a cluster, but the package that speaks to one is missing: install joren[spark].",
            code="engine_missing",
        ) from error


class _There:
    """A session on a cluster. What it keeps goes with the session."""

    distributed = True

    def __init__(self, session: Any, spark: _Spark, options: Mapping[str, str]) -> None:
        self._session = session
        self._spark = spark
        self._options = dict(options)
        self._delta: bool | None = None

    def table(self, lake: Lake, table: Table) -> Frame:
        handle, layout = lake.open(table), LAYOUTS[table]
        location = remote_address(lake.address(table))
        native = self._known_version(location, handle.version())
        if native is None:
            native = self._files(location, [remote_address(file) for file in handle.file_uris()], layout)
        frame: Frame = nw.from_native(native)
        present = frame.collect_schema().names()
        absent = [nw.lit(None, _dtype(layout, name)).alias(name) for name in layout.schema if name not in present]
        return (frame.with_columns(absent) if absent else frame).select(*layout.schema)

    def keep(self, frame: Frame) -> Frame:
        return cast("Frame", nw.from_native(frame.to_native().persist()))

    def put(self, frame: pl.DataFrame) -> Frame:
        # Dictionaries and string views are not known everywhere.
        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        native = self._session.createDataFrame(table, schema=self._spark.schema_of(table.schema))
        return cast("Frame", nw.from_native(native))

    def collect(self, frame: Frame) -> pl.DataFrame:
        answer = cast("pl.DataFrame", pl.from_arrow(frame.to_native().toArrow()))
        moments = [name for name, dtype in answer.schema.items() if isinstance(dtype, pl.Datetime)]
        return answer.with_columns(pl.col(name).dt.convert_time_zone(_UTC) for name in moments)

    def collect_all(self, frames: Sequence[Frame]) -> list[pl.DataFrame]:
        return [self.collect(frame) for frame in frames]

    def _known_version(self, location: str, version: int) -> Any:
        """The table by the Delta format; None where the cluster does not know that."""
        if self._delta is False:
            return None
        reader = self._session.read.format("delta").options(**self._options).option("versionAsOf", str(version))
        native = reader.load(location)
        try:
            _ = native.columns
        except self._spark.errors as error:
            if not _is_unknown_format(str(error)):
                raise
            self._delta = False
            return None
        self._delta = True
        return native

    def _files(self, location: str, files: list[str], layout: Layout) -> Any:
        empty = pl.DataFrame(schema=layout.schema).to_arrow(compat_level=pl.CompatLevel.oldest())
        schema = self._spark.schema_of(empty.schema)
        if not files:
            return self._session.createDataFrame(empty, schema=schema)
        return self._session.read.schema(schema).options(**self._options).option("basePath", location).parquet(*files)


def remote_address(address: str) -> str:
    """A file's or table's address as a cluster understands it."""
    if "://" not in address:
        return f"file://{address}"
    scheme, _, rest = address.partition("://")
    return f"{'s3a' if scheme == 's3' else scheme}://{rest}"


def hadoop_options(options: Mapping[str, str]) -> dict[str, str]:
    """What a cluster's file systems call the lake's object-store options; those it has no name for stay here."""
    named = {name.upper(): value for name, value in options.items()}
    made = {theirs: named[ours] for ours, theirs in _HADOOP.items() if ours in named}
    account = named.get("AZURE_STORAGE_ACCOUNT_NAME")
    if account and "AZURE_STORAGE_ACCOUNT_KEY" in named:
        made[f"fs.azure.account.key.{account}.dfs.core.windows.net"] = named["AZURE_STORAGE_ACCOUNT_KEY"]
    return made


def _is_unknown_format(message: str) -> bool:
    return "DATA_SOURCE_NOT_FOUND" in message or "data source: delta" in message.lower()


def _dtype(layout: Layout, name: str) -> Any:
    return nw.from_native(pl.DataFrame(schema={name: layout.schema[name]})).schema[name]
