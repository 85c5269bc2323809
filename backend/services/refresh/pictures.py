"""Pictures of the customer frame, one a business day: taken when the day has turned, before the frame moves on to the new one.

Whoever dies on the way leaves the frame on the old day, so the next turn takes the picture; one that is there is not taken again.
"""

import asyncio
from collections.abc import Callable
from datetime import date, datetime, timedelta

import polars as pl
import structlog
from deltalake.exceptions import CommitFailedError, DeltaError

from backend.lake.engine import Engine
from backend.lake.frame import CustomerFrame
from backend.lake.pictures import as_picture, drop_before, is_taken, pieces_of, take, take_again
from backend.lake.tables import Lake
from backend.services.refresh.frame import FrameMaker
from backend.services.refresh.past import past_of
from backend.store import customers, refresh, shop
from backend.store.pool import Connection

_DAY = timedelta(days=1)
_log = structlog.get_logger(__name__)


class Pictures:
    """Takes pictures. Only the refresh writer may call it, inside its turn.

    Args:
        lake: where they go.
        frame: of which they are.
        makers: bring the frame to the end of a day.
        keep: how many days' pictures stay; 0 takes none.
        watch: as of `backend.services.refresh.loop.Refresh`.
    """

    def __init__(
        self, lake: Lake, frame: CustomerFrame, makers: FrameMaker, *, keep: int, watch: Callable[[str], None]
    ) -> None:
        self._lake = lake
        self._frame = frame
        self._makers = makers
        self._keep = keep
        self._watch = watch

    async def take_due(self, connection: Connection, *, epoch: int, now: datetime) -> int:
        """Take the picture of every day that has ended since the frame was brought up; gives how many rows of the frame that made.

        The frame is brought to the end of each of them first. Days that would not be kept are passed over. Where the table is damaged the day goes
        without a picture, and the log says so.

        Raises:
            Conflict: another refresh took over (``fenced``).
        """
        manifest = self._frame.manifest()
        if not self._keep or not manifest.generation:
            return 0
        settings = await shop.read_settings(connection)
        calendar = settings.calendar
        today = calendar.business_day(now)
        day, made = max(manifest.day, today - self._keep * _DAY), 0
        while day < today:
            try:
                if not await asyncio.to_thread(is_taken, self._lake, day):
                    ends = calendar.start_of(day + _DAY) - timedelta.resolution
                    made += (await self._makers.bring_up(connection, epoch=epoch, now=ends)).customers
                    await self._take(connection, day, epoch=epoch, exclude=settings.exclude_test_accounts)
            except CommitFailedError:
                raise
            except DeltaError as error:  # a damaged table of pictures must not stop what the shop lives on
                _log.error("picture_failed", day=day.isoformat(), reason=str(error), remedy="joren doctor --mend")
            day += _DAY
        return made

    async def _take(self, connection: Connection, day: date, *, epoch: int, exclude: bool) -> None:
        async with connection.transaction():
            await refresh.hold_epoch(connection, epoch=epoch)
        pieces = pieces_of(self._frame.read(), exclude_test_accounts=exclude)
        await asyncio.to_thread(take, self._lake, pieces, day, watch=self._watch)
        await asyncio.to_thread(drop_before, self._lake, day - (self._keep - 1) * _DAY)
        self._watch("dropped")

    async def take_again(self, connection: Connection, day: date, *, engine: Engine) -> int:
        """Make the picture of a day anew from history, as far as it is known now; gives how many rows it has."""
        settings = await shop.read_settings(connection)
        past = await past_of(connection, self._lake, self._frame, engine, day)
        left_out = await customers.list_test_accounts(connection) if settings.exclude_test_accounts else []

        def again() -> int:
            with engine.session() as session:
                kept = (piece.filter(~pl.col("customer_id").is_in(left_out)) for piece in past.pieces(session))
                return take_again(self._lake, (as_picture(piece, day) for piece in kept), day)

        return await asyncio.to_thread(again)
