"""`joren demo`."""

import asyncio
import secrets
import shlex
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from backend import log, settings
from backend.cli.runtime import database, failing_clearly
from backend.clock import FixedClock
from backend.demo import supervisor
from backend.demo.loader import load_demo
from backend.demo.preflight import only_one, require_ports, require_space
from backend.demo.processes import ProcessTree, until_signal
from backend.demo.season import Season
from backend.demo.supervisor import Ports
from backend.embedded.postgres import EmbeddedPostgres
from backend.errors import Unavailable
from backend.settings import Settings
from backend.wiring import Services, open_services

app = typer.Typer(add_completion=False, rich_markup_mode=None)
console = Console(highlight=False)

DEMO_EMAIL = "owner@demo.example"


class SignIn(msgspec.Struct, frozen=True):
    """The demo administrator, kept in ``JOREN_HOME/demo/sign-in.json`` so that a second run prints the same."""

    email: str
    password: str


@app.command()
def demo(
    port: int = typer.Option(8000, min=1, max=65535, help="Admin pages and intake API."),
    emulator_port: int = typer.Option(8085, min=1, max=65535, help="FCM emulator."),
    phone_port: int = typer.Option(8090, min=1, max=65535, help="Phone pages."),
    members: int = typer.Option(20_000, min=200, max=1_000_000, help="Size of the simulated shop (first run only)."),
    reset: bool = typer.Option(False, "--reset", help="Throw the demo's data away and leave."),
) -> None:
    """Run the whole product with a simulated shop until Ctrl-C; running it again continues with the same data.

    Example: joren demo --port 8000
    """
    with failing_clearly():
        current = settings.read()
        # One campaign of the simulated season stops itself: the shop is to have one.
        log.configure(level="warning", unsaid=["campaign_paused"])
        current.home.mkdir(parents=True, exist_ok=True)
        with only_one(current.home):
            if reset:
                _reset(current)
                return
            ports = Ports(http=port, emulator=emulator_port, phone=phone_port)
            require_ports(ports.by_option())
            require_space(current.home)
            console.print("Starting PostgreSQL…")
            with database(current) as ready:
                asyncio.run(_run(ready, ports, members))


def _reset(current: Settings) -> None:
    if current.database_url is not None:
        raise Unavailable(
            "DATABASE_URL is set: the demo's data is in that database, and joren demo --reset does not drop databases. "
            "Drop and create it yourself, or unset DATABASE_URL."
        )
    EmbeddedPostgres(current.home).stop_or_refuse()
    shutil.rmtree(current.home)
    console.print("The demo's data is gone. The next run starts over.")


async def _run(current: Settings, ports: Ports, members: int) -> None:
    variables = supervisor.environment(home=current.home, database_url=str(current.database_url), ports=ports)
    async with ProcessTree(current.home / "logs") as tree:
        sentence = await until_signal(lambda: _start_all(tree, current, variables, ports, members))
    if sentence is None:
        console.print("\nStopped. Run it again to go on with the same data.")
        return
    raise Unavailable(sentence)


async def _start_all(
    tree: ProcessTree, current: Settings, variables: dict[str, str], ports: Ports, members: int
) -> str:
    with console.status("Starting the FCM emulator and the phone pages…"):
        await tree.start(supervisor.emulator(ports, variables))
    async with open_services(settings.read(variables)) as services:
        await _load(services, members, ports.phone_url)
        sign_in = await _administrator(services, current.home)
    with console.status("Starting the server and the worker…"):
        await tree.start(supervisor.server(ports, variables))
        await tree.start(supervisor.worker(ports, variables))
    _announce(ports, sign_in, current.home)
    return await tree.first_death()


async def _load(services: Services, members: int, phone_url: str) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    now, home, clock = services.clock.now(), services.settings.home, FixedClock(services.clock.now())
    # Its clock passes whole weeks at once, of which no day needs a picture.
    async with open_services(replace(services.settings, keep_pictures=0), clock=clock) as then:
        season = Season(then, clock, phone_url=phone_url)
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("Loading the demo shop", total=None)

            def show(description: str, done: int, total: int) -> None:
                progress.update(task, description=description, completed=done, total=total)

            await load_demo(
                services, home=home, progress=show, now=now, members=members, phone_url=phone_url, season=season
            )


async def _administrator(services: Services, home: Path) -> SignIn:
    file = home / "demo" / "sign-in.json"
    if file.exists():
        return msgspec.json.decode(file.read_bytes(), type=SignIn)
    sign_in = SignIn(email=DEMO_EMAIL, password=secrets.token_urlsafe(12))
    await services.access.put_administrator(
        email=sign_in.email, name="店長", role="administrator", password=sign_in.password
    )
    file.parent.mkdir(exist_ok=True)
    file.touch(mode=0o600)
    file.write_bytes(msgspec.json.encode(sign_in))
    return sign_in


def _announce(ports: Ports, sign_in: SignIn, home: Path) -> None:
    console.print(
        f"""
Joren is running, with a simulated shop.

  Admin pages   {ports.admin_url}
    sign in     {sign_in.email}
    password    {sign_in.password}

  Phone A       {ports.phone_url}/phone/a   a regular with a coupon in hand
  Phone B       {ports.phone_url}/phone/b   bought once, 40 days ago

  Commands      in another terminal:
    export JOREN_HOME={shlex.quote(str(home))} JOREN_FCM_EMULATOR={ports.emulator_url}
    {shlex.quote(str(Path(sys.executable).with_name("joren")))} campaign list

Ctrl-C stops everything; the data stays.""",
        markup=False,
        soft_wrap=True,
    )
