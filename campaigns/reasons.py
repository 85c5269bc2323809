"""Why somebody is left out of a campaign, in the words of the shop."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Label:
    """A word in both languages."""

    ja: str
    en: str


class Reason(StrEnum):
    """Why somebody is left out, in the order of the gates."""

    GONE = "gone"
    CONSENT = "consent"
    EXCLUSION_LIST = "exclusion_list"
    GLOBAL_HOLDOUT = "global_holdout"
    FREQUENCY_CAP = "frequency_cap"
    QUIET_HOURS = "quiet_hours"
    ADDRESS = "address"
    MISSING_FIELD = "missing_field"
    TOO_LONG = "too_long"
    EXPIRY = "expiry"


LABELS: dict[str, tuple[str, str]] = {
    Reason.GONE: ("会員の統合・退会など", "Merged or gone"),
    Reason.CONSENT: ("お知らせに同意していない", "No consent"),
    Reason.EXCLUSION_LIST: ("除外リストに載っている", "On an exclusion list"),
    Reason.GLOBAL_HOLDOUT: ("全体の比較用グループ", "Held out of all campaigns"),
    Reason.FREQUENCY_CAP: ("頻度の上限", "Frequency cap"),
    Reason.QUIET_HOURS: ("配信停止時間帯", "Quiet hours"),
    Reason.ADDRESS: ("届く端末がない", "No live address"),
    Reason.MISSING_FIELD: ("差し込む項目がない", "A merge field is missing"),
    Reason.TOO_LONG: ("差し込むと長すぎる", "Too long once filled in"),
    Reason.EXPIRY: ("期限切れ", "Expired"),
}
"""Each reason in Japanese and English."""
