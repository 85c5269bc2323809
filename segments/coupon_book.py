"""What a shop says of a coupon: its definition, and what cannot be taken. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

LONGEST_ID = 255
LONGEST_TITLE = 200
LONGEST_TEXT = 2000
MOST_DAYS = 3650
MOST_USES = 1_000_000
MOST_STORES = 10_000
AUDIENCES = ("public", "issued")


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponDraft:
    """A coupon as somebody defines it.

    Attributes:
        audience: "public" for everybody, "issued" for those to whom it is given.
        valid_from: first business day on which it can be used; None for at once.
        valid_until: last one; None for ever.
        valid_days: so many days after the day of its issue it can be used, the last one included; None for no such limit.
        stores: where it is valid; empty for everywhere.
        uses_per_person: how often one person may use it; None for no limit.
    """

    coupon_id: str
    title_ja: str
    title_en: str = ""
    audience: str = "issued"
    valid_from: date | None = None
    valid_until: date | None = None
    valid_days: int | None = None
    stores: tuple[str, ...] = ()
    uses_per_person: int | None = None
    description_ja: str = ""
    description_en: str = ""

    def until(self, day: date) -> date | None:
        """The last day for one who gets it on ``day``: the earlier of the coupon's own and that of ``valid_days``."""
        own = None if self.valid_days is None else day + timedelta(days=self.valid_days)
        return min((each for each in (own, self.valid_until) if each is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCoupon:
    """A coupon of the book, who changed it last, and whether it was put away."""

    draft: CouponDraft
    created_at: datetime
    changed_at: datetime
    changed_by: str
    archived_at: datetime | None

    @property
    def coupon_id(self) -> str:
        """What events call it."""
        return self.draft.coupon_id

    def title(self, language: str) -> str:
        """Its title in "ja" or "en"."""
        return self.draft.title_ja if language == "ja" else self.draft.title_en or self.draft.title_ja


def problems(draft: CouponDraft) -> dict[str, str]:
    """What cannot be taken, one sentence by field; empty where all is well."""
    found = {
        "coupon_id": _text(draft.coupon_id, LONGEST_ID, least=1) or _plain(draft.coupon_id),
        "title_ja": _text(draft.title_ja, LONGEST_TITLE, least=1),
        "title_en": _text(draft.title_en, LONGEST_TITLE),
        "description_ja": _text(draft.description_ja, LONGEST_TEXT),
        "description_en": _text(draft.description_en, LONGEST_TEXT),
        "audience": None if draft.audience in AUDIENCES else "Choose public or issued.",
        "valid_until": _order(draft),
        "valid_days": _whole(draft.valid_days, MOST_DAYS) or _nobody_issues(draft),
        "uses_per_person": _whole(draft.uses_per_person, MOST_USES),
        "stores": _stores(draft.stores),
    }
    return {field: sentence for field, sentence in found.items() if sentence is not None}


def _text(value: str, most: int, *, least: int = 0) -> str | None:
    return None if least <= len(value.strip()) <= most else f"Use {least} to {most} characters."


def _plain(value: str) -> str | None:
    sound = value == value.strip() and value.isprintable() and not {*"/?#"} & {*value}
    return None if sound else "Use characters that can be seen, without blanks at the ends and without / ? #."


def _order(draft: CouponDraft) -> str | None:
    ordered = draft.valid_from is None or draft.valid_until is None or draft.valid_from <= draft.valid_until
    return None if ordered else "The last day is before the first."


def _whole(number: int | None, most: int) -> str | None:
    return None if number is None or 1 <= number <= most else f"Choose a whole number from 1 to {most}."


def _nobody_issues(draft: CouponDraft) -> str | None:
    """Days after an issue mean nothing where nobody is issued anything."""
    idle = draft.audience == "public" and draft.valid_days is not None
    return "A public coupon is issued to nobody: give it a last day." if idle else None


def _stores(stores: tuple[str, ...]) -> str | None:
    sound = len(stores) <= MOST_STORES and all(0 < len(store) <= LONGEST_ID for store in stores)
    return None if sound and len({*stores}) == len(stores) else "Name each store once, by its number."
