"""Writes what the phone pages know of the demo shop (`backend.demo.phone.config`)."""

import json
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from backend.demo.catalogue import products
from backend.demo.coupon_book import DISCOUNT
from backend.demo.generator import blocks
from backend.demo.phone.config import Coupon, Member, Phone, PhoneConfig, Product, Store, Words
from backend.demo.shop import (
    CURRENCY,
    NAME_EN,
    NAME_JA,
    PUBLIC_COUPON,
    THANKS_COUPON,
    ZONE,
    ShopConfig,
    coupons,
    stores,
)

LISTED = 12
"""Members that a phone may sign in as."""

_RANKS_EN = {"レギュラー": "Regular", "シルバー": "Silver", "ゴールド": "Gold", "プラチナ": "Platinum"}
_SEEDED = {
    "M0000001": ("Makoto Ito", Words("週に一度の常連・クーポンあり", "A weekly regular with a coupon in hand")),
    "M0000002": ("Aya Murakami", Words("40日前に1回購入", "Bought once, 40 days ago")),
}


class Keys(msgspec.Struct, frozen=True):
    """Write keys: of the app, public, and of the shop's own server, secret."""

    app: str
    server: str


def write(file: Path, config: ShopConfig, keys: Keys, *, api_url: str) -> None:
    """Write the file, readable by its owner only: it holds the server's key."""
    book = PhoneConfig(
        api_url=api_url,
        app_write_key=keys.app,
        server_write_key=keys.server,
        shop=Words(NAME_JA, NAME_EN),
        currency=CURRENCY,
        zone=ZONE,
        members=tuple(_members(config)),
        phones={"a": Phone("M0000001", "iOS"), "b": Phone("M0000002", "Android")},
        stores=tuple(Store(each.store_id, Words(each.ja, each.en)) for each in stores()),
        coupons=tuple(
            Coupon(each.coupon_id, Words(each.ja, each.en), "", each.valid_until.isoformat(), DISCOUNT)
            for each in coupons(config)
            if each.coupon_id in {THANKS_COUPON, PUBLIC_COUPON}
        ),
        products=tuple(
            Product(row["product_id"], Words(row["name"], row["name_en"]), row["category"], row["price"], Words(row["category"], row["category_en"]))
            for row in products().iter_rows(named=True)
        ),
    )  # fmt: skip
    file.touch(mode=0o600)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(book)))


def _members(config: ShopConfig) -> list[Member]:
    """The first members and how they stand at the end of the simulated period."""
    few = ShopConfig(last=config.last, members=min(LISTED, config.members), days=config.days, seed=config.seed)
    [block] = blocks(few)
    told = block.unique("message_id", keep="first").sort("occurred_at").filter(pl.col("event").is_null() | pl.col("event").is_in(list(_CHANGES)))  # fmt: skip
    standing: dict[str, dict[str, Any]] = {}
    for row in told.iter_rows(named=True):
        event = json.loads(row["payload"])
        member = standing.setdefault(row["user_id"], {"points": 0, "rank": "", "consent": False})
        if row["event"] is None:
            member["name"] = f"{event['traits']['family_name']} {event['traits']['given_name']}"
        else:
            _CHANGES[row["event"]](member, event["properties"])
    return [_member(user_id, standing[user_id]) for user_id in sorted(standing)]


def _member(user_id: str, found: dict[str, Any]) -> Member:
    english, note = _SEEDED.get(user_id, (found["name"], ""))
    return Member(
        user_id=user_id,
        name=Words(found["name"], english),
        rank=Words(found["rank"], _RANKS_EN[found["rank"]]),
        note=note,
        points=found["points"],
        consent=found["consent"],
    )


def _earn(member: dict[str, Any], said: dict[str, Any]) -> None:
    member["points"] += said["points"]


def _spend(member: dict[str, Any], said: dict[str, Any]) -> None:
    member["points"] -= said["points"]


def _rise(member: dict[str, Any], said: dict[str, Any]) -> None:
    member["rank"] = said["rank"]


def _agree(member: dict[str, Any], said: dict[str, Any]) -> None:
    member["consent"] = said["granted"]


_CHANGES = {
    "Points Earned": _earn,
    "Points Spent": _spend,
    "Membership Rank Changed": _rise,
    "Consent Changed": _agree,
}
