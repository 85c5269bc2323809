"""`joren list`: static lists of people, and exclusion lists."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from backend.api import list_answers as api
from backend.cli.named import named_or_numbered
from backend.cli.runtime import print_json, run
from backend.cli.segments import find_segment, lacking
from backend.errors import BadInput
from backend.services.static_lists import StaticLists
from backend.wiring import Services
from segments.id_lists import GivenIds, read_ids
from segments.static_list import StaticList, Taken

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

ACTOR = "command line"
LARGEST_FILE = 256 * 1024 * 1024

_LIST = typer.Argument(..., metavar="LIST", help="Name or number of the list.")
_FILE = typer.Argument(..., metavar="FILE", help="Member numbers: one a line, or a CSV with a column user_id.")
_AS_JSON = typer.Option(False, "--json", help="Print JSON.")
_CONFIRM = typer.Option(False, "--confirm", help="Although campaigns wait that go by it.")
_UNKNOWN = typer.Option(None, "--unknown-to", help="Write the numbers that nobody has into this new file.")


@app.command("list")
def list_lists(
    archived: bool = typer.Option(False, "--archived", help="Archived ones too."), as_json: bool = _AS_JSON
) -> None:
    """List static lists with their sizes.

    Example: joren list list --json
    """

    async def work(services: Services) -> Any:
        return await services.static_lists.list(archived=archived)

    listed: list[StaticList] = run(work)
    if as_json:
        print_json([api.list_answer(each) for each in listed])
        return
    for each in listed:
        typer.echo(_line(each))
    if not listed:
        typer.echo("There are no static lists yet; make one with: joren list create")


@app.command()
def create(  # noqa: PLR0917 - typer declares options as parameters
    name: str = typer.Argument(..., help="Name of the new list."),
    file: Path | None = typer.Option(
        None, "--file", help="Member numbers: one a line, or a CSV with a column user_id."
    ),
    segment: str | None = typer.Option(None, "--segment", help="Name or number of a segment: its members."),
    at: datetime | None = typer.Option(
        None, "--at", formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"], help="The segment's members of that moment."
    ),
    exclusion: bool = typer.Option(False, "--exclusion", help="Whoever stands on it gets no campaign."),
    unknown_to: Path | None = _UNKNOWN,
    as_json: bool = _AS_JSON,
) -> None:
    """Make a list of people, from a file or from a moment of a segment.

    Examples: joren list create "Staff" --file staff.csv --exclusion; joren list create "Spring" --segment "Lapsed"
    """
    if (file is None) == (segment is None):
        raise typer.BadParameter("give --file or --segment, one of them")

    async def work(services: Services) -> StaticList | Taken:
        lists = services.static_lists
        if segment is not None:
            found = await find_segment(services.segment_runs, segment)
            return await lists.create_from_segment(name, found.segment.id, at=at, exclusion=exclusion, actor=ACTOR)
        assert file is not None  # noqa: S101 - one of the two is there
        return await lists.create(name, read_file(file), exclusion=exclusion, origin=f"file {file.name}", actor=ACTOR)

    made = run(work)
    if isinstance(made, Taken):
        _told(made, unknown_to, as_json=as_json)
    elif as_json:
        print_json(api.list_answer(made))
    else:
        typer.echo(_line(made))


@app.command()
def add(listed: str = _LIST, file: Path = _FILE, unknown_to: Path | None = _UNKNOWN, as_json: bool = _AS_JSON) -> None:
    """Put people on a list.

    Example: joren list add "Staff" new-staff.csv
    """
    _told(run(_changing(listed, file, lambda lists: lists.add)), unknown_to, as_json=as_json)


@app.command()
def remove(
    listed: str = _LIST, file: Path = _FILE, unknown_to: Path | None = _UNKNOWN, as_json: bool = _AS_JSON
) -> None:
    """Take people off a list.

    Example: joren list remove "Staff" left.csv
    """
    _told(run(_changing(listed, file, lambda lists: lists.remove)), unknown_to, as_json=as_json)


@app.command()
def save(
    listed: str = _LIST,
    name: str | None = typer.Option(None, "--name", help="Its name from now on."),
    exclusion: bool | None = typer.Option(None, "--exclusion/--no-exclusion", help="Keep its people out of campaigns."),
    confirm: bool = _CONFIRM,
    as_json: bool = _AS_JSON,
) -> None:
    """Rename a list, or have it keep people out of campaigns or not.

    Example: joren list save "Staff" --name "Staff 2026"
    """

    async def work(services: Services) -> StaticList:
        if name is None and exclusion is None:
            raise BadInput("Say what changes: --name, --exclusion or both.", field="name")
        before = await find_list(services.static_lists, listed)
        return await services.static_lists.save(
            before.list_id,
            name=before.name if name is None else name,
            exclusion=before.exclusion if exclusion is None else exclusion,
            actor=ACTOR,
            confirm=confirm,
        )

    saved = run(work)
    if as_json:
        print_json(api.list_answer(saved))
    else:
        typer.echo(_line(saved))


@app.command()
def archive(listed: str = _LIST, confirm: bool = _CONFIRM) -> None:
    """Put a list away. Refused while a live segment asks for it.

    Example: joren list archive "Staff"
    """

    async def work(services: Services) -> StaticList:
        found = await find_list(services.static_lists, listed)
        await services.static_lists.archive(found.list_id, actor=ACTOR, confirm=confirm)
        return found

    kept = run(work)
    typer.echo(f"List {kept.list_id} “{kept.name}” is put away; joren list list --archived shows it.")


@app.command()
def restore(listed: str = _LIST) -> None:
    """Take an archived list back.

    Example: joren list restore "Staff"
    """

    async def work(services: Services) -> StaticList:
        found = await find_list(services.static_lists, listed)
        return await services.static_lists.restore(found.list_id, actor=ACTOR)

    typer.echo(_line(run(work)))


async def find_list(static_lists: StaticLists, asked: str) -> StaticList:
    """The list of a name or, where none is called so, of a number.

    Raises:
        NotFound: neither.
    """
    return await named_or_numbered(asked, find=static_lists.find, get=static_lists.get)


def read_file(file: Path) -> GivenIds:
    """The member numbers of a file.

    Raises:
        BadInput: it cannot be read, is too large, or holds no text.
    """
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise BadInput(f"{file} is larger than {LARGEST_FILE // 2**20} MiB: split it.", field="file")
        return read_ids(file.read_bytes())
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.", field="file") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is text neither in UTF-8 nor in Shift_JIS.", field="file") from error
    except ValueError as error:
        raise BadInput(f"{file} is no CSV: {error}.", field="file") from error


def _changing(
    listed: str, file: Path, how: Callable[[StaticLists], Callable[..., Awaitable[Taken]]]
) -> Callable[[Services], Awaitable[Taken]]:
    async def work(services: Services) -> Taken:
        found = await find_list(services.static_lists, listed)
        return await how(services.static_lists)(found.list_id, read_file(file), actor=ACTOR)

    return work


def _told(taken: Taken, unknown_to: Path | None, *, as_json: bool) -> None:
    if unknown_to is not None:
        with unknown_to.open("x", encoding="utf-8") as file:
            file.writelines(f"{number}\n" for number in taken.unknown)
    if as_json:
        print_json(api.taken_answer(taken))
        return
    typer.echo(_line(taken.kept))
    typer.echo(
        f"{taken.read:,} read: {taken.changed:,} changed, {taken.already:,} as before, {taken.repeated:,} repeated, "
        f"{len(taken.unknown):,} unknown, {len(taken.bad):,} bad."
    )
    if taken.unknown and unknown_to is None:
        typer.echo(f"Unknown: {', '.join(taken.unknown[:10])}{' …' if taken.unknown[10:] else ''}")
    for bad in taken.bad[:10]:
        typer.echo(f"Line {bad.line}: {bad.fault.replace('_', ' ')}.")


def _line(kept: StaticList) -> str:
    notes = [note for note, holds in (("exclusion", kept.exclusion), ("archived", kept.archived_at)) if holds]
    noted = f" ({', '.join(notes)})" if notes else ""
    told = f"{kept.list_id:>4}  {kept.name}{noted}: {kept.size:,} people, from {kept.origin}"
    return " ".join([told, *lacking(kept.known_since)])
