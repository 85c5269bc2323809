"""Builds pool, lake, sender and services from the settings, and takes them down again.

The intake role loads neither Polars nor the frame: what only the other roles need is imported where it is built.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg

from backend.clock import Clock, SystemClock
from backend.settings import Settings
from backend.store.pool import open_pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a face may ask."""

    settings: Settings
    clock: Clock
    pool: asyncpg.Pool


@contextlib.asynccontextmanager
async def open_services(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Services]:
    """Services on the database of ``settings.database_url``, for as long as the block runs."""
    assert settings.database_url is not None  # noqa: S101 - callers hold the database first
    pool = await open_pool(settings.database_url)
    try:
        yield Services(settings=settings, clock=clock or SystemClock(), pool=pool)
    finally:
        await pool.close()
