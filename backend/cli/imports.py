"""`joren import`."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from backend.cli.runtime import failing_clearly, print_json, run
from backend.demo import complete_journey
from backend.errors import BadInput
from backend.services.imports.values import Choices, ImportReport, Preview
from backend.services.imports.values import Progress as Told
from backend.wiring import Services
from segments.import_fields import FREE, Kind, field_names, split_pair

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", ",": ",", ";": ";", "\\t": "\t", "\t": "\t"}

_FILE = typer.Argument(
    help="CSV (.csv, .tsv, .txt), Excel (.xlsx), NDJSON (.ndjson, .jsonl) or Parquet.", show_default=False
)
_ENCODING = typer.Option(None, help="Encoding of a CSV file; default: found out (UTF-8 or CP932).")
_DELIMITER = typer.Option(None, help="Of a CSV file: comma, semicolon or tab; default: found out.")
_SHEET = typer.Option(None, help="Sheet of a workbook; default: the first that holds anything.")
_CURRENCY = typer.Option(None, help="Currency of all amounts (ISO 4217); default: the shop's.")
_ZONE = typer.Option(None, help="Zone of times that name none; default: the shop's.")
_PREVIEW = typer.Option(False, "--preview", help="Show how the first rows would be read, and store nothing.")
_JSON = typer.Option(False, "--json", help="Print the report as JSON.")


def _map_option(kind: Kind) -> list[str]:
    names = ", ".join([*field_names(kind), *(f"{start}NAME" for start in FREE.get(kind, ()))])
    option: list[str] = typer.Option(
        [], "--map", metavar="COLUMN=FIELD",
        help=f"What a column is, where its header does not say; an empty FIELD leaves it out. May be repeated. Fields: {names}.",
    )  # fmt: skip
    return option


@app.callback()
def imports() -> None:
    """Take in orders, customers, events, products and stores from files. A row that comes again is stored once."""


@app.command()
def orders(
    file: Path = _FILE,
    *,
    mapping: list[str] = _map_option(Kind.ORDERS),
    currency: str | None = _CURRENCY,
    time_zone: str | None = _ZONE,
    encoding: str | None = _ENCODING,
    delimiter: str | None = _DELIMITER,
    sheet: str | None = _SHEET,
    preview: bool = _PREVIEW,
    as_json: bool = _JSON,
) -> None:
    """Take in orders or order lines. Lines with one order number are one order; a negative one is a refund.

    Example: joren import orders sales.csv --map invoice=order_id --map date=ordered_at --map amount=total
    """
    _import(Kind.ORDERS, file, mapping, _Options(encoding, delimiter, sheet, currency, time_zone), preview=preview, as_json=as_json)  # fmt: skip


def _dated(kind: Kind) -> Callable[..., None]:
    """The command for files whose rows have times and no amounts."""

    def command(
        file: Path = _FILE,
        *,
        mapping: list[str] = _map_option(kind),
        time_zone: str | None = _ZONE,
        encoding: str | None = _ENCODING,
        delimiter: str | None = _DELIMITER,
        sheet: str | None = _SHEET,
        preview: bool = _PREVIEW,
        as_json: bool = _JSON,
    ) -> None:
        options = _Options(encoding, delimiter, sheet, zone=time_zone)
        _import(kind, file, mapping, options, preview=preview, as_json=as_json)

    return command


_CUSTOMERS = """Take in members: names, mail, birthday, rank, join date. A blank cell leaves what is known.

Example: joren import customers members.xlsx --map 備考=traits.note
"""
_EVENTS = """Take in events in the shape of the Segment protocol: one JSON object a line, or one row an event.

Example: joren import events history.ndjson
"""
app.command("customers", help=_CUSTOMERS)(_dated(Kind.CUSTOMERS))
app.command("events", help=_EVENTS)(_dated(Kind.EVENTS))


@app.command()
def products(
    file: Path = _FILE,
    *,
    mapping: list[str] = _map_option(Kind.PRODUCTS),
    currency: str | None = _CURRENCY,
    encoding: str | None = _ENCODING,
    delimiter: str | None = _DELIMITER,
    sheet: str | None = _SHEET,
    preview: bool = _PREVIEW,
    as_json: bool = _JSON,
) -> None:
    """Name products, with category and price. Order lines without a category take their product's.

    Example: joren import products products.csv
    """
    _import(Kind.PRODUCTS, file, mapping, _Options(encoding, delimiter, sheet, currency), preview=preview, as_json=as_json)  # fmt: skip


@app.command()
def stores(
    file: Path = _FILE,
    *,
    mapping: list[str] = _map_option(Kind.STORES),
    encoding: str | None = _ENCODING,
    delimiter: str | None = _DELIMITER,
    sheet: str | None = _SHEET,
    preview: bool = _PREVIEW,
    as_json: bool = _JSON,
) -> None:
    """Name stores, so that pages show names instead of ids.

    Example: joren import stores stores.csv --map 店番=store_id
    """
    _import(Kind.STORES, file, mapping, _Options(encoding, delimiter, sheet), preview=preview, as_json=as_json)


@app.command()
def coupons(file: Path = _FILE, encoding: str | None = _ENCODING, as_json: bool = _JSON) -> None:
    """Define coupons: columns coupon_id, title, title_en, valid_from, valid_until, audience (public or issued).

    Example: joren import coupons coupons.csv
    """

    async def work(services: Services) -> int:
        return await services.definitions.import_coupons(file, encoding=encoding)

    count = run(work)
    if as_json:
        print_json({"coupons": count})
    else:
        typer.echo(f"{count:,} coupons defined.")


@app.command("complete-journey")
def convert_complete_journey(
    folder: Path = typer.Argument(help="Folder with the data set's complete_journey_*.parquet files."),
    to: Path = typer.Option(Path("complete-journey"), help="Folder for events.ndjson and coupons.csv."),
) -> None:
    """Convert the Complete Journey data set's coupon campaigns into files that can be imported.

    Example: joren import complete-journey data --to converted && joren import events converted/events.ndjson
    """
    with failing_clearly():
        events, coupons = complete_journey.convert(folder, to)
        typer.echo(
            f"Wrote {events:,} events to {to / 'events.ndjson'} and {coupons:,} coupons to {to / 'coupons.csv'}."
        )


@dataclass(frozen=True, slots=True)
class _Options:
    """The options that all kinds of files share."""

    encoding: str | None
    delimiter: str | None
    sheet: str | None
    currency: str | None = None
    zone: str | None = None

    def choices(self, mapping: list[str]) -> Choices:
        """The choices that they make."""
        if self.delimiter is not None and self.delimiter not in _DELIMITERS:
            raise BadInput(f"There is no delimiter {self.delimiter}: use comma, semicolon or tab.", field="delimiter")
        return Choices(
            mapping=tuple(split_pair(pair) for pair in mapping),
            encoding=self.encoding,
            delimiter=None if self.delimiter is None else _DELIMITERS[self.delimiter],
            sheet=self.sheet,
            currency=self.currency,
            zone=self.zone,
        )


def _import(kind: Kind, file: Path, mapping: list[str], options: _Options, *, preview: bool, as_json: bool) -> None:
    with failing_clearly():
        choices = options.choices(mapping)
    if preview:
        found = run(lambda services: services.imports.preview(kind, file, choices))
        return print_json(found) if as_json else _show(file, found)
    began = time.monotonic()

    async def shown(services: Services) -> ImportReport:
        with _bar() as told:
            return await services.imports.run(kind, file, choices, progress=told)

    report = run(shown)
    return print_json(report) if as_json else _tell(report, time.monotonic() - began)


def _show(file: Path, preview: Preview) -> None:
    """The preview as a table."""
    table = Table(title=f"{file.name}, as it would be read", title_justify="left")
    for name in ("row", *preview.fields):
        column = preview.mapping.get(name, name)
        table.add_column(name if column == name else f"{name}\n({column})")
    for row in preview.rows:
        table.add_row(str(row.number), *row.cells, *[""] * (len(preview.fields) - len(row.cells)))
        if row.problem:
            table.add_row("", f"✗ {row.problem}", style="red")
    Console(markup=False).print(table)
    unused = [name for name in preview.columns if name not in preview.mapping.values()]
    if unused and preview.mapping:
        typer.echo(f"Left out: {', '.join(unused)}.")
    typer.echo(f"{preview.looked_at:,} rows looked at, {preview.fits:,} fit. Nothing was stored.")
    _tell_rejected(preview.rejected)


@contextlib.contextmanager
def _bar() -> Iterator[Told]:
    """A progress bar on stderr, so that stdout stays clean for ``--json``."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done)

        yield told


def _tell(report: ImportReport, seconds: float) -> None:
    typer.echo(f"{report.file}: {report.read:,} rows read, {report.events:,} {report.kind} in {seconds:.1f} s.")
    guessed = {field: column for field, column in report.mapping.items() if field != column}
    if guessed:
        typer.echo("  read as   " + ", ".join(f"{column} → {field}" for field, column in guessed.items()))
    if report.again:
        typer.echo("This file had been imported completely before; nothing was stored twice.")
    typer.echo(f"  stored    {report.stored:>10,}")
    typer.echo(f"  repeated  {report.repeated:>10,}")
    _tell_rejected(report.rejected)
    if report.rejects_file:
        typer.echo(f"Rejected rows are in {report.rejects_file}: mend them there and import that file.")
    if report.currency not in (None, report.shop_currency):
        typer.echo(
            f"The amounts are in {report.currency}, the shop's currency is {report.shop_currency}: "
            "money KPIs are shown in the shop's."
        )
    if report.kind not in (Kind.PRODUCTS, Kind.STORES):
        typer.echo("Run joren refresh to bring the numbers up to date, unless a worker is running.")


def _tell_rejected(rejected: Mapping[str, int]) -> None:
    for reason, count in rejected.items():
        typer.echo(f"  rejected  {count:>10,}  {reason}")
