"""`joren events failed` and `joren events replay`."""

import typer

from backend.cli.runtime import print_json, run
from backend.services.failed_events import FailedDetail, FailedSummary, Wanted
from backend.services.replays import DryRun, Replay
from backend.wiring import Services

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

_CODE = typer.Option(None, "--code", help="Only of this code, as joren events failed list shows it.")
_SOURCE = typer.Option(None, "--source", help="Only from the source of this name.")
_NAME = typer.Option(None, "--event", help="Only of this event.")


@app.callback()
def failed() -> None:
    """What could not be taken in, with its reason and its bytes."""


@app.command("list")
def list_failed(
    *,
    code: str | None = _CODE,
    source: str | None = _SOURCE,
    name: str | None = _NAME,
    recovered: bool = typer.Option(False, "--recovered", help="Those that were recovered, not those that wait."),
    limit: int = typer.Option(50, min=1, max=10_000, help="How many, newest first."),
    json: bool = typer.Option(False, "--json", help="Print them as JSON."),
) -> None:
    """List failed events, newest first.

    Example: joren events failed list --code plan_violation --json
    """

    async def work(services: Services) -> tuple[FailedSummary, ...]:
        wanted = await wanted_of(services, code=code, source=source, name=name)
        return await services.failed_events.list(wanted, recovered=recovered, limit=limit)

    found = run(work)
    if json:
        print_json(found)
        return
    for each in found:
        typer.echo(f"{each.failed_id:>8}  {each.received_at:%Y-%m-%d %H:%M}  {each.source}  {each.name}  {each.reason}")


@app.command()
def show(
    failed_id: int = typer.Argument(help="Number of the failed event."),
    raw: bool = typer.Option(False, "--raw", help="Print its bytes as they came, and nothing else."),
) -> None:
    """Show one failed event with its bytes.

    Example: joren events failed show 17
    """

    async def work(services: Services) -> tuple[FailedDetail, DryRun]:
        found = await services.failed_events.get(failed_id)
        return found, await services.replays.try_out(Wanted(failed_id=failed_id))

    found, tried = run(work)
    if raw:
        typer.echo(found.raw, nl=False)
        return
    typer.echo(f"{found.code}: {found.reason}\nFrom {found.source}, {found.received_at:%Y-%m-%d %H:%M:%S} UTC")
    typer.echo(_today(found, tried))
    typer.echo(found.raw.decode("utf-8", "backslashreplace"))


def replay(
    *,
    code: str | None = _CODE,
    source: str | None = _SOURCE,
    name: str | None = _NAME,
    failed_id: int | None = typer.Option(None, "--id", help="Only this one."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would happen, write nothing."),
    json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Read failed events again by today's rules, as they were received then. Each is recovered once.

    Example: joren events replay --code plan_violation --source "Store app" --dry-run
    """

    async def work(services: Services) -> Replay | DryRun:
        wanted = await wanted_of(services, code=code, source=source, name=name, failed_id=failed_id)
        if dry_run:
            return await services.replays.try_out(wanted)
        asked = await services.replays.ask(wanted, actor="command line")
        while await services.replays.work(asked.replay_id):
            pass
        return await services.replays.replay(asked.replay_id)

    done = run(work)
    if json:
        print_json(done)
        return
    still = sum(done.failed.values()) if isinstance(done, DryRun) else done.failed
    would, again = ("would be ", "would fail") if isinstance(done, DryRun) else ("", "failed")
    typer.echo(
        f"{done.recovered} of {done.total} {would}recovered, {done.repeated} known already, {still} {again} again."
    )
    for reason, count in done.failed.items() if isinstance(done, DryRun) else ():
        typer.echo(f"{count:8}  {reason}")


async def wanted_of(
    services: Services, *, code: str | None, source: str | None, name: str | None, failed_id: int | None = None
) -> Wanted:
    """Which failed events the options ask for.

    Raises:
        NotFound: there is no such source.
    """
    source_id = None if source is None else (await services.plans.named(source)).source_id
    return Wanted(source_id=source_id, code=code, name=name, failed_id=failed_id)


def _today(found: FailedDetail, tried: DryRun) -> str:
    if found.recovered_at is not None:
        return f"Recovered {found.recovered_at:%Y-%m-%d %H:%M:%S} UTC by {found.recovered_by} ({found.recovered_as})."
    if tried.recovered or tried.repeated:
        return f"Today it could be read: joren events replay --id {found.failed_id}"
    return "Today it would fail again."
