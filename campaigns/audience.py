"""Where the members of a segment come from: the port that launch and dry run ask, and what they add to its rows."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

import polars as pl

from campaigns.campaign import Content
from campaigns.fields import FIELDS
from campaigns.templates import fields_of, required_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """The members of a segment at one moment.

    Attributes:
        frame: one row a member: ``customer_id`` and the columns that were asked for.
        as_of: how fresh the facts are.
        version: the version of the segment's rule.
        day: the business day of the frame; None where there is none.
        known_since: see `segments.raw_members`: whether who they are hangs on history that was dropped.
    """

    frame: pl.DataFrame
    as_of: datetime
    version: int
    day: date | None = None
    known_since: date | None = None


class Audiences(Protocol):
    """Gives the members of segments."""

    async def members(
        self, segment_id: int | None, *, columns: tuple[str, ...], among: Collection[int] | None = None
    ) -> Members:
        """Everyone who is in the segment now.

        Args:
            segment_id: the segment; None for every customer but test accounts, of version 0.
            columns: columns of the customer frame wanted beside ``customer_id``; one that the frame does not have
                (nobody ever did that event) is left out.
            among: numbers of some who are members by an earlier answer: only their rows, without asking the segment's rule of
                anybody again, so ``known_since`` is not told.
        """
        ...


def merge_columns(contents: Iterable[Content]) -> tuple[str, ...]:
    """Columns of the customer frame that the texts use: of ten million people each one more is a quarter of a gigabyte.

    Raises:
        CampaignError: a text cannot be read.
    """
    used = {name for content in contents for name in fields_of(content)}
    return tuple(field.column for field in FIELDS if field.column is not None and field.name in used)


def with_standing(members: pl.DataFrame, standing: pl.DataFrame, contents: Sequence[Content]) -> pl.DataFrame:
    """The audience that the gates read: members with what the database knows of each.

    Args:
        members: ``customer_id`` and the columns that the texts use.
        standing: of the same people in the same order the gates' inputs but ``customer_id`` and ``missing_field``, ``language``,
            ``has_family_name``, ``has_given_name``.
        contents: say which fields a person needs; who lacks one that any of them needs lacks it.
    """
    return with_missing(members.with_columns(standing), contents)


def needed_columns(contents: Sequence[Content]) -> tuple[str, ...]:
    """Columns of the frame without which somebody lacks a field of a text."""
    needed = {name for content in contents for names in required_fields(content).values() for name in names}
    return tuple(field.column for field in FIELDS if field.column is not None and field.name in needed)


def with_missing(joined: pl.DataFrame, contents: Sequence[Content]) -> pl.DataFrame:
    """The audience, with ``missing_field``: whether a person lacks anything that what she would be told shows."""
    spoken = joined["language"].unique().to_list() if contents else []
    missing = [_lacks(content, spoken) for content in contents]
    return joined.with_columns(pl.any_horizontal(pl.lit(value=False), *missing).alias("missing_field"))


def _lacks(content: Content, spoken: Sequence[str | None]) -> pl.Expr:
    """Whether what a person would be told in the language that is hers shows a field she lacks."""
    missing = pl.lit(value=False)
    for language, names in required_fields(content).items():
        absent = [_is_absent(name) for name in sorted(names)]
        if absent:
            hers = [one for one in spoken if content.language_for(one) == language]
            missing = missing | (pl.col("language").is_in(hers, nulls_equal=True) & pl.any_horizontal(absent))
    return missing


def _is_absent(name: str) -> pl.Expr:
    column = next(field.column for field in FIELDS if field.name == name)
    if column is None:
        return ~pl.col(f"has_{name}")
    return is_absent(column)


def is_absent(column: str) -> pl.Expr:
    """Whether there is nothing to show in a column of the frame."""
    text = pl.col(column).cast(pl.String)
    return text.is_null() | (text.str.strip_chars() == "")
