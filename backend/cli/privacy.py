"""`joren privacy`: disclosure and erasure of one person."""

import sys
from dataclasses import asdict
from pathlib import Path

import typer

from backend.cli.runtime import failing_clearly, print_json, run
from backend.errors import BadInput, Conflict
from backend.services.privacy.rights import Erasure
from backend.wiring import Services

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

ACTOR = "command line"

_MEMBER = typer.Argument(..., metavar="MEMBER", help="The member number.")
_AS_JSON = typer.Option(False, "--json", help="Print JSON.")


@app.callback()
def privacy() -> None:
    """A person's rights: to see what is kept of him, and to have it removed."""


@app.command()
def disclose(
    member: str = _MEMBER,
    output: Path = typer.Option(..., "--output", "-o", help="The JSON file to write; nothing is overwritten."),
) -> None:
    """Write everything that is kept of a person to a file.

    Example: joren privacy disclose M-1001 --output m-1001.json
    """
    with failing_clearly():
        if output.exists():
            raise Conflict(f"{output} exists already; nothing is overwritten.")

    async def work(services: Services) -> bytes:
        return await services.rights.disclose(await services.people.find(member), by=ACTOR)

    document = run(work)
    with failing_clearly():
        output.touch(mode=0o600, exist_ok=False)
        output.write_bytes(document)
    sys.stdout.write(f"{output}: {len(document):,} bytes\n")


@app.command()
def erase(
    member: str = _MEMBER,
    yes: bool = typer.Option(False, "--yes", help="Really: it cannot be taken back."),
    reason: str = typer.Option("", "--reason", help="Why, for the record; do not name the person."),
    as_json: bool = _AS_JSON,
) -> None:
    """Erase a person: database, lake, frame and files. A worker does it within seconds; it cannot be taken back.

    Example: joren privacy erase M-1001 --yes --reason "asked by mail, ticket 4711"
    """

    async def work(services: Services) -> Erasure:
        if not yes:
            raise BadInput("An erasure cannot be taken back. Say --yes to have it done.", code="not_confirmed")
        number = await services.rights.erase(await services.people.find(member), by=ACTOR, reason=reason)
        return await services.rights.get(number)

    _print([run(work)], as_json=as_json)


@app.command("list")
def list_erasures(as_json: bool = _AS_JSON) -> None:
    """Erasures that were asked for, and how far they are.

    Example: joren privacy list --json
    """

    async def work(services: Services) -> list[Erasure]:
        return list(await services.rights.list())

    _print(run(work), as_json=as_json)


def _print(erasures: list[Erasure], *, as_json: bool) -> None:
    if as_json:
        print_json([asdict(each) for each in erasures])
        return
    for each in erasures:
        state = "done" if each.finished_at else each.error or "waiting for a worker"
        sys.stdout.write(f"{each.erasure_id}\t{each.asked_at:%Y-%m-%d %H:%M}\t{each.asked_by}\t{state}\n")
