"""`joren webhook`: endpoints of outgoing webhooks, their secrets, the delivery log."""

from typing import Any

import typer

from backend.cli.runtime import print_json, run
from backend.services.webhooks.ledger import Delivery, Endpoint
from backend.wiring import Services
from campaigns.notices import CHOICES

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

ACTOR = "command line"

_AS_JSON = typer.Option(False, "--json", help="Print JSON.")
_NUMBER = typer.Argument(..., help="Number of the endpoint.")


@app.command()
def add(
    url: str = typer.Argument(..., help="Where to send: https, port 443 or 8443."),
    types: list[str] = typer.Option([], "--type", help=f"What to tell of; may be repeated: {', '.join(CHOICES)}."),
    description: str = typer.Option("", "--description", help="What it is for."),
    as_json: bool = _AS_JSON,
) -> None:
    """Register an endpoint and print its secret, this once.

    Example: joren webhook add https://hooks.your-shop.example/joren --type campaign.state_changed
    """

    async def work(services: Services) -> tuple[Endpoint, str]:
        return await services.webhooks.add(url, types=types, description=description, by=ACTOR)

    endpoint, secret = run(work)
    if as_json:
        print_json({"endpoint": endpoint, "secret": secret})
    else:
        typer.echo(f"Webhook {endpoint.endpoint_id}: {endpoint.url}\nSecret, shown only now: {secret}")


@app.command("list")
def show(as_json: bool = _AS_JSON) -> None:
    """List the endpoints with how they fare.

    Example: joren webhook list
    """

    async def work(services: Services) -> list[Endpoint]:
        return await services.webhooks.list()

    found = run(work)
    if as_json:
        print_json(found)
        return
    for each in found:
        trouble = f", failing since {each.failing_since:%Y-%m-%d %H:%M}" if each.failing_since else ""
        reason = f" ({each.disabled_reason})" if each.disabled_reason else ""
        typer.echo(f"{each.endpoint_id:>4}  {each.url}")
        typer.echo(f"      {', '.join(each.event_types)}")
        typer.echo(f"      {each.state}{reason}{trouble}; {each.waiting:,} waiting, {each.dead:,} dead in 7 days")
    if not found:
        typer.echo("There are no webhooks yet; make one with: joren webhook add URL --type TYPE")


@app.command()
def ping(endpoint_id: int = _NUMBER) -> None:
    """Send a test message; a worker sends it, and the delivery log says what came of it.

    Example: joren webhook ping 1
    """

    async def work(services: Services) -> int:
        return await services.webhooks.ping(endpoint_id, by=ACTOR)

    typer.echo(f"Delivery {run(work)} is on its way. See: joren webhook deliveries")


@app.command()
def rotate(endpoint_id: int = _NUMBER) -> None:
    """Make a new secret and print it, this once; the one before signs beside it for two days.

    Example: joren webhook rotate 1
    """

    async def work(services: Services) -> str:
        return await services.webhooks.rotate(endpoint_id, by=ACTOR)

    typer.echo(f"Secret, shown only now: {run(work)}")


@app.command()
def enable(endpoint_id: int = _NUMBER) -> None:
    """Send to an endpoint again.

    Example: joren webhook enable 1
    """
    _set_disabled(endpoint_id, disabled=False)


@app.command()
def disable(endpoint_id: int = _NUMBER) -> None:
    """Send nothing to an endpoint.

    Example: joren webhook disable 1
    """
    _set_disabled(endpoint_id, disabled=True)


@app.command()
def remove(endpoint_id: int = _NUMBER) -> None:
    """Forget an endpoint and what was sent to it.

    Example: joren webhook remove 1
    """

    async def work(services: Services) -> Any:
        await services.webhooks.remove(endpoint_id, by=ACTOR)

    run(work)
    typer.echo(f"Webhook {endpoint_id} is gone.")


@app.command()
def deliveries(
    endpoint_id: int = typer.Option(None, "--endpoint", help="Only this endpoint."),
    state: str = typer.Option(None, "--state", help="Only waiting, delivered or dead ones."),
    limit: int = typer.Option(20, "--limit", help="How many."),
    as_json: bool = _AS_JSON,
) -> None:
    """Show the delivery log, newest first.

    Example: joren webhook deliveries --state dead
    """

    async def work(services: Services) -> tuple[Delivery, ...]:
        return await services.webhooks.deliveries(endpoint_id=endpoint_id, state=state, limit=limit)

    found = run(work)
    if as_json:
        print_json(found)
        return
    for each in found:
        met = each.error or each.status or "not tried yet"
        took = "" if each.milliseconds is None else f", {each.milliseconds:,} ms"
        typer.echo(f"{each.delivery_id:>6}  {each.at:%Y-%m-%d %H:%M:%S}  {each.type}  → {each.url}")
        typer.echo(f"        {each.state} after {each.attempts} attempts: {met}{took}  {each.message_id}")
    if not found:
        typer.echo("Nothing was sent yet.")


@app.command()
def resend(delivery_id: int = typer.Argument(..., help="Number of the delivery.")) -> None:
    """Send a message again, with the same id.

    Example: joren webhook resend 123
    """

    async def work(services: Services) -> Any:
        await services.webhooks.resend(delivery_id, by=ACTOR)

    run(work)
    typer.echo(f"Delivery {delivery_id} is on its way again.")


def _set_disabled(endpoint_id: int, *, disabled: bool) -> None:
    async def work(services: Services) -> Any:
        await services.webhooks.set_disabled(endpoint_id, disabled=disabled, by=ACTOR)

    run(work)
    typer.echo(f"Webhook {endpoint_id} is {'disabled' if disabled else 'active'}.")
