"""An import in words. Pure: values in, values out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from admin_ui.error_words import kept_words
from admin_ui.forms import Form
from admin_ui.i18n import Say, mark
from backend.errors import JorenError
from backend.services.imports.values import Choices, FileLook, Preview
from segments.errors import FactsError
from segments.import_fields import FIELDS, BadMapping, Kind
from segments.import_reasons import reason_of

KINDS: Mapping[str, tuple[str, str]] = {
    Kind.ORDERS: (mark("Order history"), mark("Orders or order lines of till, shop or marketplace")),
    Kind.CUSTOMERS: (mark("Members"), mark("Names, mail addresses, birthdays, ranks, join dates")),
    Kind.EVENTS: (mark("Events"), mark("Anything that happened, in the shape of the Segment protocol or as rows")),
    Kind.PRODUCTS: (mark("Products"), mark("Names, categories and prices by product id")),
    Kind.STORES: (mark("Stores"), mark("Names and prefectures by store id")),
}
"""What can be imported, and one line about each."""

STATES = {
    "uploaded": (mark("Not started"), "hollow"),
    "waiting": (mark("Waiting"), "busy"),
    "running": (mark("Running"), "busy"),
    "stopped": (mark("Stopped half-way"), "care"),
    "done": (mark("Done"), "good"),
    "failed": (mark("Not possible"), "danger"),
}

STEPS = {
    "": mark("Waiting for the worker"),
    "Reading rows": mark("Reading and checking rows"),
    "Storing orders": mark("Storing orders"),
    "Importing customers": mark("Storing members"),
    "Importing events": mark("Storing events"),
    "Importing products": mark("Storing products"),
    "Importing stores": mark("Storing stores"),
}

ENCODINGS = {
    "": mark("Find out"),
    "utf-8": "UTF-8",
    "cp932": mark("Shift_JIS (CP932, Excel in Japanese)"),
    "utf-16": "UTF-16",
    "euc_jp": "EUC-JP",
}
DELIMITERS = {"": mark("Find out"), ",": mark("Comma"), ";": mark("Semicolon"), "\t": mark("Tab")}

TROUBLES = {
    "unknown_format": mark("Files end in .csv, .tsv, .txt, .xlsx, .ndjson, .jsonl or .parquet."),
    "empty_file": mark("The file is empty: its first row must name the columns."),
    "too_large": mark("The file is larger than 1 GiB. Take it in on the server with joren import."),
    "too_many_columns": mark("The file has more than 1,000 columns."),
    "column_twice": mark("Two columns have the same name. Rename one in the file."),
    "not_the_format": mark("The content is not what the end of the name says, or has a password. Save it anew as .xlsx or .csv."),
    "inflates_too_much": mark("The file would take too much memory once unpacked. Save it as CSV."),
    "unknown_encoding": mark("The characters are neither UTF-8 nor Shift_JIS. Choose the encoding."),
    "no_encoding": mark("The characters cannot be read in this encoding."),
    "not_the_encoding": mark("The characters cannot be read in this encoding."),
    "no_sheet": mark("The workbook has no such sheet."),
    "file_removed": mark("The uploaded file was removed. Upload it again."),
    "disk_full": mark("The disk is almost full. Make room and try again."),
    "no_currency": mark("Choose a currency."),
    "no_zone": mark("Choose a time zone."),
    "import_under_way": mark("This import is under way."),
    "no_amount": mark("Choose the column of the amount, or those of quantity and unit price."),
}  # fmt: skip
_NO_REQUIRED = mark("Choose the column of “%(field)s”.")
_TWICE = mark("“%(field)s” is chosen for two columns: %(first)s and %(second)s.")
_FRACTION = mark(
    "Row %(row)s has the amount %(amount)s, but %(currency)s has no decimals. Choose the currency of the file."
)

_MOST_COLUMNS = 1000


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """A column of the file with the field that is chosen for it, and the fields to choose from."""

    number: int
    name: str
    samples: str
    chosen: str
    own: str


def read_choices(form: Form) -> Choices:
    """What the form of an import says."""
    pairs = []
    for number in range(_MOST_COLUMNS):
        name = form.raw(f"column.{number}")
        if f"column.{number}" not in form:
            break
        pairs.append((name, form.text(f"field.{number}")))
    return Choices(
        mapping=tuple(pairs),
        guess=not pairs,
        encoding=form.text("encoding") or None,
        delimiter=form.raw("delimiter") or None,
        sheet=form.raw("sheet") or None,
        currency=form.text("currency") or None,
        zone=form.text("zone") or None,
    )


def settled(choices: Choices, look: FileLook) -> Choices:
    """The choices with a field or none for every column; where the columns are others now, they are recognised anew."""
    if look.by_line:
        return _with(choices, ())
    known = {column: field for column, field in choices.mapping if column in look.columns}
    if not known:
        known = {column: field for field, column in look.guessed.items()}
    return _with(choices, tuple((column, known.get(column, "")) for column in look.columns))


def _with(choices: Choices, mapping: tuple[tuple[str, str], ...]) -> Choices:
    return Choices(
        mapping=mapping, guess=False, encoding=choices.encoding, delimiter=choices.delimiter, sheet=choices.sheet,
        currency=choices.currency, zone=choices.zone,
    )  # fmt: skip


def column_choices(kind: Kind, look: FileLook, choices: Choices) -> list[ColumnChoice]:
    """The rows of the mapping form."""
    start = {Kind.CUSTOMERS: "traits.", Kind.EVENTS: "properties."}.get(kind, "")
    return [
        ColumnChoice(
            number=number,
            name=column,
            samples=" / ".join(look.samples.get(column, ())),
            chosen=field,
            own=field if "." in field and field not in _names(kind) else f"{start}{column}" if start else "",
        )
        for number, (column, field) in enumerate(choices.mapping)
    ]


def _names(kind: Kind) -> set[str]:
    return {field.name for field in FIELDS[kind]}


def field_label(kind: Kind, name: str, say: Say) -> str:
    """What people call a field."""
    known = next((field for field in FIELDS[kind] if field.name == name), None)
    return say.pick(known) if known else name.partition(".")[2] or name


def in_order(kind: Kind, mapping: Mapping[str, str]) -> list[tuple[str, str]]:
    """Fields and their columns as forms list them, a shop's own last."""
    order = {field.name: number for number, field in enumerate(FIELDS[kind])}
    return sorted(mapping.items(), key=lambda pair: (order.get(pair[0], len(order)), pair[0]))


def headings(preview: Preview, say: Say) -> list[str]:
    """What stands above the preview's cells."""
    return [field_label(Kind(preview.kind), name, say) for name in preview.fields]


def reasons(rejected: Mapping[str, int], say: Say) -> Sequence[tuple[str, int]]:
    """Why rows are rejected, most frequent first."""
    return [(say.pick(reason_of(reason)), count) for reason, count in rejected.items()]


def trouble(error: JorenError | FactsError, kind: Kind | None, say: Say) -> str:
    """A fault with the file or its mapping, in the page's language."""
    if isinstance(error, BadMapping) and kind is not None:
        label = field_label(kind, error.field, say) if error.field else ""
        match error.code:
            case "no_required":
                return say(_NO_REQUIRED, field=label)
            case "field_twice":
                return say(_TWICE, field=label, first=error.values["first"], second=error.values["second"])
            case "fraction":
                return say(_FRACTION, **error.values)
    return told(getattr(error, "code", ""), str(error), say)


def told(code: str, message: str, say: Say) -> str:
    """A fault by its code; of one without words of its own the English page says more."""
    return say(TROUBLES[code]) if code in TROUBLES else kept_words(code, message, say)
