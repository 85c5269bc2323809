"""`joren plan`."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import typer

from backend.cli.runtime import failing_clearly, print_json, run
from backend.errors import BadInput
from backend.services.tracking_plans import OnViolation, SourcePlan
from backend.wiring import Services
from segments.envelope import FailedEvent
from segments.intake import Reception, read_event
from segments.occurrence import OLDEST
from segments.plan import Plan, built_in, read_plan, write_plan
from segments.source_rules import SourceRules
from segments.violations import CompiledPlan

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

_SOURCE = typer.Argument(help="Name of the source.")


@app.callback()
def plan() -> None:
    """Tracking plans: which events are expected of a source, with which properties."""


@app.command()
def show(
    source: str = _SOURCE,
    begin: bool = typer.Option(
        False, "--built-in", help="Print where a plan begins: the events that Joren understands."
    ),
) -> None:
    """Print the source's plan as JSON, to keep it or to change it and set it again.

    Example: joren plan show "Store app" > plan.json
    """
    if begin:
        typer.echo(write_plan(built_in()), nl=False)
        return

    async def work(services: Services) -> SourcePlan:
        return await services.plans.named(source)

    found = run(work)
    if found.plan is None:
        typer.echo(f"{found.name} has no plan: nothing is checked. Begin with: joren plan show --built-in", err=True)
        return
    typer.echo(write_plan(found.plan), nl=False)


@app.command("list")
def list_plans(json: bool = typer.Option(False, "--json", help="Print them as JSON.")) -> None:
    """List the sources with their plans.

    Example: joren plan list --json
    """

    async def work(services: Services) -> tuple[SourcePlan, ...]:
        return await services.plans.list()

    found = run(work)
    if json:
        print_json([_line(each) for each in found])
        return
    typer.echo(f"{'SOURCE':24} {'VERSION':>8} {'EVENTS':>8}  ON VIOLATION  GA4 NAMES")
    for each in found:
        line = _line(each)
        ga4 = "yes" if each.ga4_names else "no"
        typer.echo(f"{each.name:24} {line['version'] or '-':>8} {line['events']:>8}  {each.on_violation:12}  {ga4}")


@app.command("set")
def set_plan(
    source: str = _SOURCE,
    file: Path | None = typer.Argument(None, help="The plan as JSON, see docs/how-to/tracking-plan.md."),
    on_violation: str | None = typer.Option(None, help="keep: store and flag. quarantine: keep as a failed event."),
    ga4_names: bool | None = typer.Option(None, help="The source sends the names of Google Analytics 4."),
    drop: bool = typer.Option(False, "--drop", help="Check the source's events no longer."),
) -> None:
    """Put a plan in force, or say what becomes of violations. Running servers follow within seconds.

    Example: joren plan set "Store app" plan.json --on-violation quarantine
    """
    if file is None and on_violation is None and ga4_names is None and not drop:
        raise typer.BadParameter("say what to set: a file, --on-violation, --ga4-names or --drop")

    async def work(services: Services) -> SourcePlan:
        stands = await services.plans.named(source)
        if file is not None:
            await services.plans.save(stands.source_id, _read(file), actor="command line", based_on=stands.version)
        if drop:
            await services.plans.drop(stands.source_id, actor="command line")
        await services.plans.decide(
            stands.source_id,
            on_violation=on_violation or stands.on_violation,
            ga4_names=stands.ga4_names if ga4_names is None else ga4_names,
            actor="command line",
        )
        return await services.plans.get(stands.source_id)

    now = run(work)
    line = _line(now)
    what = f"version {line['version']}, {line['events']} events" if now.plan else "no plan"
    kept = "stored and flagged" if now.on_violation is OnViolation.KEEP else "kept apart as failed events"
    typer.echo(f"{now.name}: {what}; violations are {kept}; GA4 names are {'' if now.ga4_names else 'not '}taken.")


@app.command()
def check(
    file: Path = typer.Argument(help="The plan as JSON."),
    events: Path | None = typer.Option(None, help="Events to hold against it, one JSON object a line."),
    json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Check a plan, and events against it, without setting it. Exit status 1 where events break it.

    Example: joren plan check plan.json --events sample.ndjson
    """
    with failing_clearly():
        planned = _read(file)
        found = _hold(events, planned) if events else Counter[str]()
    if json:
        print_json({"events": len(planned.events), "violations": dict(found.most_common())})
    else:
        typer.echo(f"{file} is a plan of {len(planned.events)} events.")
        for violation, count in found.most_common():
            typer.echo(f"{count:8}  {violation}")
    if found:
        raise typer.Exit(1)


def _hold(events: Path, planned: Plan) -> Counter[str]:
    """Violations, and codes of events that fail whatever the plan says, with how often they occur."""
    rules = SourceRules(plan=CompiledPlan(planned))
    reception = Reception(source_id=0, trusted=True, received_at=OLDEST.replace(year=9000), rules=rules)
    found = Counter[str]()
    for line in _bytes(events).splitlines():
        if line.strip():
            read = read_event(line, reception)
            found.update([read.code] if isinstance(read, FailedEvent) else read.violations or ())
    return found


def _read(file: Path) -> Plan:
    return read_plan(_bytes(file))


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror}).", field="file") from None


def _line(source: SourcePlan) -> dict[str, Any]:
    return {
        "source_id": source.source_id,
        "name": source.name,
        "version": source.version,
        "events": len(source.plan.events) if source.plan else 0,
        "closed": bool(source.plan and source.plan.closed),
        "on_violation": msgspec.to_builtins(source.on_violation),
        "ga4_names": source.ga4_names,
        "saved_at": source.saved_at,
    }
