"""`joren import`."""

import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from backend.cli.runtime import failing_clearly, print_json, run
from backend.demo import complete_journey
from backend.services.imports import ImportReport
from backend.services.imports import Progress as Told
from backend.wiring import Services
from segments.imports import FIELDS

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

_FILE = typer.Argument(help="CSV, NDJSON (.ndjson, .jsonl) or Parquet.", show_default=False)
_ENCODING = typer.Option("utf-8", help="Encoding of a CSV file, for example cp932.")
_JSON = typer.Option(False, "--json", help="Print the report as JSON.")


@app.callback()
def imports() -> None:
    """Take in events and orders from files. A file that comes again, whole or in part, is stored once."""


@app.command()
def orders(
    file: Path = _FILE,
    *,
    mapping: list[str] = typer.Option(
        [], "--map", metavar="COLUMN=FIELD", help=f"What a column is: {', '.join(FIELDS)}. May be repeated."
    ),
    currency: str | None = typer.Option(None, help="Currency of all amounts (ISO 4217); default: the shop's."),
    time_zone: str | None = typer.Option(None, help="Zone of times that name none; default: the shop's."),
    encoding: str = _ENCODING,
    as_json: bool = _JSON,
) -> None:
    """Take in orders or order lines. Lines with one order number are one order; a negative one is a refund.

    Example: joren import orders sales.csv --map invoice=order_id --map date=ordered_at --map amount=total
    """

    async def work(services: Services, progress: Told) -> ImportReport:
        return await services.imports.import_orders(
            file, mapping=mapping, currency=currency, zone=time_zone, encoding=_bom_aware(encoding), progress=progress
        )

    _import(work, as_json=as_json)


@app.command()
def events(file: Path = _FILE, encoding: str = _ENCODING, as_json: bool = _JSON) -> None:
    """Take in events in the shape of the Segment protocol: one JSON object a line, or one row an event.

    Example: joren import events history.ndjson
    """

    async def work(services: Services, progress: Told) -> ImportReport:
        return await services.imports.import_events(file, encoding=_bom_aware(encoding), progress=progress)

    _import(work, as_json=as_json)


@app.command()
def coupons(file: Path = _FILE, encoding: str = _ENCODING, as_json: bool = _JSON) -> None:
    """Define coupons: columns coupon_id, title, title_en, valid_from, valid_until, audience (public or issued).

    Example: joren import coupons coupons.csv
    """

    async def work(services: Services) -> int:
        return await services.definitions.import_coupons(file, encoding=_bom_aware(encoding))

    _define(run(work), "coupons", as_json=as_json)


@app.command()
def stores(file: Path = _FILE, encoding: str = _ENCODING, as_json: bool = _JSON) -> None:
    """Name stores: columns store_id, name, name_en, prefecture.

    Example: joren import stores stores.csv
    """

    async def work(services: Services) -> int:
        return await services.definitions.import_stores(file, encoding=_bom_aware(encoding))

    _define(run(work), "stores", as_json=as_json)


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


def _bom_aware(encoding: str) -> str:
    """Excel writes a mark at the beginning of UTF-8 files; it is no part of the first column's name."""
    return "utf-8-sig" if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else encoding


def _import(work: Callable[[Services, Told], Awaitable[ImportReport]], *, as_json: bool) -> None:
    began = time.monotonic()

    async def shown(services: Services) -> ImportReport:
        with _bar() as told:
            return await work(services, told)

    report = run(shown)
    if as_json:
        print_json(report)
    else:
        _tell(report, time.monotonic() - began)


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
    if report.again:
        typer.echo("This file had been imported completely before; nothing was stored twice.")
    typer.echo(f"  stored    {report.stored:>10,}")
    typer.echo(f"  repeated  {report.repeated:>10,}")
    for reason, count in report.rejected.items():
        typer.echo(f"  rejected  {count:>10,}  {reason}")
    if report.rejects_file:
        typer.echo(f"Rejected rows are listed in {report.rejects_file}.")
    if report.currency != report.shop_currency:
        typer.echo(
            f"The amounts are in {report.currency}, the shop's currency is {report.shop_currency}: "
            "money KPIs are shown in the shop's."
        )
    typer.echo("Run joren refresh to bring the numbers up to date, unless a worker is running.")


def _define(count: int, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json({what: count})
    else:
        typer.echo(f"{count:,} {what} defined.")
