"""Keeps the sample of customers beside the frame (`backend.lake.sample_making`), a piece after each turn of the refresh."""

import asyncio
from collections.abc import Callable, Collection
from typing import TypeVar

import polars as pl
import pyarrow as pa
import structlog

from backend.lake.frame import CustomerFrame
from backend.lake.sample import FOLDER
from backend.lake.sample_making import SampleMaker, Standing
from backend.lake.tables import Lake
from backend.store import customers
from backend.store.pool import Connection

_log = structlog.get_logger("sampling")

Given = TypeVar("Given")


class Sampling:
    """The sample of one installation. Only the refresh writer may change it, inside its turn.

    Args:
        lake: from which it is drawn.
        frame: beside which it lies.
    """

    def __init__(self, lake: Lake, frame: CustomerFrame) -> None:
        self._frame = frame
        self._maker = SampleMaker(lake, frame.path / FOLDER)

    def is_lacking(self) -> bool:
        """Whether a sample is still to be drawn: there is something to do though nothing is new."""
        return self._maker.is_lacking(self._frame.manifest().customers)

    async def keep_up(self, connection: Connection) -> None:
        """Draw the next piece, or add what is new."""
        count = self._frame.manifest().customers
        if not await asyncio.to_thread(self._maker.is_due, count):
            return
        if self._maker.is_drawing:
            standing = Standing(count, 0, {})
        else:
            top = await asyncio.to_thread(self._highest_number)
            standing = Standing(count, top, dict(await customers.list_merges(connection)))
        await self._or_nothing(self._maker.go_on, standing)

    async def forget(self, customer_ids: Collection[int]) -> None:
        """Take persons out."""
        await self._or_nothing(self._maker.forget, customer_ids)

    async def remove(self) -> None:
        """Have it drawn anew."""
        await asyncio.to_thread(self._maker.remove)

    async def _or_nothing(self, work: Callable[[Given], None], given: Given) -> None:
        """Nothing depends on a sample: one that cannot be read or written is given up, and drawn anew."""
        try:
            await asyncio.to_thread(work, given)
        except (OSError, pa.ArrowException, pl.exceptions.PolarsError) as error:
            _log.warning("sample_given_up", reason=str(error))
            await self.remove()

    def _highest_number(self) -> int:
        return int(self._frame.read().frame.select(pl.col("customer_id").max()).collect().item() or 0)
