"""From what happened to events as an app and a shop's system would send them: Segment-shaped JSON, one a row."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from backend.demo.shop import ZONE

APP, SERVER = "app", "server"

TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Happened:
    """Occurrences of one event.

    Attributes:
        frame: columns member, at (local time) and whatever the properties are made of.
        source: `APP`, under a phone's anonymous id and context, or `SERVER`.
        event: its name; None for identify, whose properties are traits.
        key: names the occurrence among those of the member: part of the message id.
        properties: JSON text, without braces; None for none.
    """

    frame: pl.DataFrame
    source: str
    event: str | None
    key: Sequence[str]
    properties: pl.Expr | None = None


def json_of(**fields: pl.Expr | str) -> pl.Expr:
    """The fields as JSON text; for values that need no escaping use `text`."""
    columns = [(pl.col(each) if isinstance(each, str) else each).alias(name) for name, each in fields.items()]
    return pl.struct(columns).struct.json_encode()


def text(template: str, *parts: pl.Expr | str) -> pl.Expr:
    """JSON text from a template whose ``{}`` are filled in; quick, for parts without quotes or backslashes."""
    pieces = template.split("{}")
    columns = [pl.col(part) if isinstance(part, str) else part for part in parts]
    woven = [pl.lit(pieces[0])]
    for column, piece in zip(columns, pieces[1:], strict=True):
        woven += [column.cast(pl.String), pl.lit(piece)]
    return pl.concat_str(woven)


def events_of(happened: Happened, people: pl.DataFrame) -> pl.DataFrame:
    """The events: source, message_id, type, event, user_id, anonymous_id, occurred_at (UTC), payload, member."""
    frame = happened.frame.join(people, on="member", how="left", suffix="_of_member")
    frame = frame.with_columns(in_utc().alias("occurred_at"), _message_id(happened).alias("message_id"))
    anonymous = pl.col("anonymous_id") if happened.source == APP or happened.event is None else pl.lit(None, pl.String)
    frame = frame.with_columns(anonymous.alias("anonymous_id"), pl.col("occurred_at").dt.strftime(TIME).alias("time"))
    return frame.select(
        "member",
        pl.lit(happened.source).alias("source"),
        "message_id",
        pl.lit("track" if happened.event else "identify").alias("type"),
        pl.lit(happened.event, dtype=pl.String).alias("event"),
        "user_id",
        "anonymous_id",
        "occurred_at",
        _payload(happened).alias("payload"),
    )


def in_utc() -> pl.Expr:
    """The moment of the local time ``at``."""
    return pl.col("at").dt.replace_time_zone(ZONE).dt.convert_time_zone("UTC")


def _message_id(happened: Happened) -> pl.Expr:
    name = (happened.event or "identify").lower().replace(" ", "-")
    return pl.concat_str(
        pl.lit(f"{name}-"), "member", *[pl.concat_str(pl.lit("-"), pl.col(key).cast(pl.String)) for key in happened.key]
    )


def _payload(happened: Happened) -> pl.Expr:
    parts = [pl.lit('{"type":"identify"' if happened.event is None else f'{{"type":"track","event":"{happened.event}"')]
    parts += [pl.lit(',"messageId":"'), pl.col("message_id"), pl.lit('","userId":"'), pl.col("user_id"), pl.lit('"')]
    anonymous = pl.concat_str(pl.lit(',"anonymousId":"'), "anonymous_id", pl.lit('"'))
    parts += [anonymous.fill_null(""), pl.lit(',"timestamp":"'), pl.col("time"), pl.lit('"')]
    if happened.source == APP:
        parts += [pl.lit(',"context":'), _context(happened)]
    if happened.properties is not None:
        parts += [pl.lit(',"properties":{' if happened.event else ',"traits":{'), happened.properties, pl.lit("}")]
    return pl.concat_str(*parts, pl.lit("}"))


def _context(happened: Happened) -> pl.Expr:
    """The whole context where the app opens; device and system only on the rest."""
    prefix = "" if happened.event in {"Application Opened", "Application Installed"} else "short_"
    changed = pl.col("at").dt.date() >= pl.col("new_phone")
    return pl.when(changed.fill_null(value=False)).then(pl.col(f"{prefix}later_context")).otherwise(pl.col(f"{prefix}context"))  # fmt: skip
