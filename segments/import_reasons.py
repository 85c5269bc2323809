"""Why a row of a file can be rejected: the reason's own words for machines and the command line, and what people are told."""

from collections.abc import Mapping
from dataclasses import dataclass

from segments.failures import FAILURES


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason in both languages."""

    ja: str
    en: str


REASONS: Mapping[str, Reason] = {
    "the row has another number of cells": Reason("列の数が見出しと合いません", "The row has not as many cells as the header"),
    "not a flat JSON object": Reason("1行のJSONオブジェクトとして読めません", "The line is not a flat JSON object"),
    "an id has more than 255 characters": Reason("IDが255文字を超えています", "An id has more than 255 characters"),
    "more decimals than the currency has": Reason("通貨の最小単位より細かい金額です", "The amount is finer than the currency's smallest unit"),
    "no order_id": Reason("注文番号がありません", "The order number is missing"),
    "no customer_id": Reason("会員番号がありません", "The member number is missing"),
    "no ordered_at": Reason("注文日時がありません", "The time of the order is missing"),
    "ordered_at is not a time": Reason("注文日時を日時として読めません", "The time of the order cannot be read"),
    "ordered_at is before the year 2000": Reason("注文日時が2000年より前です", "The order is from before the year 2000"),
    "ordered_at is in the future": Reason("注文日時が未来です", "The time of the order is in the future"),
    "the amount is not a number": Reason("金額を数値として読めません", "The amount cannot be read as a number"),
    "no amount": Reason("金額がありません", "The amount is missing"),
    "the amount is too large": Reason("金額が大きすぎます", "The amount is too large"),
    "the order names two customers": Reason("1つの注文に会員が2人います", "One order names two members"),
    "email is not a mail address": Reason("メールアドレスの形ではありません", "The mail address has not the form of one"),
    "phone is not a phone number": Reason("電話番号として読めません", "The phone number cannot be read"),
    "gender is neither female, male nor other": Reason("性別を読めません（女性・男性・その他）", "The gender is neither female, male nor other"),
    "language is not a language such as ja or en": Reason("言語を読めません（ja、enなど）", "The language is none such as ja or en"),
    "push_consent is neither yes nor no": Reason("同意が「はい」「いいえ」のどちらでもありません", "The consent is neither yes nor no"),
    "birthday is not a day": Reason("誕生日を日付として読めません", "The birthday cannot be read as a day"),
    "birthday is before 1900 or in the future": Reason("誕生日が1900年より前か、未来です", "The birthday is before 1900 or in the future"),
    "joined_at is not a time": Reason("入会日を日付として読めません", "The join date cannot be read"),
    "joined_at is before the year 2000": Reason("入会日が2000年より前です", "The join date is before the year 2000"),
    "joined_at is in the future": Reason("入会日が未来です", "The join date is in the future"),
    "updated_at is not a time": Reason("更新日時を日時として読めません", "The time of the change cannot be read"),
    "updated_at is before the year 2000": Reason("更新日時が2000年より前です", "The time of the change is before the year 2000"),
    "updated_at is in the future": Reason("更新日時が未来です", "The time of the change is in the future"),
    "a text has more than 1000 characters": Reason("1000文字を超える値があります", "A value has more than 1000 characters"),
    "no product_id": Reason("商品コードがありません", "The product id is missing"),
    "price is not a number": Reason("価格を数値として読めません", "The price cannot be read as a number"),
    "price is below zero": Reason("価格が0未満です", "The price is below zero"),
    "no store_id": Reason("店舗コードがありません", "The store id is missing"),
    "a name has more than 200 characters": Reason("200文字を超える名前があります", "A name has more than 200 characters"),
    "timestamp is not a time": Reason("日時を読めません", "The time cannot be read"),
    "timestamp is before the year 2000": Reason("日時が2000年より前です", "The time is before the year 2000"),
    "timestamp is in the future": Reason("日時が未来です", "The time is in the future"),
    "a JSON column holds no JSON object": Reason("JSONの列を読めません", "A JSON column holds no JSON object"),
    "a column contradicts another one": Reason("列どうしが矛盾しています", "A column contradicts another one"),
    **{code.replace("_", " "): Reason(ja, en) for code, (ja, en) in FAILURES.items()},
}  # fmt: skip
"""Every reason."""


def reason_of(reason: str) -> Reason:
    """What people are told; a reason that is not listed speaks for itself."""
    return REASONS.get(reason) or Reason(reason, reason)
