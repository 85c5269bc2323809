"""`joren shop`: the shop's settings."""

import typer

from backend.cli.margins import margins
from backend.cli.runtime import failing_clearly, print_json, run
from backend.cli.thresholds import thresholds
from backend.errors import BadInput, Conflict
from backend.services.shop import ShopSettings
from backend.store.shop import written
from backend.wiring import Services

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)
app.command()(thresholds)
app.command()(margins)

ACTOR = "command line"

_AS_JSON = typer.Option(False, "--json", help="Print JSON.")


@app.callback()
def shop() -> None:
    """The shop's settings: calendar, currency, quiet hours, caps, consent rule."""


@app.command()
def show(as_json: bool = _AS_JSON) -> None:
    """Show all settings.

    Example: joren shop show --json
    """

    async def work(services: Services) -> ShopSettings:
        return await services.shop.get()

    _print(run(work), as_json=as_json)


@app.command("set")
def change(
    settings: list[str] = typer.Argument(..., metavar="KEY=VALUE…", help="Settings, each as KEY=VALUE."),
    as_json: bool = _AS_JSON,
) -> None:
    """Change settings; the others stay as they are.

    Example: joren shop set quiet_from=22:00 cap_7d=2
    """
    with failing_clearly():
        given = dict(_pair(each) for each in settings)

    async def work(services: Services) -> ShopSettings:
        try:
            return await services.shop.change(given, actor=ACTOR)
        except (BadInput, Conflict) as error:
            raise _naming_the_field(error) from error

    _print(run(work), as_json=as_json)


def _pair(given: str) -> tuple[str, str]:
    key, equals, value = given.partition("=")
    if not (key and equals):
        raise BadInput(f"{given!r} is not of the form KEY=VALUE, like cap_7d=2.", code="bad_setting", field=given)
    return key.strip(), value.strip()


def _naming_the_field(error: BadInput | Conflict) -> BadInput | Conflict:
    """On the settings page the sentence stands under its field; here it must say which."""
    if error.field is None or error.field in error.message:
        return error
    return type(error)(f"{error.field}: {error.message}", code=error.code, field=error.field)


def _print(settings: ShopSettings, *, as_json: bool) -> None:
    if as_json:
        print_json(settings)
        return
    for key, value in written(settings).items():
        typer.echo(f"{key:<24} {value}")
