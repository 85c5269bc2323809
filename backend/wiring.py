"""Builds pool, lake, sender and services from the settings, and takes them down again.

An intake process gets `IntakeServices` and loads neither Polars nor the frame: what only the other processes need is
imported where it is built.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from backend import settings as configuration
from backend.clock import Clock, SystemClock
from backend.services.ingest import Ingest
from backend.services.sources import Sources
from backend.settings import Settings
from backend.store.pool import open_pool

if TYPE_CHECKING:
    from backend.services.access import Access
    from backend.services.shop import Shop


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeServices:
    """What an intake process may ask."""

    settings: Settings
    clock: Clock
    pool: asyncpg.Pool
    ingest: Ingest
    sources: Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Services(IntakeServices):
    """Everything a face may ask."""

    access: "Access"
    shop: "Shop"


@contextlib.asynccontextmanager
async def open_intake(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[IntakeServices]:
    """Services of an intake process, for as long as the block runs. `Ingest.start` is the server's to call."""
    async with _pool(settings) as pool:
        yield _intake(settings, clock or SystemClock(), pool)


@contextlib.asynccontextmanager
async def open_services(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Services]:
    """Every service, for as long as the block runs."""
    async with _pool(settings) as pool:
        yield _all(_intake(settings, clock or SystemClock(), pool))


def from_environment() -> Settings:
    """The settings of this process, for the server's own processes."""
    return configuration.read()


@contextlib.asynccontextmanager
async def _pool(settings: Settings) -> AsyncIterator[asyncpg.Pool]:
    assert settings.database_url is not None  # noqa: S101 - callers hold the database first
    pool = await open_pool(settings.database_url, largest=20)
    try:
        yield pool
    finally:
        await pool.close()


def _intake(settings: Settings, clock: Clock, pool: asyncpg.Pool) -> IntakeServices:
    return IntakeServices(
        settings=settings, clock=clock, pool=pool, ingest=Ingest(pool, clock), sources=Sources(pool, clock)
    )


def _all(intake: IntakeServices) -> Services:
    from backend.services.access import Access  # noqa: PLC0415 - not for intake processes
    from backend.services.shop import Shop  # noqa: PLC0415 - not for intake processes

    pool, clock = intake.pool, intake.clock
    return Services(
        settings=intake.settings,
        clock=clock,
        pool=pool,
        ingest=intake.ingest,
        sources=intake.sources,
        access=Access(pool, clock),
        shop=Shop(pool, clock),
    )
