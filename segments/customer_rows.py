"""Rows of a customer file: which fit, and what they say of a person, as calls of the Segment protocol. Pure.

A row becomes an identify call; a join date and a rank become the events that segments and KPIs count by. A blank cell says
nothing: what is known already stays. What a row says is compared with what files said of that customer before, so each call
carries a key of what it is about and a digest of what it says.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import polars as pl

from segments.events import EventName
from segments.import_cells import LONGEST_ID, LONGEST_TEXT, Cells, email, flag, gender, language, phone, text
from segments.import_checks import ROW, TOO_LONG, Check, Checked, judge, time_checks

_TEXTS = ("family_name", "given_name", "name", "prefecture", "rank")
_OLDEST_BIRTHDAY = date(1900, 1, 1)
_NO_TRAITS = frozenset({"row", "customer_id", "updated_at", "joined_at", "rank"})
_TOPICS = ("identify", "joined", "rank")


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerFile:
    """How to read a customer file.

    Attributes:
        columns: field → column of the file.
        zone: time zone of times that name none.
        today: the shop's day; no birthday is later.
        now: no other time is later than a day after.
    """

    columns: Mapping[str, str]
    zone: str
    today: date
    now: datetime


class Call(NamedTuple):
    """One call made of a row.

    Attributes:
        row: number of the row.
        about: what it is about, the same for every word on it.
        content: digest of what it says.
        payload: the call's JSON.
    """

    row: int
    about: str
    content: bytes
    payload: bytes


def check_customers(rows: pl.DataFrame, file: CustomerFile) -> Checked:
    """Tell rows that fit from rows that do not; the former typed, traits under their own names.

    Args:
        rows: the file's columns and `ROW`.
        file: how to read them.
    """
    cells = Cells(rows, file.columns)
    readers = {"email": email, "phone": phone, "gender": gender, "language": language, "push_consent": flag}
    own = [field for field in file.columns if field.startswith("traits.")]
    typed = rows.select(
        pl.col(ROW).alias("row"),
        cells.id("customer_id").alias("customer_id"),
        *(cells.given(field).alias(field) for field in _TEXTS),
        *(cells.given(field).alias(f"{field} given") for field in (*readers, "birthday", "joined_at", "updated_at")),
        *(read(cells.column(field)).alias(field) for field, read in readers.items()),
        cells.day("birthday").alias("birthday"),
        *(cells.moment(field, file.zone).alias(field) for field in ("joined_at", "updated_at")),
        *(_own_trait(cells, field).alias(field) for field in own),
    )
    checked = judge(typed, _checks(file, (*_TEXTS, *own)))
    return Checked(checked.good.select(pl.exclude("^.* given$")), checked.rejected)


def _own_trait(cells: Cells, field: str) -> pl.Expr:
    """A shop's own trait: numbers and truth values of a typed file as they are, everything else as text."""
    dtype = cells.dtype(field)
    plain = dtype.is_numeric() or dtype == pl.Boolean
    return cells.column(field) if plain else text(cells.column(field))


def _checks(file: CustomerFile, texts: tuple[str, ...]) -> list[Check]:
    who = pl.col("customer_id")
    long = [(pl.col(field).cast(pl.String).str.len_chars() > LONGEST_TEXT) for field in texts]
    wrong = [
        ("email", "email is not a mail address"),
        ("phone", "phone is not a phone number"),
        ("gender", "gender is neither female, male nor other"),
        ("language", "language is not a language such as ja or en"),
        ("push_consent", "push_consent is neither yes nor no"),
        ("birthday", "birthday is not a day"),
    ]
    return [
        Check(who.is_null(), "no customer_id", pl.lit("")),
        Check(who.str.len_chars() > LONGEST_ID, TOO_LONG, who.str.head(40)),
        *(_unreadable(field, reason) for field, reason in wrong),
        Check(~pl.col("birthday").is_between(_OLDEST_BIRTHDAY, file.today), "birthday is before 1900 or in the future", pl.col("birthday given")),
        *time_checks("joined_at", file.now, about=who, required=False),
        *time_checks("updated_at", file.now, about=who, required=False),
        Check(pl.any_horizontal(*long), "a text has more than 1000 characters", who),
    ]  # fmt: skip


def _unreadable(field: str, reason: str) -> Check:
    given = pl.col(f"{field} given")
    return Check(given.is_not_null() & pl.col(field).is_null(), reason, given)


def calls_of(good: pl.DataFrame, *, at: datetime, prefix: str) -> Iterator[Call]:
    """The calls of rows that fit, in their order.

    Args:
        good: as `check_customers` gives them.
        at: when the file's word was spoken, where a row does not say (``updated_at``).
        prefix: begins the ids of the calls: the same for the same run over a file, different for any other.
    """
    for row in good.iter_rows(named=True):
        number, who = row["row"], row["customer_id"]
        said_at = row["updated_at"] or at
        traits = {name.removeprefix("traits."): _plain(value) for name, value in row.items() if name not in _NO_TRAITS and value is not None}  # fmt: skip
        identify = {"type": "identify", "traits": traits, **_head(who, said_at, f"{prefix}-{number}")}
        yield _call(number, _about("identify", who), [traits, row["updated_at"]], identify)
        if row["joined_at"] is not None:
            head = _head(who, row["joined_at"], f"{prefix}-{number}-joined")
            joined = {"type": "track", "event": str(EventName.MEMBERSHIP_JOINED), "properties": {}, **head}
            yield _call(number, _about("joined", who), [row["joined_at"]], joined)
        if row["rank"] is not None:
            head = _head(who, said_at, f"{prefix}-{number}-rank")
            rank = {"rank": row["rank"]}
            ranked = {"type": "track", "event": str(EventName.MEMBERSHIP_RANK_CHANGED), "properties": rank, **head}
            yield _call(number, _about("rank", who), [row["rank"]], ranked)


def keys_about(who: str) -> list[UUID]:
    """The keys of everything that files can have said about a member, for his erasure."""
    return [key_of(_about(topic, who)) for topic in _TOPICS]


def key_of(about: str) -> UUID:
    """The key under which it is remembered that something was said."""
    return UUID(bytes=hashlib.blake2b(about.encode(), digest_size=16).digest())


def _about(topic: str, who: str) -> str:
    assert topic in _TOPICS  # noqa: S101 - a topic that is not listed would outlive an erasure
    return f"{topic} {who}"


def _head(who: str, at: datetime, message_id: str) -> dict[str, str]:
    return {"messageId": message_id, "userId": who, "timestamp": at.isoformat()}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _call(row: int, about: str, content: list[Any], call: dict[str, Any]) -> Call:
    digest = hashlib.blake2b(msgspec.json.encode(content, order="sorted"), digest_size=16).digest()
    return Call(row, about, digest, msgspec.json.encode(call))
