"""The event vocabulary, declared once: names, properties and their types.

Intake checks known events against it, the lake takes its columns from it, the documentation and the pages
list it. Names follow Segment's mobile and e-commerce specs where those have one; custom events are allowed
and kept. An event that lacks a required property, or has one of the wrong type, is kept as a failed event.
"""

from dataclasses import dataclass
from enum import StrEnum


class EventName(StrEnum):
    """Names of the events that Joren understands."""

    APPLICATION_INSTALLED = "Application Installed"
    APPLICATION_OPENED = "Application Opened"
    APPLICATION_BACKGROUNDED = "Application Backgrounded"
    APPLICATION_UPDATED = "Application Updated"
    APPLICATION_UNINSTALLED = "Application Uninstalled"
    COUPON_ISSUED = "Coupon Issued"
    COUPON_VIEWED = "Coupon Viewed"
    COUPON_PRESENTED = "Coupon Presented"
    COUPON_REDEEMED = "Coupon Redeemed"
    COUPON_EXPIRED = "Coupon Expired"
    MEMBERSHIP_JOINED = "Membership Joined"
    MEMBERSHIP_WITHDRAWN = "Membership Withdrawn"
    MEMBERSHIP_RANK_CHANGED = "Membership Rank Changed"
    POINTS_EARNED = "Points Earned"
    POINTS_SPENT = "Points Spent"
    POINTS_EXPIRED = "Points Expired"
    STORE_VISITED = "Store Visited"
    PRODUCT_VIEWED = "Product Viewed"
    ORDER_COMPLETED = "Order Completed"
    ORDER_REFUNDED = "Order Refunded"
    ORDER_CANCELLED = "Order Cancelled"
    FEEDBACK_SUBMITTED = "Feedback Submitted"
    SURVEY_ANSWERED = "Survey Answered"
    CONSENT_CHANGED = "Consent Changed"
    PUSH_RECEIVED = "Push Notification Received"
    PUSH_TAPPED = "Push Notification Tapped"
    ADDRESS_RETIRED = "Push Address Retired"
    """Written by Joren itself when FCM answers UNREGISTERED; a device then no longer counts as installed."""


class Kind(StrEnum):
    """Types of properties."""

    TEXT = "text"
    INTEGER = "integer"
    MONEY = "money"
    """A decimal amount in the currency's major unit on the wire (1280, 12.50); integer minor units inside."""
    BOOLEAN = "boolean"
    TIME = "time"
    LINES = "lines"
    """A list of order lines; see `LINE_PROPERTIES`."""
    MAPPING = "mapping"


@dataclass(frozen=True, slots=True)
class Property:
    """One property of a known event; ``ja`` and ``en`` are its labels on pages."""

    name: str
    kind: Kind
    ja: str
    en: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class EventType:
    """One known event: its name, its labels, its properties.

    Attributes:
        weighty: facts that move money or reward; from an untrusted source they are marked unverified.
    """

    name: EventName
    ja: str
    en: str
    properties: tuple[Property, ...] = ()
    weighty: bool = False

    @property
    def slug(self) -> str:
        """The name in lower case with underscores, as columns use it."""
        return self.name.value.lower().replace(" ", "_")


_COUPON = Property("coupon_id", Kind.TEXT, "クーポンID", "Coupon id", required=True)
_STORE = Property("store_id", Kind.TEXT, "店舗", "Store")
_ORDER = Property("order_id", Kind.TEXT, "注文番号", "Order number", required=True)
_CURRENCY = Property("currency", Kind.TEXT, "通貨", "Currency")
LINE_PROPERTIES = (
    Property("product_id", Kind.TEXT, "商品", "Product"),
    Property("name", Kind.TEXT, "商品名", "Name"),
    Property("category", Kind.TEXT, "カテゴリー", "Category"),
    Property("brand", Kind.TEXT, "ブランド", "Brand"),
    Property("quantity", Kind.INTEGER, "数量", "Quantity"),
    Property("price", Kind.MONEY, "単価", "Price"),
)
"""Properties of an order line."""

_LINES = Property("products", Kind.LINES, "明細", "Lines")
_POINTS = Property("points", Kind.INTEGER, "ポイント", "Points", required=True)
_DELIVERY = (
    Property("campaign_id", Kind.INTEGER, "配信", "Campaign"),
    Property("delivery_id", Kind.INTEGER, "配信通番", "Delivery"),
)
_VERSION = (Property("version", Kind.TEXT, "バージョン", "Version"), Property("build", Kind.TEXT, "ビルド", "Build"))

VOCABULARY: tuple[EventType, ...] = (
    EventType(EventName.APPLICATION_INSTALLED, "アプリのインストール", "App installed", _VERSION),
    EventType(
        EventName.APPLICATION_OPENED,
        "アプリの起動",
        "App opened",
        (*_VERSION, Property("from_background", Kind.BOOLEAN, "復帰", "From background")),
    ),
    EventType(EventName.APPLICATION_BACKGROUNDED, "アプリを閉じた", "App backgrounded"),
    EventType(EventName.APPLICATION_UPDATED, "アプリの更新", "App updated", _VERSION),
    EventType(EventName.APPLICATION_UNINSTALLED, "アプリの削除", "App uninstalled"),
    EventType(
        EventName.COUPON_ISSUED,
        "クーポンの発行",
        "Coupon issued",
        (_COUPON, Property("valid_until", Kind.TIME, "有効期限", "Valid until")),
        weighty=True,
    ),
    EventType(EventName.COUPON_VIEWED, "クーポンの閲覧", "Coupon viewed", (_COUPON,)),
    EventType(EventName.COUPON_PRESENTED, "クーポンの提示", "Coupon presented", (_COUPON, _STORE)),
    EventType(EventName.COUPON_REDEEMED, "クーポンの利用", "Coupon redeemed", (_COUPON, _STORE), weighty=True),
    EventType(EventName.COUPON_EXPIRED, "クーポンの失効", "Coupon expired", (_COUPON,)),
    EventType(EventName.MEMBERSHIP_JOINED, "入会", "Joined", (_STORE,)),
    EventType(EventName.MEMBERSHIP_WITHDRAWN, "退会", "Withdrew"),
    EventType(
        EventName.MEMBERSHIP_RANK_CHANGED,
        "会員ランクの変更",
        "Rank changed",
        (
            Property("rank", Kind.TEXT, "新しいランク", "New rank", required=True),
            Property("previous_rank", Kind.TEXT, "前のランク", "Previous rank"),
        ),
        weighty=True,
    ),
    EventType(EventName.POINTS_EARNED, "ポイントの獲得", "Points earned", (_POINTS,), weighty=True),
    EventType(EventName.POINTS_SPENT, "ポイントの利用", "Points spent", (_POINTS,), weighty=True),
    EventType(EventName.POINTS_EXPIRED, "ポイントの失効", "Points expired", (_POINTS,), weighty=True),
    EventType(EventName.STORE_VISITED, "来店", "Store visited", (_STORE,)),
    EventType(
        EventName.PRODUCT_VIEWED,
        "商品の閲覧",
        "Product viewed",
        (
            Property("product_id", Kind.TEXT, "商品", "Product"),
            Property("category", Kind.TEXT, "カテゴリー", "Category"),
            Property("brand", Kind.TEXT, "ブランド", "Brand"),
        ),
    ),
    EventType(
        EventName.ORDER_COMPLETED,
        "購入",
        "Order completed",
        (_ORDER, Property("total", Kind.MONEY, "金額", "Total", required=True), _CURRENCY, _STORE, _LINES),
        weighty=True,
    ),
    EventType(
        EventName.ORDER_REFUNDED,
        "返品",
        "Order refunded",
        (_ORDER, Property("total", Kind.MONEY, "返金額", "Refunded amount"), _CURRENCY, _LINES),
        weighty=True,
    ),
    EventType(EventName.ORDER_CANCELLED, "購入の取消", "Order cancelled", (_ORDER,), weighty=True),
    EventType(
        EventName.FEEDBACK_SUBMITTED,
        "ご意見",
        "Feedback submitted",
        (Property("rating", Kind.INTEGER, "評価", "Rating"), Property("text", Kind.TEXT, "本文", "Text")),
    ),
    EventType(
        EventName.SURVEY_ANSWERED,
        "アンケートの回答",
        "Survey answered",
        (
            Property("survey_id", Kind.TEXT, "アンケート", "Survey"),
            Property("score", Kind.INTEGER, "点数", "Score"),
            Property("text", Kind.TEXT, "本文", "Text"),
        ),
    ),
    EventType(
        EventName.CONSENT_CHANGED,
        "同意の変更",
        "Consent changed",
        (
            Property("purpose", Kind.TEXT, "目的", "Purpose"),
            Property("channel", Kind.TEXT, "手段", "Channel"),
            Property("granted", Kind.BOOLEAN, "同意", "Granted", required=True),
            Property("source", Kind.TEXT, "取得元", "Where it was given"),
        ),
    ),
    EventType(EventName.PUSH_RECEIVED, "通知の受信", "Push received", _DELIVERY),
    EventType(EventName.PUSH_TAPPED, "通知の開封", "Push tapped", _DELIVERY),
    EventType(EventName.ADDRESS_RETIRED, "通知先の失効", "Push address retired"),
)

BY_NAME: dict[str, EventType] = {str(event.name): event for event in VOCABULARY}
"""Known events by their name on the wire."""
