"""`joren emulator`."""

import asyncio
import signal
from pathlib import Path

import typer

from backend import log, settings
from backend.cli.runtime import failing_clearly
from backend.demo.phone.pages import phone_routes
from backend.push.emulator.server import Running, running

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def emulator(
    host: str = typer.Option("127.0.0.1", help="Loopback address to listen on."),
    port: int = typer.Option(8085, min=0, max=65535, help="Port of FCM's endpoint (TLS, HTTP/2); 0 takes a free one."),
    phone_port: int = typer.Option(8090, min=0, max=65535, help="Port of phone pages and control; 0 takes a free one."),
) -> None:
    """Run the local FCM emulator and the phone page until Ctrl-C. Addresses and messages are kept.

    Example: joren emulator --port 8085 --phone-port 8090
    """
    with failing_clearly():
        current = settings.read()
        log.configure(level=current.log_level)
        asyncio.run(_run(current.home, host=host, port=port, phone_port=phone_port))


async def _run(home: Path, *, host: str, port: int, phone_port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    routes = phone_routes(home / "demo" / "phone.json")
    async with running(home / "emulator", host=host, port=port, control_port=phone_port, routes=routes) as emulator:
        typer.echo(_sentences(emulator))
        await stop.wait()


def _sentences(emulator: Running) -> str:
    return (
        f"FCM emulator  {emulator.url}   (JOREN_FCM_EMULATOR={emulator.url})\n"
        f"Phone page    {emulator.control_url}/phone/a\n"
        f"Control       {emulator.control_url}/emulator/addresses\n"
        f"Trust         {emulator.ca_file}"
    )
