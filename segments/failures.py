"""Why an event can fail at intake: stable codes for machines, words for people.

A failed event is not lost. It is kept with its code, one sentence on this very event, and its bytes.
"""

from types import MappingProxyType

FAILURES = MappingProxyType(
    {
        "unreadable": ("JSONとして読めません", "Cannot be read as JSON"),
        "not_an_object": ("オブジェクトではありません", "Not an object"),
        "too_large": ("32 KiBを超えています", "Larger than 32 KiB"),
        "too_deep": ("入れ子が深すぎます", "Nested too deeply"),
        "bad_text": ("保存できない文字を含みます", "Holds characters that cannot be stored"),
        "missing_type": ("種別がありません", "Has no type"),
        "unknown_type": ("種別が不明です", "Unknown type"),
        "bad_message_id": ("メッセージIDが不正です", "Message id does not fit"),
        "missing_id": ("顧客のIDがありません", "Has no id of a person"),
        "bad_id": ("IDが不正です", "An id does not fit"),
        "missing_event": ("イベント名がありません", "Has no event name"),
        "bad_event": ("イベント名が不正です", "The event name does not fit"),
        "bad_timestamp": ("日時が不正です", "The time does not fit"),
        "bad_context": ("コンテキストが不正です", "The context does not fit"),
        "bad_properties": ("プロパティが不正です", "The properties do not fit"),
        "missing_property": ("必須のプロパティがありません", "A required property is missing"),
        "bad_property": ("プロパティの型が違います", "A property has the wrong type"),
        "batch_too_long": ("一括送信の上限を超えています", "Beyond the length of a batch"),
        "unverified_missing": ("顧客トークンがありません", "Has no customer token"),
        "unverified_unreadable": ("顧客トークンを読めません", "Its customer token cannot be read"),
        "unverified_algorithm": ("顧客トークンの署名方式が違います", "Its customer token is signed in another way"),
        "unverified_unknown_key": ("顧客トークンの鍵が登録されていません", "Its customer token's key is unknown"),
        "unverified_retired_key": ("顧客トークンの鍵は廃止されています", "Its customer token's key was retired"),
        "unverified_signature": ("顧客トークンの署名が正しくありません", "Its customer token's signature is wrong"),
        "unverified_audience": ("別のソース向けの顧客トークンです", "Its customer token is for another source"),
        "unverified_lifetime": (
            "顧客トークンの有効期間が24時間を超えています",
            "Its customer token lives over 24 hours",
        ),
        "unverified_too_many": ("1回の送信に顧客トークンが多すぎます", "Too many customer tokens in one request"),
        "unverified_person": ("別の顧客の顧客トークンです", "Its customer token speaks for another customer"),
        "unverified_not_yet": ("顧客トークンの有効期間が始まっていません", "Its customer token begins in the future"),
        "unverified_expired": ("顧客トークンの期限が切れています", "Its customer token had expired"),
        "plan_violation": ("計測計画に合いません", "Breaks the tracking plan"),
        "not_storable": ("データベースに保存できません", "The database refused it"),
    }
)
"""Every code with its words: (Japanese, English)."""


class EventFailure(ValueError):
    """One event cannot be stored, and why.

    Attributes:
        code: one of `FAILURES`.
        reason: one sentence about this event.
        violations: what it breaks of its source's tracking plan, as `segments.violations` writes it.
        verdict: what its customer token proved before it failed.
    """

    def __init__(
        self, code: str, reason: str, *, violations: tuple[str, ...] | None = None, verdict: str | None = None
    ) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.violations = violations
        self.verdict = verdict
