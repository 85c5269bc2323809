"""Everything that a block of members did, as events: the pieces of the simulation put together."""

from collections.abc import Iterator

import polars as pl

from backend.demo.catalogue import PER_CATEGORY, products
from backend.demo.coupon_book import DISCOUNT, coupon_book, definitions
from backend.demo.dice import Dice
from backend.demo.launches import launches
from backend.demo.membership import cancellations, points, rank_changes, rank_name, refunds
from backend.demo.opinions import feedback, surveys
from backend.demo.people import APP_VERSION, BROWSER
from backend.demo.purchases import moment, order_lines, purchases
from backend.demo.shop import CURRENCY, ShopConfig, stores
from backend.demo.wire import APP, SERVER, TIME, Happened, json_of, text

_DAYTIME = {10: 5, 11: 6, 12: 9, 13: 6, 15: 6, 17: 6, 18: 7, 19: 6, 20: 6, 21: 4}


def everything(people: pl.DataFrame, config: ShopConfig) -> tuple[pl.DataFrame, list[Happened]]:
    """The members with their moment of joining, and all that happened to them."""
    orders = purchases(people, config)
    opened = launches(people, orders, config)
    people = people.join(_joined_at(people, orders, opened, config), on="member")
    book = coupon_book(people, orders, config)
    lines = order_lines(orders, config)
    orders = _with_totals(orders, lines, book.redeemed)
    return people, [
        *_joining(people, config),
        *_app_use(people, opened, config),
        *_orders(orders, lines, config),
        *_membership(people, orders, config),
        *_coupons(book.issued, book.viewed, book.presented, book.redeemed, book.expired, config=config),
        *_opinions(orders, config),
    ]


def bought(orders: pl.DataFrame, config: ShopConfig) -> Iterator[Happened]:
    """What a server tells of orders without coupons: columns as `backend.demo.purchases.purchases` gives them."""
    lines = order_lines(orders, config)
    unused = orders.select("member", "order").clear()
    return _orders(_with_totals(orders, lines, unused), lines, config)


def _joined_at(people: pl.DataFrame, orders: pl.DataFrame, opened: pl.DataFrame, config: ShopConfig) -> pl.DataFrame:
    """Before the first thing that anyone did: member, joined_at."""
    first = (
        pl.concat([orders.select("member", "at"), opened.select("member", "at")])
        .group_by("member")
        .agg(pl.col("at").min())
    )
    at = moment(Dice(config.seed), "joined", _DAYTIME, "joined", "member")
    before = pl.col("at") - pl.duration(minutes=8)
    return people.join(first, on="member", how="left").select(
        "member", pl.min_horizontal(at, before).alias("joined_at")
    )


def _with_totals(orders: pl.DataFrame, lines: pl.DataFrame, redeemed: pl.DataFrame) -> pl.DataFrame:
    """Orders with ``total`` in yen after the coupon, ``store_id`` and ``order_id``."""
    summed = lines.group_by("member", "order").agg((pl.col("price") * pl.col("quantity")).sum().alias("sum"))
    used = redeemed.select("member", "order", pl.lit(DISCOUNT).alias("off"))
    priced = orders.join(summed, on=["member", "order"]).join(used, on=["member", "order"], how="left")
    return priced.with_columns(
        (pl.col("sum") - pl.col("off").fill_null(0)).clip(0).alias("total"),
        _store_id(),
        _order_id(),
    )


def _order_id() -> pl.Expr:
    return pl.concat_str(pl.lit("R"), pl.col("member") + 1, pl.lit("-"), pl.col("order") + 1).alias("order_id")


def _store_id() -> pl.Expr:
    return pl.lit(pl.Series([store.store_id for store in stores()])).gather(pl.col("store")).alias("store_id")


def _joining(people: pl.DataFrame, config: ShopConfig) -> Iterator[Happened]:
    joined = people.select("member", pl.col("joined_at").alias("at"))
    traits = people.select(
        "member",
        pl.col("joined_at").alias("at"),
        json_of(
            family_name="family_name", given_name="given_name",
            family_name_kana="family_name_kana", given_name_kana="given_name_kana",
            gender=pl.when("female").then(pl.lit("female")).otherwise(pl.lit("male")),
            birthday=pl.col("birthday").dt.strftime("%Y-%m-%d"), prefecture="prefecture", language="language",
            email=pl.concat_str(pl.lit("m"), pl.col("member") + 1, pl.lit("@member.example")),
        ).str.slice(1).str.head(-1).alias("traits"),
    )  # fmt: skip
    yield Happened(traits, SERVER, None, (), pl.col("traits"))
    yield Happened(joined.with_columns(pl.col("at") + pl.duration(seconds=10)), SERVER, "Membership Joined", ())
    installed = people.filter("has_app").select("member", (pl.col("joined_at") + pl.duration(seconds=5)).alias("at"))
    yield Happened(installed, APP, "Application Installed", (), text(f'"version":"{APP_VERSION}"'))
    yield from _consents(people, config)


def _consents(people: pl.DataFrame, config: ShopConfig) -> Iterator[Happened]:
    asked = people.filter("has_app").select(
        "member", "consents", (pl.col("joined_at") + pl.duration(seconds=60)).alias("at")
    )
    asked = asked.with_columns(pl.lit(0).alias("time_of"))
    regrets = Dice(config.seed).happens("regrets", 0.05, "member") & pl.col("consents") & (pl.col("member") > 1)
    later = pl.col("at") + pl.duration(days=20 + Dice(config.seed).below("regrets after", 120, "member"))
    withdrawn = asked.filter(regrets).with_columns(
        later.alias("at"), pl.lit(value=False).alias("consents"), pl.lit(1).alias("time_of")
    )
    said = pl.concat([asked, withdrawn]).filter(pl.col("at").dt.date() <= config.last)
    granted = text('"purpose":"marketing","channel":"push","granted":{}', "consents")
    yield Happened(said, SERVER, "Consent Changed", ("time_of",), granted)


def _app_use(people: pl.DataFrame, opened: pl.DataFrame, config: ShopConfig) -> Iterator[Happened]:
    dice = Dice(config.seed)
    keys = ("member", "launch")
    properties = text(f'"version":"{APP_VERSION}","from_background":{{}}', "from_background")
    yield Happened(opened, APP, "Application Opened", ("launch",), properties)
    closed = opened.filter(dice.happens("closes", 0.06, *keys)).with_columns(pl.col("at") + pl.duration(minutes=3))
    yield Happened(closed, APP, "Application Backgrounded", ("launch",))
    looked = opened.filter(dice.happens("looks at products", 0.25, *keys)).join(
        people.select("member", "favourite"), on="member"
    )
    chosen = looked.with_columns(
        (pl.col("favourite") * PER_CATEGORY + dice.below("which product", PER_CATEGORY, *keys)).alias("product"),
        pl.col("at") + pl.duration(seconds=35),
    ).join(products(), on="product")
    seen = text('"product_id":"{}","name":"{}","category":"{}","price":{}', "product_id", "name", "category", "price")
    yield Happened(chosen, APP, "Product Viewed", ("launch",), seen)


def _orders(orders: pl.DataFrame, lines: pl.DataFrame, config: ShopConfig) -> Iterator[Happened]:
    entered = orders.with_columns(pl.col("at") - pl.duration(minutes=5))
    yield Happened(entered, SERVER, "Store Visited", ("order",), text('"store_id":"{}"', "store_id"))
    line = text('{"product_id":"{}","name":"{}","category":"{}","quantity":{},"price":{}}',
                "product_id", "name", "category", "quantity", "price")  # fmt: skip
    written = lines.sort("member", "order", "line").with_columns(line.alias("text"))
    written = written.group_by("member", "order").agg(pl.col("text").str.join(","))
    bought = text('"order_id":"{}","total":{},"currency":"' + CURRENCY + '","store_id":"{}","products":[{}]',
                  "order_id", "total", "store_id", "text")  # fmt: skip
    yield Happened(orders.join(written, on=["member", "order"]), SERVER, "Order Completed", ("order",), bought)
    cancelled = cancellations(orders, config)
    yield Happened(
        cancelled.with_columns(_order_id()), SERVER, "Order Cancelled", ("order",), text('"order_id":"{}"', "order_id")
    )
    returned = refunds(orders.join(cancelled, on=["member", "order"], how="anti"), lines, config).with_columns(
        _order_id()
    )
    refunded = text('"order_id":"{}","total":{},"currency":"' + CURRENCY + '"', "order_id", "total")
    yield Happened(returned, SERVER, "Order Refunded", ("order",), refunded)


def _membership(people: pl.DataFrame, orders: pl.DataFrame, config: ShopConfig) -> Iterator[Happened]:
    earned, spent = points(orders)
    yield Happened(earned, SERVER, "Points Earned", ("order",), text('"points":{}', "points"))
    yield Happened(spent, SERVER, "Points Spent", ("order",), text('"points":{}', "points"))
    changes = rank_changes(orders, people, config).with_columns(
        pl.col("at").dt.strftime("%Y%m%d").alias("on"), rank_name("rank").alias("rank"),
        pl.concat_str(pl.lit(',"previous_rank":"'), rank_name("previous"), pl.lit('"')).fill_null("").alias("before"),
    )  # fmt: skip
    yield Happened(changes, SERVER, "Membership Rank Changed", ("on",), text('"rank":"{}"{}', "rank", "before"))
    leaves = Dice(config.seed).happens("withdraws", 0.06, "member") & (pl.col("habit") == BROWSER)
    after = pl.duration(days=7 * pl.col("weeks_until_forgotten").ceil().cast(pl.Int64) + 3)
    left = people.filter(leaves).select("member", (pl.col("joined_at") + after).alias("at"))
    yield Happened(left.filter(pl.col("at").dt.date() <= config.last), SERVER, "Membership Withdrawn", ())


def _coupons(
    issued: pl.DataFrame, viewed: pl.DataFrame, presented: pl.DataFrame, redeemed: pl.DataFrame, expired: pl.DataFrame, *, config: ShopConfig
) -> Iterator[Happened]:  # fmt: skip
    ids = definitions(config).select("coupon", "coupon_id")
    end = (pl.col("valid_until") + pl.duration(days=1)).cast(pl.Datetime("us")) - pl.duration(hours=9, seconds=1)
    until = issued.with_columns(end.dt.strftime(TIME).alias("until"))
    only, at_till = (
        text('"coupon_id":"{}"', "coupon_id"),
        text('"coupon_id":"{}","store_id":"{}"', "coupon_id", "store_id"),
    )
    stages = (
        (until, SERVER, "Coupon Issued", text('"coupon_id":"{}","valid_until":"{}"', "coupon_id", "until")),
        (viewed, APP, "Coupon Viewed", only),
        (presented.with_columns(_store_id()), APP, "Coupon Presented", at_till),
        (redeemed.with_columns(_store_id()), SERVER, "Coupon Redeemed", at_till),
        (expired, SERVER, "Coupon Expired", only),
    )
    for frame, source, event, properties in stages:
        yield Happened(frame.join(ids, on="coupon"), source, event, ("coupon",), properties)


def _opinions(orders: pl.DataFrame, config: ShopConfig) -> Iterator[Happened]:
    users = orders.filter("has_app")
    yield Happened(
        surveys(users, config), APP, "Survey Answered", ("order",), text('"survey_id":"nps","score":{}', "score")
    )
    said = text('"rating":{},"text":"{}"', "rating", "text")
    yield Happened(feedback(users, config), APP, "Feedback Submitted", ("order",), said)
