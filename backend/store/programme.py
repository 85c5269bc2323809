"""What the report of the global holdout asks the database: who counts, who took back the yes, since when the group stands."""

from datetime import datetime
from typing import cast

import polars as pl

from backend.store import queries
from backend.store.pool import Connection
from backend.store.text_copy import read_rows
from campaigns.terms import ConsentRule

_SQL = queries.load("programme")
_ONE = {"customer_id": pl.Int64()}


async def list_eligible(connection: Connection, *, begins: datetime, rule: ConsentRule) -> pl.DataFrame:
    """``customer_id`` of everybody who counts in a period that begins then, merged ones with their own numbers."""
    return await read_rows(connection, _SQL["list_eligible"], begins, rule is ConsentRule.PERMISSION, schema=_ONE)


async def list_opted_out(connection: Connection, *, begins: datetime, ends: datetime) -> pl.DataFrame:
    """``customer_id`` of who took back the yes to marketing pushes in this time."""
    return await read_rows(connection, _SQL["list_opted_out"], begins, ends, schema=_ONE)


async def held_out_since(connection: Connection) -> datetime | None:
    """When the share or the draw of the global holdout was last changed; None where it never was."""
    return cast("datetime | None", await connection.fetchval(_SQL["held_out_since"]))
