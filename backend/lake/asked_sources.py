"""What columns that rules ask for depend on in PostgreSQL, and what it answers about all customers at once."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

import polars as pl

from campaigns.messages import Launched
from segments.calendar import BusinessCalendar
from segments.metrics.thresholds import Thresholds
from segments.shop_traits import ShopTrait

Rows: TypeAlias = Callable[[pl.DataFrame], None]
"""Takes rows, some after the others, in threads; may block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What PostgreSQL knows that columns depend on, as of ``now``.

    Attributes:
        traits: those that rules may ask, by column.
        merge_version: grows with every merge.
        survivors: everyone who was merged, with whom he is today.
        thresholds: versions of the life-cycle thresholds.
        ledger: another value once anything may have changed in the send ledger.
        lists: revisions of static lists.
    """

    now: datetime
    calendar: BusinessCalendar
    exclude_test_accounts: bool
    thresholds: tuple[Thresholds, ...]
    traits: Mapping[str, ShopTrait]
    merge_version: int
    survivors: Mapping[int, int]
    ledger: Hashable
    lists: Mapping[int, int]


class Sources(Protocol):
    """What PostgreSQL answers; customers by the numbers of then."""

    async def standing(self) -> Standing:
        """What the shop defines, as it stands."""
        ...

    async def received(self, campaigns: list[int] | None, customers: Sequence[int]) -> pl.DataFrame:
        """``campaign_id``, ``customer_id``, ``at`` of the first accepted push of each campaign (None: of all) to these customers."""
        ...

    async def hand_received(self, campaigns: list[int] | None, to: Rows) -> None:
        """The same of everyone."""
        ...

    async def last_pushes(self, customers: Sequence[int]) -> pl.DataFrame:
        """``customer_id``, ``at`` of the last accepted push to each of these customers."""
        ...

    async def hand_last_pushes(self, to: Rows) -> None:
        """The same of everyone."""
        ...

    async def launched(self, campaigns: list[int] | None) -> list[Launched]:
        """Campaigns that were launched."""
        ...

    async def arms(self, campaigns: list[int], customers: Sequence[int]) -> pl.DataFrame:
        """``campaign_id``, ``customer_id``, ``arm`` of those of these customers who are in an arm of a campaign."""
        ...

    async def hand_arms(self, campaigns: list[int], to: Rows) -> None:
        """The same of everyone."""
        ...

    async def trait(self, name: str) -> pl.DataFrame:
        """``customer_id``, ``value`` (JSON) of everyone who has a trait."""
        ...

    async def on_list(self, list_id: int) -> pl.DataFrame:
        """``customer_id`` of everyone on a static list."""
        ...
