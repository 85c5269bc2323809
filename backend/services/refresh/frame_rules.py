"""What the shop decided that rows of the frame follow from, and what the frame keeps of it to know when it changed."""

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any

import asyncpg
import msgspec
import polars as pl

from campaigns.terms import ConsentRule
from segments import events
from segments.customers import SCHEMA
from segments.rank_rules import RankVersion
from segments.reduce.bitmaps import read_as
from segments.rules.behaviour import Behaviour
from segments.shop_traits import ShopTrait
from segments.watched import stored_columns

MOST_CUSTOM_EVENTS = 200
"""Custom events that get a list column: whoever holds a public key can make up names."""


@dataclass(frozen=True, slots=True)
class FrameRules:
    """What the shop decided that rows follow from, and the day that it is."""

    consent: ConsentRule
    day: date
    coupons: list[asyncpg.Record]
    ranks: tuple[RankVersion, ...]
    week_starts: int
    watched: tuple[Behaviour, ...] = ()
    traits: tuple[ShopTrait, ...] = ()

    @property
    def columns(self) -> list[str]:
        """Columns that rows have because somebody asks for them."""
        return stored_columns(self.watched, self.traits)

    @property
    def figures(self) -> str:
        """What figures may rely on once every row is made by these rules."""
        return read_as(self.week_starts)

    @property
    def marks(self) -> dict[str, list[str]]:
        """What the frame keeps of it.

        rules: what every row depends on beside its own history: when it changes, every row is made anew. The columns
            belong to it: a release that has others makes everybody's. So do the rank rules that have begun, and the start of weeks.
        coupons: each one's id and a digest of its definition: where it changes, the rows of those who have to do with it do.
        """
        begun = [version.version for version in self.ranks if version.valid_from <= self.day]
        return {
            "rules": [str(self.consent), _digest([*SCHEMA, self.figures]), _digest(begun)],
            "coupons": [f"{row['coupon_id']} {_digest(dict(row))}" for row in self.coupons],
        }


def _digest(value: Any) -> str:
    return hashlib.blake2b(msgspec.json.encode(value), digest_size=8).hexdigest()


def list_columns(names: list[str], custom: list[str]) -> list[str]:
    """The events that get a list column: those of the vocabulary, and so many custom ones, first come first."""
    room = MOST_CUSTOM_EVENTS - len(custom)
    new = [name for name in names if name not in events.BY_NAME and name not in custom][: max(room, 0)]
    allowed = {*events.BY_NAME, *custom, *new}
    return [name for name in names if name in allowed]


def definitions_of(coupons: list[asyncpg.Record]) -> pl.DataFrame:
    """Coupon definitions as reductions read them."""
    schema = {"coupon_id": pl.String, "audience": pl.String, "valid_until": pl.Date}
    return pl.DataFrame([tuple(row) for row in coupons], schema=schema, orient="row")
