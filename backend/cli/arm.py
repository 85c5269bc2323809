"""`joren arm`."""

import typer

from backend.cli.runtime import fail, print_json, run
from backend.services.sending_rights import Armed, Held
from backend.wiring import Services

ACTOR = "command line"

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_WHY = {
    None: "This installation may send.",
    Held.RESTORED: "Nothing is sent: this database is a restored copy, or a standby that took over.",
    Held.ROLLED_BACK: "Nothing is sent: this database was put back to an earlier state.",
}


@app.command()
def arm(
    yes: bool = typer.Option(False, "--yes", help="Do it; without this only say how things stand."),
    as_json: bool = typer.Option(False, "--json", help="Print the answer as JSON."),
) -> None:
    """Let a restored database send pushes and webhooks again.

    What it holds as still to be sent may have gone out after the backup was taken. So campaigns that were being sent are
    paused, and those whose moment has passed become drafts: look at each before you go on with it. Make sure that the
    installation that the backup comes from sends no more. Example: joren arm --yes
    """
    held, armed = run(lambda services: _arm(services, yes=yes))
    if as_json:
        print_json({"held": held, "armed": armed is not None, "changed": armed})
        return
    typer.echo(_WHY[held])
    if armed is not None:
        _tell(armed)
    elif held is not None:
        fail("Nothing was changed. Run joren arm --yes once the installation the backup comes from sends no more.")


async def _arm(services: Services, *, yes: bool) -> tuple[Held | None, Armed | None]:
    held = await services.sending_rights.held()
    if held is None or not yes:
        return held, None
    return held, await services.sending_rights.arm(by=ACTOR)


def _tell(armed: Armed) -> None:
    typer.echo("It is armed: within seconds its workers send again.")
    for number, name in armed.paused.items():
        typer.echo(f"Paused: campaign {number}, {name}. Resume it, or cancel it, once you know what went out.")
    for number, name in armed.unscheduled.items():
        typer.echo(f"Back to draft: campaign {number}, {name}. Its moment passed; schedule it again, or delete it.")
