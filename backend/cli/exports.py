"""`joren export`: events, history, customers, segments, reports and KPIs to CSV, Excel and Parquet."""

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from shutil import copyfileobj
from typing import Any

import msgspec
import typer

from backend.cli.kpi_options import MembersOf
from backend.cli.runtime import print_json, run
from backend.cli.segments import find_segment
from backend.store.export_files import Written
from backend.wiring import Services
from segments.exports import Encoding, FileFormat, What, Wish

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

ACTOR = "command line"

_OUTPUT = typer.Option(
    ..., "--output", "-o", help="The file to write, or - for standard output; nothing is overwritten."
)
_FORMAT = typer.Option(
    None, "--format", help="csv, xlsx or parquet; by default what the file's name ends in, else csv."
)
_ENCODING = typer.Option(Encoding.UTF8, "--encoding", help="Of CSV: utf-8, utf-8-sig (with a mark for Excel) or cp932.")
_AS_JSON = typer.Option(False, "--json", help="Print what was written as JSON.")
_FROM = typer.Option(None, "--from", formats=["%Y-%m-%d"], help="First business day, included.")
_TO = typer.Option(None, "--to", formats=["%Y-%m-%d"], help="Last business day, included.")
_NAMES = typer.Option([], "--event", help="Only events of this name; may be repeated.")
_SOURCE = typer.Option(None, "--source", help="Only events of this source.")
_COLUMNS = typer.Option("", "--columns", help="Columns in this order, separated by commas; traits.KEY is one trait.")
_WITHOUT = typer.Option(False, "--without-names", help="No names, mail addresses, member numbers or traits.")


def _dated(what: What) -> Callable[..., None]:
    """The command for exports of things that happened."""

    def command(
        *,
        output: str = _OUTPUT,
        first: datetime = _FROM,
        last: datetime = _TO,
        event: list[str] = _NAMES,
        source: str = _SOURCE,
        file_format: FileFormat = _FORMAT,
        encoding: Encoding = _ENCODING,
        as_json: bool = _AS_JSON,
    ) -> None:
        wish = _wish(what, output, file_format, encoding, **_window(first, last), names=event, source=source)
        _write(wish, output, as_json=as_json)

    return command


_EVENTS = """Events as they came, as far back as the intake log is kept. The file can be imported again.

Example: joren export events --from 2026-04-01 --to 2026-04-30 --event "Order Completed" --output april.csv
"""
_HISTORY = """Facts of all events ever stored, by the customer's number: nobody is named.

Example: joren export history --output history.parquet
"""
app.command("events", help=_EVENTS)(_dated(What.EVENTS))
app.command("history", help=_HISTORY)(_dated(What.HISTORY))


@app.command()
def customers(
    *,
    output: str = _OUTPUT,
    columns: str = _COLUMNS,
    without_names: bool = _WITHOUT,
    file_format: FileFormat = _FORMAT,
    encoding: Encoding = _ENCODING,
    as_json: bool = _AS_JSON,
) -> None:
    """All customers: who they are, and what is true of them.

    Example: joren export customers --columns user_id,rank,orders,traits.family_name --encoding cp932 --output members.csv
    """
    wish = _wish(What.CUSTOMERS, output, file_format, encoding, **_about_whom(columns, without_names))
    _write(wish, output, as_json=as_json)


@app.command()
def segment(
    *,
    name: str = typer.Argument(..., help="Name or number of the segment."),
    output: str = _OUTPUT,
    columns: str = _COLUMNS,
    without_names: bool = _WITHOUT,
    file_format: FileFormat = _FORMAT,
    encoding: Encoding = _ENCODING,
    as_json: bool = _AS_JSON,
) -> None:
    """The members of a segment, as they are now.

    Example: joren export segment "Once" --output once.xlsx
    """
    wish = _wish(What.CUSTOMERS, output, file_format, encoding, **_about_whom(columns, without_names))
    _write(wish, output, segments=[name], as_json=as_json)


@app.command()
def report(
    campaign: int = typer.Argument(..., help="Number of the campaign."),
    output: str = _OUTPUT,
    file_format: FileFormat = _FORMAT,
    encoding: Encoding = _ENCODING,
    as_json: bool = _AS_JSON,
) -> None:
    """A campaign's report as a table.

    Example: joren export report 7 --output spring.csv
    """
    _write(_wish(What.CAMPAIGN, output, file_format, encoding, campaign_id=campaign), output, as_json=as_json)


@app.command()
def kpi(
    *,
    slugs: list[str] = typer.Argument(
        None, help="Names of KPIs, with options like 'f2_conversion?days=90'; without one, all of the catalogue."
    ),
    output: str = _OUTPUT,
    first: datetime = _FROM,
    last: datetime = _TO,
    segments: list[str] = typer.Option([], "--segment", help="Also of this segment (name or number); may be repeated."),
    members: MembersOf = typer.Option(MembersOf.COHORT, "--members", help="Members when it mattered, or today's."),
    by: str = typer.Option(None, "--by", help="Break down by an attribute: rank, store, age_band, platform, gender …"),
    compare: str = typer.Option(
        None, "--compare", help="previous, previous_year, previous_year_same_weekday, or segment:NAME."
    ),
    as_of: datetime = typer.Option(
        None, "--as-of", formats=["%Y-%m-%d"], help="As the shop stood at the end of that day."
    ),
    file_format: FileFormat = _FORMAT,
    encoding: Encoding = _ENCODING,
    as_json: bool = _AS_JSON,
) -> None:
    """KPIs as a table, for everyone and for segments, broken down and compared as `joren kpi` does it.

    Example: joren export kpi retention 'repeat_purchase_rate?n=3' --segment "Once" --by rank --output figures.xlsx
    """
    asked = {"by": by, "compare": compare, "as_of": as_of.date() if as_of else None, "members": members.value}
    wish = _wish(What.KPI, output, file_format, encoding, **_window(first, last), kpis=slugs or [], **asked)
    _write(wish, output, segments=segments, as_json=as_json)


def _wish(what: What, output: str, file_format: FileFormat | None, encoding: Encoding, **fields: Any) -> Wish:
    chosen = file_format or _format_of(output)
    lists: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    return Wish(what=what, format=chosen, encoding=encoding, **lists)


def _format_of(output: str) -> FileFormat:
    ending = Path(output).suffix.lower().removeprefix(".")
    return FileFormat(ending) if ending in list(FileFormat) else FileFormat.CSV


def _window(first: datetime | None, last: datetime | None) -> dict[str, Any]:
    return {"first": first.date() if first else None, "last": last.date() if last else None}


def _about_whom(columns: str, without_names: bool) -> dict[str, Any]:
    chosen = tuple(name.strip() for name in columns.split(",") if name.strip())
    return {"columns": chosen, "personal": not without_names}


def _write(wish: Wish, output: str, *, segments: list[str] | None = None, as_json: bool) -> None:
    with _place(output) as path:

        async def work(services: Services) -> Written:
            found = [(await find_segment(services.segment_runs, name)).segment.id for name in segments or ()]
            whose = (
                {"segment_ids": tuple(found)} if wish.what is What.KPI else {"segment_id": found[0] if found else None}
            )
            return await services.exports.write_to(msgspec.structs.replace(wish, **whose), path, by=ACTOR)

        written = run(work)
        if output == "-":
            with path.open("rb") as file:
                copyfileobj(file, sys.stdout.buffer)
        elif as_json:
            print_json(written)
        else:
            _say(written, path)


@contextlib.contextmanager
def _place(output: str) -> Iterator[Path]:
    """Where to write; what goes to standard output is written beside first, for a workbook cannot be streamed."""
    if output != "-":
        yield Path(output)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "export"


def _say(written: Written, path: Path) -> None:
    typer.echo(f"{path}: {written.rows:,} rows.")
    if written.replaced:
        typer.echo(f"  {written.replaced:,} characters that CP932 lacks were written as 〓.")
    if written.cut:
        typer.echo(f"  {written.cut:,} texts were cut at 32,767 characters, the most a cell of Excel holds.")
