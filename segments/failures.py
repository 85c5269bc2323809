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
        "not_storable": ("データベースに保存できません", "The database refused it"),
    }
)
"""Every code with its words: (Japanese, English)."""


class EventFailure(ValueError):
    """One event cannot be stored, and why.

    Attributes:
        code: one of `FAILURES`.
        reason: one sentence about this event.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
