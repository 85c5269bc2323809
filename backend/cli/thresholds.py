"""`joren shop thresholds`: after how many days without a purchase customers count as at risk, dormant, churned."""

import typer

from backend.cli.runtime import failing_clearly, print_json, run
from backend.errors import BadInput
from backend.services.life_cycle import Stored
from backend.wiring import Services

ACTOR = "command line"

_THREE = 3


def thresholds(
    days: list[int] | None = typer.Argument(None, metavar="[T1 T2 T3]", help="Set these, from today on."),
    from_history: bool = typer.Option(False, "--from-history", help="Let the shop's own history decide again."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show the versions of the life-cycle thresholds, or set a new one.

    Days since the last purchase: beyond T1 at risk, beyond T2 dormant, beyond T3 churned. A worker draws them from the shop's
    history every month, unless they are set here.

    Example: joren shop thresholds 45 90 180
    """
    with failing_clearly():
        _check(days, from_history=from_history)

    async def work(services: Services) -> tuple[Stored, ...]:
        if from_history:
            await services.life_cycle.follow_history(actor=ACTOR)
        elif days:
            await services.life_cycle.set(*days, actor=ACTOR)
        return await services.life_cycle.versions()

    _print(run(work), as_json=as_json)


def _check(days: list[int] | None, *, from_history: bool) -> None:
    if days and from_history:
        raise BadInput("Either set T1 T2 T3, or let history decide: not both.", code="bad_thresholds", field="T1")
    if days and len(days) != _THREE:
        raise BadInput(
            f"Three thresholds are needed, like 45 90 180, not {len(days)}.", code="bad_thresholds", field="T1"
        )


def _print(versions: tuple[Stored, ...], *, as_json: bool) -> None:
    if as_json:
        print_json(versions)
        return
    if not versions:
        typer.echo("No version is stored yet: figures work them out from the history before their window.")
    for one in versions:
        held = one.thresholds
        how = "from history" if one.derived else f"set by {one.saved_by}"
        marked = ", provisional" if held.provisional else ""
        typer.echo(f"{held.version:>3}  since {held.since}  {held.t1} / {held.t2} / {held.t3} days  {how}{marked}")
