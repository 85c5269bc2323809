"""What the phone page knows of its shop: ``JOREN_HOME/demo/phone.json``, written by whoever loads the demo.

Example::

    {
      "api_url":           "http://127.0.0.1:8000",          intake; events go to {api_url}/v1/batch
      "app_write_key":     "…",                              public key of an app source; reaches the browser
      "server_write_key":  "…",                              secret key of a server source; never does
      "shop":              {"ja": "灯ノ葉", "en": "Tomoshinoha"},
      "currency":          "JPY",
      "zone":              "Asia/Tokyo",                      where the phones are, whatever the browser's own clock says
      "members":  [{"user_id": "M000123", "name": {"ja": "佐藤 花子", "en": "Hanako Sato"}, "rank": {"ja": …, "en": …},
                    "note": {"ja": "40日前に1回購入", "en": "Bought once, 40 days ago"}, "points": 120, "consent": true}],
      "phones":   {"a": {"member": "M000123", "os": "iOS"}, "b": {"member": "M000456", "os": "Android"}},
      "stores":   [{"id": "S01", "name": {"ja": …, "en": …}}],
      "coupons":  [{"id": "thanks", "title": {…}, "detail": {…}, "valid_until": "2026-12-31", "discount": 100}],
      "products": [{"id": "P001", "name": {…}, "category": "焼き菓子", "category_name": {…}, "price": 260}],
      "survey_id": "nps"
    }

Prices and discounts are decimals in the currency's major unit, as on the wire. Any text may be a plain string, which
then serves both languages. ``rank``, ``note``, ``points``, ``consent``, ``detail``, ``valid_until`` and
``category_name`` may be left out, and so may ``phones``: any slot name opens a phone, and one that is not listed
begins signed out. The file is read at each request, so it may be written while the page is open.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias, TypeVar

import msgspec

from backend.errors import NotConfigured, NotFound

T = TypeVar("T")


class Words(msgspec.Struct, frozen=True):
    """A text in both languages."""

    ja: str
    en: str


Text: TypeAlias = str | Words
"""A text in both languages, or one that serves both."""


class Member(msgspec.Struct, frozen=True):
    """A member that a phone may sign in as."""

    user_id: str
    name: Text
    rank: Text = ""
    note: Text = ""
    points: int = 0
    consent: bool = False


class Phone(msgspec.Struct, frozen=True):
    """How a phone begins."""

    member: str | None = None
    os: str = "Android"


class Store(msgspec.Struct, frozen=True):
    """A store to visit."""

    id: str
    name: Text


class Coupon(msgspec.Struct, frozen=True):
    """A coupon in the app."""

    id: str
    title: Text
    detail: Text = ""
    valid_until: str | None = None
    discount: float = 0


class Product(msgspec.Struct, frozen=True):
    """A product on the menu."""

    id: str
    name: Text
    category: str
    price: float
    category_name: Text = ""


class PhoneConfig(msgspec.Struct, frozen=True):
    """The whole file; see the module."""

    api_url: str
    app_write_key: str
    server_write_key: str
    shop: Text
    members: tuple[Member, ...]
    stores: tuple[Store, ...]
    coupons: tuple[Coupon, ...]
    products: tuple[Product, ...]
    currency: str = "JPY"
    zone: str = "Asia/Tokyo"
    phones: dict[str, Phone] = msgspec.field(default_factory=dict)
    survey_id: str = "nps"

    def member(self, user_id: str) -> Member:
        """The member of an id.

        Raises:
            NotFound: when the phone page does not know him.
        """
        return _find(self.members, user_id, lambda member: member.user_id)

    def product(self, product_id: str) -> Product:
        """The product of an id.

        Raises:
            NotFound: when it is not on the menu.
        """
        return _find(self.products, product_id, lambda product: product.id)

    def coupon(self, coupon_id: str) -> Coupon:
        """The coupon of an id.

        Raises:
            NotFound: when there is none.
        """
        return _find(self.coupons, coupon_id, lambda coupon: coupon.id)


def read(path: Path) -> PhoneConfig:
    """The file's content.

    Raises:
        NotConfigured: when it is missing or does not fit.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=PhoneConfig)
    except FileNotFoundError:
        raise NotConfigured("The demo shop is not loaded yet: run joren demo, or wait until it is.") from None
    except (OSError, msgspec.MsgspecError) as error:
        raise NotConfigured(f"{path} cannot be read: {error}") from None


def _find(values: Iterable[T], key: str, of: Callable[[T], str]) -> T:
    for value in values:
        if of(value) == key:
            return value
    raise NotFound(f"The phone page knows no {key}.")
