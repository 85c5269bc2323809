"""`joren source token-key`, and what else a source asks of customer tokens: `source set`, `source token-report`."""

from typing import Any

import typer

from backend.cli.runtime import print_json, run
from backend.services.customer_tokens.public_keys import PublicKey
from backend.services.customer_tokens.state import TokenKey, TokenState
from backend.wiring import Services

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

_NAME = typer.Argument(help="Name of the app's source.")


@app.callback()
def token_key() -> None:
    """Public keys by which customer tokens of an app are checked; the private ones stay on the shop's server."""


@app.command()
def add(
    name: str = _NAME,
    file: typer.FileText = typer.Argument(help="The public key: PEM, certificate or JWK; - reads standard input."),
    kid: str | None = typer.Option(None, help="What tokens call the key. Without it the JWK's, else its thumbprint."),
    json: bool = typer.Option(False, "--json", help="Print the key as JSON."),
) -> None:
    """Add a key beside those that are there: ES256 (P-256), EdDSA (Ed25519) or RS256 (RSA of 3072 bits or more).

    Example: joren source token-key add "Store app" public.pem --kid 2026-04
    """
    text = file.read()

    async def work(services: Services) -> PublicKey:
        source_id = await services.source_keys.find(name)
        return await services.customer_tokens.add_key(source_id, public_key=text, kid=kid)

    key = run(work)
    if json:
        print_json(key)
    else:
        typer.echo(f"Tokens of {name} may be signed with {key.kid} ({key.algorithm}) from now on.")


@app.command("list")
def show(name: str = _NAME, json: bool = typer.Option(False, "--json", help="Print the keys as JSON.")) -> None:
    """List the keys, also retired ones, with when each was last used.

    Example: joren source token-key list "Store app"
    """
    state = run(_state_of(name))
    if json:
        print_json(state.keys)
        return
    for key in state.keys:
        typer.echo(f"{key.kid:44} {key.algorithm:6} {_standing(key)}")
    if not state.keys:
        typer.echo(f"{name} has no keys yet; add one with: joren source token-key add NAME FILE")


@app.command()
def retire(name: str = _NAME, kid: str = typer.Argument(help="Which key, as the list shows it.")) -> None:
    """Refuse tokens of a key from now on, also late ones. After a change of keys wait eight days before you do.

    Example: joren source token-key retire "Store app" 2025-10
    """

    async def work(services: Services) -> Any:
        await services.customer_tokens.retire_key(await services.source_keys.find(name), kid=kid)

    run(work)
    typer.echo(f"{kid} is refused from now on; running servers follow within seconds.")


def set_source(
    name: str = _NAME,
    token_mode: str = typer.Option(
        help="off: tokens are not looked at. report: all events are taken and counted by verdict. "
        "enforce: an event that names a customer needs a token of his."
    ),
) -> None:
    """Choose what a source asks of events that name a customer.

    Example: joren source set "Store app" --token-mode report
    """

    async def work(services: Services) -> Any:
        await services.customer_tokens.set_mode(await services.source_keys.find(name), mode=token_mode)

    run(work)
    typer.echo(f"Customer tokens of {name}: {token_mode}; running servers follow within seconds.")


def report(name: str = _NAME, json: bool = typer.Option(False, "--json", help="Print the state as JSON.")) -> None:
    """Show how many events proved their customer in the last 14 days, and why the others did not.

    Example: joren source token-report "Store app"
    """
    state = run(_state_of(name))
    if json:
        print_json({"source": state.source, "mode": state.mode, "by_verdict": state.by_verdict, "days": state.days})
        return
    typer.echo(f"Customer tokens of {name}: {state.mode}.")
    for day in state.days:
        reasons = ", ".join(f"{verdict} {events}" for verdict, events in day.by_verdict.items() if verdict != "valid")
        typer.echo(f"{day.day:%Y-%m-%d}  proven {day.valid:10}  unproven {day.unverified:10}  {reasons}".rstrip())
    if not state.days:
        typer.echo("No event had to prove its customer in the last 14 days.")


def _state_of(name: str) -> Any:
    async def work(services: Services) -> TokenState:
        return await services.customer_tokens.state(await services.source_keys.find(name))

    return work


def _standing(key: TokenKey) -> str:
    if key.retired_at is not None:
        return f"retired {key.retired_at:%Y-%m-%d %H:%M} UTC by {key.retired_by}"
    used = f"last used {key.last_used:%Y-%m-%d %H:%M} UTC" if key.last_used else "never used"
    return f"in force, {used}"
