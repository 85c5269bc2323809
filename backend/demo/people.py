"""The members of the demo shop: one row each, with everything about them that never changes."""

import base64
import hashlib
import uuid
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from backend.demo.catalogue import CATEGORIES
from backend.demo.dice import Dice
from backend.demo.names import FAMILY, MEN, WOMEN
from backend.demo.shop import NAME_JA, ZONE, ShopConfig, stores

APP_VERSION = "2.4.1"


@dataclass(frozen=True, slots=True)
class Habit:
    """How a kind of member behaves.

    Attributes:
        share: of all members.
        gap: mean days between two purchases; None for members who never come a second time.
        leaves: chance after each purchase that it was the last.
        launches: app launches a week once the novelty has worn off.
        tires: mean weeks until the app is forgotten.
        score: what they tend to answer in a survey, 0 to 10.
    """

    name: str
    share: float
    gap: float | None
    leaves: float
    launches: float
    tires: float
    score: float


HABITS: tuple[Habit, ...] = (
    Habit("browser", 0.125, None, 1.0, 0.35, 9, 6.2),
    Habit("once", 0.400, None, 1.0, 0.50, 12, 6.8),
    Habit("occasional", 0.330, 120.0, 0.10, 0.85, 30, 7.6),
    Habit("regular", 0.100, 20.0, 0.045, 1.70, 70, 8.4),
    Habit("loyal", 0.045, 7.0, 0.012, 2.80, 120, 9.1),
)
BROWSER, ONCE, OCCASIONAL, REGULAR, LOYAL = range(len(HABITS))


def habit(field: str) -> pl.Expr:
    """One field of the member's habit, as a column of floats; None becomes 0."""
    values = pl.Series([float(getattr(each, field) or 0.0) for each in HABITS])
    return pl.lit(values).gather(pl.col("habit"))


def members(config: ShopConfig, first_member: int, count: int) -> pl.DataFrame:
    """The members numbered from ``first_member``: traits, habit, join day, store, device, consent.

    Columns: member, habit (index into `HABITS`), joined (date), traits, home_store and favourite (indices),
    has_app, ios, permitted, consents, weeks_until_forgotten, user_id, anonymous_id, and what the app writes
    into ``context``: context, or later_context from ``new_phone`` on. ``token`` and ``later_token`` are the
    push addresses in them.
    """
    dice = Dice(config.seed)
    numbers = pl.select(member=pl.int_range(first_member, first_member + count, dtype=pl.Int64))
    shares = [each.share for each in HABITS]
    people = numbers.with_columns(dice.pick("habit", range(len(HABITS)), shares, "member").alias("habit"))
    people = people.with_columns(_joined(dice, config), *_profile(dice), *_app(dice))
    if config.seeded and first_member == 0:
        people = _with_seeded(people, config)
    return people.with_columns(*_names()).with_columns(*_ids(people["member"].to_list(), config.seed)).pipe(_contexts)


def _joined(dice: Dice, config: ShopConfig) -> pl.Expr:
    """A rush in the first weeks after the app went live, then a steady stream."""
    share = dice.uniform("joined", "member")
    rush = dice.happens("rush", 0.28, "member")
    offset = pl.when(rush).then(share * min(45, config.days)).otherwise(share * config.days)
    return (pl.lit(config.first) + pl.duration(days=offset.floor().cast(pl.Int64))).alias("joined")


def _profile(dice: Dice) -> list[pl.Expr]:
    shops = stores()
    common = [1.0 / (rank + 6) for rank in range(len(FAMILY))]
    liked = [category.share for category in CATEGORIES]
    age = dice.uniform("age", "member") + dice.uniform("age too", "member")
    birthday = pl.date(
        1944 + (age * 31).cast(pl.Int32), 1 + dice.below("month", 12, "member"), 1 + dice.below("day", 28, "member")
    )
    return [
        dice.happens("gender", 0.68, "member").alias("female"),
        dice.pick("family", range(len(FAMILY)), common, "member").alias("family"),
        dice.uniform("given", "member").alias("given"),
        birthday.alias("birthday"),
        dice.pick("store", range(len(shops)), [shop.weight for shop in shops], "member").alias("home_store"),
        dice.pick("favourite", range(len(CATEGORIES)), liked, "member").alias("favourite"),
        pl.when(dice.happens("language", 0.03, "member")).then(pl.lit("en")).otherwise(pl.lit("ja")).alias("language"),
    ]


def _app(dice: Dice) -> list[pl.Expr]:
    return [
        dice.happens("app", 0.93, "member").alias("has_app"),
        dice.happens("ios", 0.61, "member").alias("ios"),
        dice.happens("permission", 0.80, "member").alias("permitted"),
        dice.happens("consent", 0.68, "member").alias("consents"),
        dice.happens("second phone", 0.05, "member").alias("changes_phone"),
        dice.waiting("forgets", habit("tires"), "member").alias("weeks_until_forgotten"),
    ]


def _with_seeded(people: pl.DataFrame, config: ShopConfig) -> pl.DataFrame:
    """Members 0 and 1: a regular of long standing, and someone who bought once, 40 days ago."""
    once = config.today - timedelta(days=40)
    long_ago = max(config.first, config.today - timedelta(days=250))
    fixed: dict[str, tuple[object, object]] = {
        "habit": (REGULAR, ONCE),
        "joined": (long_ago, once),
        "female": (False, True),
        "family": (4, 36),
        "given": (0.30, 0.18),
        "language": ("ja", "ja"),
        "has_app": (True, True),
        "permitted": (True, True),
        "consents": (True, True),
        "changes_phone": (False, False),
        "weeks_until_forgotten": (500.0, 1.0),
    }
    return people.with_columns(
        pl.when(pl.col("member") == 0)
        .then(pl.lit(regular))
        .when(pl.col("member") == 1)
        .then(pl.lit(single))
        .otherwise(pl.col(name))
        .alias(name)
        for name, (regular, single) in fixed.items()
    )


def _names() -> list[pl.Expr]:
    def of(names: tuple[tuple[str, str], ...], part: int, index: pl.Expr) -> pl.Expr:
        return pl.lit(pl.Series([name[part] for name in names])).gather(index)

    def given(part: int) -> pl.Expr:
        woman, man = ((pl.col("given") * len(names)).floor().cast(pl.Int64) for names in (WOMEN, MEN))
        return pl.when(pl.col("female")).then(of(WOMEN, part, woman)).otherwise(of(MEN, part, man))

    prefectures = pl.Series([store.prefecture for store in stores()])
    return [
        of(FAMILY, 0, pl.col("family")).alias("family_name"),
        of(FAMILY, 1, pl.col("family")).alias("family_name_kana"),
        given(0).alias("given_name"),
        given(1).alias("given_name_kana"),
        pl.lit(prefectures).gather(pl.col("home_store")).alias("prefecture"),
    ]


def _ids(numbers: list[int], seed: int) -> list[pl.Series]:
    """External ids as an app and a shop would have them: a card number, an installation's id, push tokens."""

    def digest(purpose: str, number: int, size: int) -> bytes:
        return hashlib.blake2b(f"{seed}:{purpose}:{number}".encode(), digest_size=size).digest()

    def token(purpose: str, number: int) -> str:
        text = base64.urlsafe_b64encode(digest(purpose, number, 60)).decode()
        return f"{text[:22]}:APA91b{text[22:]}"

    return [
        pl.Series("user_id", [f"M{number + 1:07}" for number in numbers]),
        pl.Series("anonymous_id", [str(uuid.UUID(bytes=digest("anonymous", number, 16))) for number in numbers]),
        pl.Series("device", [digest("device", number, 8).hex() for number in numbers]),
        pl.Series("later_device", [digest("later device", number, 8).hex() for number in numbers]),
        pl.Series("token", [token("token", number) for number in numbers]),
        pl.Series("later_token", [token("later token", number) for number in numbers]),
    ]


def _contexts(people: pl.DataFrame) -> pl.DataFrame:
    """What the app writes into ``context``, as JSON text, for the first phone and for the one after it."""
    return people.with_columns(
        _context("device", "token").alias("context"),
        _context("later_device", "later_token").alias("later_context"),
        _context("device").alias("short_context"),
        _context("later_device").alias("short_later_context"),
        pl.when("changes_phone").then(pl.col("joined") + pl.duration(days=60)).alias("new_phone"),
    )


def _context(device: str, token: str | None = None) -> pl.Expr:
    kind = pl.when("ios").then(pl.lit("ios")).otherwise(pl.lit("android")).alias("type")
    if token is None:
        return pl.struct(pl.struct(pl.col(device).alias("id"), kind).alias("device")).struct.json_encode()
    allowed = pl.when("permitted").then(pl.lit("granted")).otherwise(pl.lit("denied")).alias("permission")
    phone = pl.struct(pl.col(device).alias("id"), kind, pl.col(token).alias("token"), allowed)
    system = pl.when("ios").then(pl.lit("iOS")).otherwise(pl.lit("Android"))
    locale = pl.when(pl.col("language") == "en").then(pl.lit("en-US")).otherwise(pl.lit("ja-JP"))
    return pl.struct(
        pl.struct(pl.lit(NAME_JA).alias("name"), pl.lit(APP_VERSION).alias("version")).alias("app"),
        phone.alias("device"),
        pl.struct(system.alias("name")).alias("os"),
        locale.alias("locale"),
        pl.lit(ZONE).alias("timezone"),
    ).struct.json_encode()
