"""Coupons as their pages show them, and their form as values. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from admin_ui.forms import Errors, Form
from admin_ui.i18n import Say, mark
from admin_ui.import_views import told
from backend.errors import JorenError
from segments.coupon_book import CouponDraft, problems
from segments.coupon_ledger import CouponNumbers
from segments.coupons import Flag

STATES = {
    "held": (mark("Open"), "busy"),
    "used": (mark("Used"), "good"),
    "expired": (mark("Expired"), "hollow"),
}
FLAGS: Mapping[str, str] = {
    Flag.OVER_LIMIT: mark("used too often"),
    Flag.LATE: mark("used after the last day"),
    Flag.EARLY: mark("used before the first day"),
    Flag.WRONG_STORE: mark("used in another store"),
    Flag.NOT_ISSUED: mark("never issued to them"),
}
AUDIENCES = {"issued": mark("Given to single members"), "public": mark("For everybody")}
TARGETS = {"people": mark("Named members"), "segment": mark("Segment"), "file": mark("File")}

_PROBLEMS = {
    "coupon_id": mark("Use 1 to 255 characters without blanks at the ends and without / ? #."),
    "title_ja": mark("A title has 1 to 200 characters."),
    "title_en": mark("A title has 1 to 200 characters."),
    "audience": mark("Choose who gets it."),
    "valid_from": mark("Choose a day."),
    "valid_until": mark("The last day cannot lie before the first one."),
    "valid_days": mark("Choose a whole number of days, for coupons that are given to single members."),
    "uses_per_person": mark("Choose a whole number from 1."),
    "stores": mark("Name each store once, by its number."),
    "description_ja": mark("Use at most 2,000 characters."),
    "description_en": mark("Use at most 2,000 characters."),
}
REFUSALS = {
    "coupon_exists": mark("There is already a coupon of this ID."),
    "coupon_archived": mark("This coupon is archived. Restore it first."),
    "coupon_public": mark("A coupon for everybody is issued to nobody."),
    "coupon_over": mark("The last day of this coupon is over."),
    "store_unknown": mark("One of these stores is not defined."),
    "customer_not_found": mark("Nobody has any of these member numbers, so nobody got the coupon."),
    "bad_batch": mark("Name 1 to 1,000 members; for more use a segment or a file."),
    "no_file": mark("Choose a file."),
    "no_ids": mark("The file does not say which column holds the member numbers. Call it 会員番号 or customer_id."),
    "segment_not_found": mark("Choose a segment."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One line of the numbers that add up."""

    label: str
    people: int
    share: float
    kind: str
    fill: str


def flow(numbers: CouponNumbers, say: Say) -> list[Part]:
    """Issued = used + open + expired, each as a share of what was issued."""
    whole = numbers.issued or 1
    return [
        Part(label=say("Issued"), people=numbers.issued, share=1.0 if numbers.issued else 0.0, kind="", fill="fill-1"),
        Part(label=say("Used"), people=numbers.used, share=numbers.used / whole, kind="minus", fill="fill-2"),
        Part(label=say("Expired"), people=numbers.expired, share=numbers.expired / whole, kind="minus", fill="fill-4"),
        Part(label=say("Open"), people=numbers.open, share=numbers.open / whole, kind="result", fill="fill-3"),
    ]


def blank() -> dict[str, str]:
    """An empty form."""
    return dict.fromkeys(_PROBLEMS, "") | {"audience": "issued"}


def typed(form: Form) -> dict[str, str]:
    """The form as it was typed."""
    return {name: form.text(name) for name in _PROBLEMS}


def written(draft: CouponDraft) -> dict[str, str]:
    """A definition as the form shows it."""
    values = {name: getattr(draft, name) for name in _PROBLEMS}
    values["stores"] = ", ".join(draft.stores)
    return {name: "" if value is None else str(value) for name, value in values.items()}


def read(fields: Mapping[str, str], say: Say) -> tuple[CouponDraft, Errors]:
    """The definition of a form, and what is wrong with it by field."""
    errors: Errors = {}
    draft = CouponDraft(
        coupon_id=fields["coupon_id"],
        title_ja=fields["title_ja"],
        title_en=fields["title_en"],
        audience=fields["audience"],
        valid_from=_day(fields, "valid_from", errors, say),
        valid_until=_day(fields, "valid_until", errors, say),
        valid_days=_whole(fields, "valid_days", errors, say),
        uses_per_person=_whole(fields, "uses_per_person", errors, say),
        stores=tuple(part for part in fields["stores"].replace("、", ",").replace(",", " ").split() if part),
        description_ja=fields["description_ja"],
        description_en=fields["description_en"],
    )
    wrong = {field: say(_PROBLEMS[field]) for field in problems(draft)}
    return draft, wrong | errors


def refusal(error: JorenError, say: Say) -> Errors:
    """A refusal of the shell, on its field; of a file in the words that imports have for it."""
    words = say(REFUSALS[error.code]) if error.code in REFUSALS else told(error.code, error.message, say)
    return {error.field or "form": words}


def _day(fields: Mapping[str, str], name: str, errors: Errors, say: Say) -> date | None:
    try:
        return date.fromisoformat(fields[name]) if fields[name] else None
    except ValueError:
        errors[name] = say(mark("Choose a day."))
        return None


def _whole(fields: Mapping[str, str], name: str, errors: Errors, say: Say) -> int | None:
    number = Form([(name, fields[name])]).whole(name)
    if number is None and fields[name]:
        errors[name] = say(_PROBLEMS[name])
    return number
