"""The send ledger and static lists as rules read them: of all customers, as text that Polars reads in one go, or of some."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, cast

import asyncpg
import polars as pl

from backend.store import queries
from backend.store.pool import Connection
from backend.store.text_copy import hand_rows, read_rows

_SQL = queries.load("rule_facts")
_ID, _CAMPAIGN, _AT = {"customer_id": pl.Int64}, {"campaign_id": pl.Int32}, {"at": pl.Int64}
_Rows = Callable[[pl.DataFrame], None]
_ARMS = _CAMPAIGN | _ID | {"arm": pl.String}


async def ledger_mark(connection: Connection, *, now: datetime) -> tuple[str, int]:
    """Another one as soon as anything that rules read of the ledger may have changed."""
    row = await connection.fetchrow(_SQL["read_ledger_mark"], int(now.timestamp()))
    assert row is not None  # noqa: S101 - an aggregate has a row
    return row["changed"], row["moment"]


async def list_received(
    connection: Connection, *, campaigns: Sequence[int] | None, customers: Sequence[int]
) -> pl.DataFrame:
    """``campaign_id``, ``customer_id``, ``at``: when the first push of each campaign was accepted for each of these customers."""
    schema = _CAMPAIGN | _ID | _AT
    return _dated(await _of(connection, "list_received_by", campaigns, sorted(customers), schema=schema))


async def hand_received(connection: Connection, *, campaigns: Sequence[int] | None, to: _Rows) -> None:
    """As `list_received`, of everyone."""
    schema = _CAMPAIGN | _ID | _AT
    await hand_rows(connection, _SQL["list_received"], campaigns, schema=schema, to=lambda rows: to(_dated(rows)))


async def list_last_pushes(connection: Connection, *, customers: Sequence[int]) -> pl.DataFrame:
    """``customer_id``, ``at``: when the last push was accepted for each of these customers who ever got one."""
    return _dated(await _of(connection, "list_last_pushes_to", sorted(customers), schema=_ID | _AT))


async def hand_last_pushes(connection: Connection, *, to: _Rows) -> None:
    """As `list_last_pushes`, of everyone."""
    await hand_rows(connection, _SQL["list_last_pushes"], schema=_ID | _AT, to=lambda rows: to(_dated(rows)))


async def list_launched(connection: Connection, *, campaigns: Sequence[int] | None) -> list[asyncpg.Record]:
    """Launched campaigns: campaign_id, conversion_event, conversion_days, planned_at."""
    return cast("list[asyncpg.Record]", await connection.fetch(_SQL["list_launched"], campaigns))


async def list_arms(connection: Connection, *, campaigns: Sequence[int], customers: Sequence[int]) -> pl.DataFrame:
    """``campaign_id``, ``customer_id``, ``arm`` of those of these customers who are in an arm of a campaign."""
    return await _of(connection, "list_campaign_arms_of", campaigns, sorted(customers), schema=_ARMS)


async def hand_arms(connection: Connection, *, campaigns: Sequence[int], to: _Rows) -> None:
    """As `list_arms`, of everyone."""
    await hand_rows(connection, _SQL["list_campaign_arms"], campaigns, schema=_ARMS, to=to)


async def list_trait(connection: Connection, *, name: str) -> pl.DataFrame:
    """``customer_id``, ``value`` (JSON) of everyone who has a trait."""
    return await read_rows(connection, _SQL["list_trait"], name, schema=_ID | {"value": pl.String})


async def list_revisions(connection: Connection) -> dict[int, int]:
    """Of every static list its revision."""
    return {row["list_id"]: row["revision"] for row in await connection.fetch(_SQL["list_revisions"])}


async def list_on_list(connection: Connection, *, list_id: int) -> pl.DataFrame:
    """``customer_id`` of everyone on a static list, by the numbers of then."""
    return await read_rows(connection, _SQL["list_on_list"], list_id, schema=_ID)


async def _of(connection: Connection, name: str, *values: Sequence[int] | None, schema: dict[str, Any]) -> pl.DataFrame:
    """The rows of a statement about some customers, which come as a list a column: nothing is written as text and read again."""
    row = await connection.fetchrow(_SQL[name], *values)
    assert row is not None  # noqa: S101 - an aggregate has a row
    return pl.DataFrame({column: row[column] or [] for column in schema}, schema=schema)


def _dated(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.col("at").cast(pl.Datetime("us", "UTC")))
