"""What reports, calendar and the view on frequency count in the ledger."""

from datetime import datetime

import asyncpg
import polars as pl

from backend.store import queries
from backend.store.pool import Connection
from backend.store.text_copy import read_rows
from campaigns.standing import DEVICES, PEOPLE
from campaigns.terms import ConsentRule

_SQL = queries.load("campaign_figures")


async def read_people(connection: Connection, *, campaign_id: int) -> pl.DataFrame:
    """Everyone of a campaign, as `campaigns.standing.PEOPLE`; a million rows come as one text, not as records."""
    return await read_rows(connection, _SQL["list_people"], campaign_id, schema=PEOPLE)


async def read_devices(connection: Connection, *, campaign_id: int) -> pl.DataFrame:
    """Their devices' deliveries, as `campaigns.standing.DEVICES`."""
    return await read_rows(connection, _SQL["list_devices"], campaign_id, schema=DEVICES)


async def list_sent_days(
    connection: Connection, *, since: datetime, until: datetime, zone: str, day_starts: int
) -> list[asyncpg.Record]:
    """Launches and, by day, entries planned from ``since`` up to ``until``."""
    return list(await connection.fetch(_SQL["list_sent_days"], since, until, zone, day_starts))


async def count_pushes_by_week(connection: Connection, *, since: datetime, until: datetime) -> list[asyncpg.Record]:
    """``week`` (0 ends at ``until``), ``pushes`` and how many ``people`` got so many in it."""
    return list(await connection.fetch(_SQL["count_pushes_by_week"], since, until))


async def count_optouts_by_week(connection: Connection, *, since: datetime, until: datetime) -> list[asyncpg.Record]:
    """``week``, ``people`` who took back their yes in it, and those of them who had got a push in the seven days before."""
    return list(await connection.fetch(_SQL["count_optouts_by_week"], since, until))


async def count_optouts_by_campaign(
    connection: Connection, *, since: datetime, until: datetime
) -> list[asyncpg.Record]:
    """Per campaign and arm: people planned in this time, and those who took back their yes within seven days of it."""
    return list(await connection.fetch(_SQL["count_optouts_by_campaign"], since, until))


async def count_reachable(connection: Connection, *, rule: ConsentRule) -> int:
    """People whose consent to marketing pushes counts, and who have a phone that can be reached."""
    return int(await connection.fetchval(_SQL["count_reachable"], rule is ConsentRule.PERMISSION))


async def list_accepted(connection: Connection, *, campaign_id: int, since: datetime) -> list[asyncpg.Record]:
    """Messages of a campaign that were taken since a moment: ``user_id``, ``campaign_id``, ``delivery_id``, ``sent_at``."""
    return list(await connection.fetch(_SQL["list_accepted"], campaign_id, since))
