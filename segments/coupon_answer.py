"""A coupon as one JSON document: the same for the command line, the HTTP API and any program that reads it."""

from datetime import date, datetime

import msgspec

from segments.coupon_book import StoredCoupon


class CouponAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon of the book."""

    coupon_id: str
    title: str
    title_en: str
    description: str
    description_en: str
    audience: str
    valid_from: date | None
    valid_until: date | None
    valid_days: int | None
    stores: list[str]
    uses_per_person: int | None
    created_at: datetime
    changed_at: datetime
    changed_by: str
    archived_at: datetime | None


def coupon_answer(stored: StoredCoupon) -> CouponAnswer:
    """A coupon as API and command line tell it."""
    draft = stored.draft
    return CouponAnswer(
        coupon_id=draft.coupon_id,
        title=draft.title_ja,
        title_en=draft.title_en,
        description=draft.description_ja,
        description_en=draft.description_en,
        audience=draft.audience,
        valid_from=draft.valid_from,
        valid_until=draft.valid_until,
        valid_days=draft.valid_days,
        stores=list(draft.stores),
        uses_per_person=draft.uses_per_person,
        created_at=stored.created_at,
        changed_at=stored.changed_at,
        changed_by=stored.changed_by,
        archived_at=stored.archived_at,
    )
