"""What files can hold: kinds of rows, their fields, and which column is which field. Pure.

Headers are recognised by the names that tills, shop systems and people use, in Japanese and English. A guess can always
be overruled; columns that nobody maps are left out.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from segments.errors import FactsError

OWN_COLUMNS = "joren_"
"""Columns that begin so are ours: they explain a rejected row, and are passed over when it comes again."""


class Kind(StrEnum):
    """What a file's rows are."""

    ORDERS = "orders"
    CUSTOMERS = "customers"
    EVENTS = "events"
    PRODUCTS = "products"
    STORES = "stores"


@dataclass(frozen=True, slots=True)
class Field:
    """What a column may be mapped to; ``names`` are headers that mean it, the surest first."""

    name: str
    ja: str
    en: str
    names: tuple[str, ...] = ()
    required: bool = False


class BadMapping(FactsError):
    """A mapping of columns to fields, or a currency or time zone, that cannot be used.

    Attributes:
        code: the fault for machines; pages say it in their language.
        field: the field it is about, where there is one.
        values: what belongs into the sentence.
    """

    def __init__(self, message: str, *, code: str = "bad_mapping", field: str = "", **values: str) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.values = values


_CUSTOMER = ("customer_id", "user_id", "member_id", "member_no", "member number", "customer number", "顧客id", "顧客番号", "顧客コード", "会員番号", "会員id", "会員コード", "会員no", "お客様番号", "ユーザーid", "ユーザid", "会員", "顧客")  # fmt: skip
_STORE = (
    "store_id",
    "store",
    "shop_id",
    "shop",
    "branch",
    "店舗id",
    "店舗コード",
    "店舗番号",
    "店番",
    "店コード",
    "店舗",
    "販売店舗",
    "店舗名",
)
_PRODUCT = ("product_id", "sku", "jan", "jan_code", "item_id", "stock_code", "product", "商品id", "商品コード", "商品番号", "品番", "janコード", "jan", "単品コード")  # fmt: skip
_CATEGORY = ("category", "department", "カテゴリー", "カテゴリ", "商品カテゴリ", "商品カテゴリー", "分類", "商品分類", "部門", "部門名")  # fmt: skip

FIELDS: Mapping[Kind, tuple[Field, ...]] = {
    Kind.ORDERS: (
        Field("order_id", "注文番号", "Order number", ("order_id", "order_no", "order number", "receipt_id", "receipt number", "invoice_no", "transaction_id", "注文番号", "注文id", "伝票番号", "レシート番号", "取引番号", "受注番号", "伝票no", "注文no", "伝票"), required=True),
        Field("customer_id", "会員番号", "Member number", _CUSTOMER, required=True),
        Field("ordered_at", "注文日時", "Ordered at", ("ordered_at", "order_date", "order time", "purchased_at", "purchase_date", "sold_at", "invoiced_at", "timestamp", "datetime", "date", "注文日時", "購入日時", "売上日時", "取引日時", "販売日時", "受注日時", "注文日", "購入日", "売上日", "取引日", "受注日", "日時", "日付"), required=True),
        Field("total", "金額", "Amount", ("total", "amount", "price total", "order_total", "subtotal", "金額", "合計", "合計金額", "購入金額", "注文金額", "売上金額", "税込金額", "税込合計", "お支払い金額", "売上", "小計")),
        Field("quantity", "数量", "Quantity", ("quantity", "qty", "数量", "個数", "点数")),
        Field("unit_price", "単価", "Unit price", ("unit_price", "price", "単価", "税込単価", "商品単価", "価格")),
        Field("store", "店舗", "Store", _STORE),
        Field("product", "商品", "Product", (*_PRODUCT, "商品", "商品名", "品名")),
        Field("category", "カテゴリー", "Category", _CATEGORY),
        Field("brand", "ブランド", "Brand", ("brand", "brand_name", "maker", "manufacturer", "ブランド", "ブランド名", "メーカー", "メーカー名")),
        Field("cancelled_order_id", "取り消す注文番号", "Order taken back", ("cancelled_order_id", "original_order_id", "元注文番号", "元伝票番号", "取消元番号", "返品元注文番号")),
    ),
    Kind.CUSTOMERS: (
        Field("customer_id", "会員番号", "Member number", _CUSTOMER, required=True),
        Field("family_name", "姓", "Family name", ("family_name", "last_name", "surname", "姓", "氏名（姓）", "名字", "苗字")),
        Field("given_name", "名", "Given name", ("given_name", "first_name", "名", "氏名（名）")),
        Field("name", "氏名", "Full name", ("name", "full_name", "customer_name", "氏名", "お名前", "名前", "顧客名", "会員名")),
        Field("email", "メールアドレス", "Mail address", ("email", "e-mail", "mail", "email_address", "mail address", "メールアドレス", "メール", "eメール", "e-mailアドレス")),
        Field("phone", "電話番号", "Phone", ("phone", "phone_number", "tel", "mobile", "電話番号", "電話", "携帯電話", "携帯番号")),
        Field("birthday", "誕生日", "Birthday", ("birthday", "birthdate", "date_of_birth", "dob", "誕生日", "生年月日")),
        Field("gender", "性別", "Gender", ("gender", "sex", "性別")),
        Field("prefecture", "都道府県", "Prefecture", ("prefecture", "state", "region", "都道府県", "住所（都道府県）", "県")),
        Field("language", "言語", "Language", ("language", "locale", "言語", "使用言語")),
        Field("rank", "会員ランク", "Rank", ("rank", "tier", "member_rank", "会員ランク", "ランク", "ステージ", "会員ステージ", "会員種別")),
        Field("joined_at", "入会日", "Joined at", ("joined_at", "join_date", "registered_at", "registration_date", "created_at", "signup_date", "入会日", "入会日時", "登録日", "登録日時", "会員登録日")),
        Field("push_consent", "お知らせの同意（プッシュ）", "Consent to pushes", ("push_consent", "push_opt_in", "プッシュ許諾", "プッシュ同意", "プッシュ通知許諾", "アプリ通知許諾")),
        Field("updated_at", "更新日時", "Changed at", ("updated_at", "modified_at", "last_modified", "更新日時", "更新日", "最終更新日", "最終更新日時")),
    ),
    Kind.EVENTS: (
        Field("event", "イベント名", "Event", ("event", "event_name", "イベント名", "イベント", "行動")),
        Field("userId", "会員番号", "Member number", ("userId", *_CUSTOMER)),
        Field("anonymousId", "匿名ID", "Anonymous id", ("anonymousId", "anonymous_id", "device_id", "匿名id")),
        Field("timestamp", "日時", "Time", ("timestamp", "occurred_at", "event_time", "datetime", "date", "日時", "発生日時", "イベント日時", "日付")),
        Field("messageId", "イベントID", "Message id", ("messageId", "message_id", "event_id", "イベントid")),
        Field("type", "種別", "Type of call", ("type", "call", "種別")),
        Field("properties.store_id", "店舗", "Store", _STORE),
        Field("properties.coupon_id", "クーポンID", "Coupon id", ("coupon_id", "coupon", "クーポンid", "クーポンコード", "クーポン")),
        Field("properties.order_id", "注文番号", "Order number", ("order_id", "注文番号", "伝票番号")),
        Field("properties.total", "金額", "Amount", ("total", "amount", "金額", "合計金額")),
        Field("properties.points", "ポイント", "Points", ("points", "ポイント", "ポイント数")),
        Field("previousId", "前のID", "Previous id", ("previousId", "previous_id")),
        Field("name", "画面名", "Screen name", ("screen_name", "画面名")),
        Field("properties", "プロパティ（JSON）", "Properties (JSON)", ("properties", "event_params")),
        Field("traits", "属性（JSON）", "Traits (JSON)", ("traits", "user_properties")),
        Field("context", "コンテキスト（JSON）", "Context (JSON)", ("context",)),
        Field("properties.rank", "会員ランク", "Rank", ("rank", "会員ランク", "ランク")),
    ),
    Kind.PRODUCTS: (
        Field("product_id", "商品コード", "Product id", (*_PRODUCT, "id"), required=True),
        Field("name", "商品名", "Name", ("name", "product_name", "title", "item_name", "商品名", "品名", "名称", "商品名称")),
        Field("name_en", "商品名（英語）", "Name in English", ("name_en", "english_name", "商品名（英語）", "英語名", "商品名英語")),
        Field("category", "カテゴリー", "Category", _CATEGORY),
        Field("price", "価格", "Price", ("price", "unit_price", "価格", "単価", "販売価格", "税込価格", "定価")),
    ),
    Kind.STORES: (
        Field("store_id", "店舗コード", "Store id", ("store_id", "shop_id", "branch_id", "店舗id", "店舗コード", "店舗番号", "店番", "店コード", "id"), required=True),
        Field("name", "店舗名", "Name", ("name", "store_name", "shop_name", "branch", "店舗名", "店名", "名称", "店舗")),
        Field("name_en", "店舗名（英語）", "Name in English", ("name_en", "english_name", "店舗名（英語）", "英語名", "店舗名英語")),
        Field("prefecture", "都道府県", "Prefecture", ("prefecture", "state", "region", "都道府県", "県")),
    ),
}  # fmt: skip
"""The fields of each kind, in the order in which forms show them."""

FREE: Mapping[Kind, tuple[str, ...]] = {
    Kind.CUSTOMERS: ("traits.",),
    Kind.EVENTS: ("properties.", "traits.", "context."),
}
"""Beginnings of fields that a shop names itself: ``traits.favourite`` keeps a column as that trait."""

_FREE_NAME = re.compile(r"[^\x00-\x1f]{1,100}")


def field_names(kind: Kind) -> list[str]:
    """The names of a kind's fields."""
    return [field.name for field in FIELDS[kind]]


def guess_mapping(kind: Kind, columns: Sequence[str]) -> dict[str, str]:
    """Field → column, by the headers; a column stands for one field, and for the one that its name means most surely."""
    plain = {_plain(column): column for column in reversed(columns) if not column.startswith(OWN_COLUMNS)}
    found: dict[str, str] = {}
    exact = {name for name in field_names(kind) if name in columns}
    for field in FIELDS[kind]:
        names = (field.name,) if field.name in exact else field.names
        for column in (
            field.name if name == field.name and field.name in exact else plain.get(_plain(name)) for name in names
        ):
            if column is not None and column not in found.values() and (column not in exact or column == field.name):
                found[field.name] = column
                break
    paths = [name for name in columns if _is_free(kind, name) and name not in found and name not in found.values()]
    return found | dict(zip(paths, paths, strict=True))


def read_mapping(
    kind: Kind, pairs: Iterable[tuple[str, str]], columns: Sequence[str], *, guess: bool = True
) -> dict[str, str]:
    """Field → column from pairs of column and field; the rest is guessed from the headers.

    Args:
        kind: of the rows.
        pairs: column and field; an empty field leaves the column out.
        columns: of the file.
        guess: whether columns that no pair names may stand for fields that no pair names.

    Raises:
        BadMapping: naming the pair at fault and what would be right, or the field that is missing.
    """
    found: dict[str, str] = {}
    left_out: set[str] = set()
    for column, field in pairs:
        _check_pair(kind, column, field, columns, found)
        if field:
            found[field] = column
        else:
            left_out.add(column)
    if guess:
        free = [column for column in columns if column not in found.values() and column not in left_out]
        found |= {field: column for field, column in guess_mapping(kind, free).items() if field not in found}
    _require(kind, found, columns)
    return found


def split_pair(pair: str) -> tuple[str, str]:
    """Column and field of ``column=field`` as the command line has it; a column may hold ``=`` itself.

    Raises:
        BadMapping: it is no pair.
    """
    column, sign, field = pair.rpartition("=")
    if not sign or not column:
        raise BadMapping(
            f"--map {pair} is not column=field: write for example --map 会員番号=customer_id.", code="no_pair"
        )
    return column, field.strip()


def _check_pair(kind: Kind, column: str, field: str, columns: Sequence[str], found: Mapping[str, str]) -> None:
    if column not in columns:
        raise BadMapping(
            f"The file has no column {column}. Its columns are {', '.join(columns)}.", code="no_column", column=column
        )
    if field and field not in field_names(kind) and not _is_free(kind, field):
        raise BadMapping(
            f"There is no field {field}. Fields are {', '.join([*field_names(kind), *(f'{start}…' for start in FREE.get(kind, ()))])}.",
            code="no_field", name=field,
        )  # fmt: skip
    if field in found:
        raise BadMapping(
            f"{field} is {found[field]} already; each field has one column.",
            code="field_twice", field=field, first=found[field], second=column,
        )  # fmt: skip


def _is_free(kind: Kind, field: str) -> bool:
    start = next((start for start in FREE.get(kind, ()) if field.startswith(start)), None)
    return start is not None and bool(_FREE_NAME.fullmatch(field[len(start) :]))


def _require(kind: Kind, found: Mapping[str, str], columns: Sequence[str]) -> None:
    for field in FIELDS[kind]:
        if field.required and field.name not in found:
            raise BadMapping(
                f"No column stands for {field.name} ({field.en.lower()}): add --map COLUMN={field.name}. "
                f"The file's columns are {', '.join(columns)}.",
                code="no_required", field=field.name,
            )  # fmt: skip
    if kind is Kind.EVENTS and columns and not {"event", "type"} & found.keys():
        raise BadMapping(
            f"No column stands for event: add --map COLUMN=event. The file's columns are {', '.join(columns)}.",
            code="no_required", field="event",
        )  # fmt: skip
    if kind is Kind.ORDERS and "total" not in found and not {"quantity", "unit_price"} <= found.keys():
        raise BadMapping(
            "No column stands for the amount: add --map COLUMN=total, or both quantity and unit_price.",
            code="no_amount", field="total",
        )  # fmt: skip


def _plain(header: str) -> str:
    """A header without case, width, blanks and signs: ``Customer ID *`` is ``customerid``."""
    folded = unicodedata.normalize("NFKC", header).casefold()
    return re.sub(r"[\s_\-*:：・.()（）]+", "", folded)
