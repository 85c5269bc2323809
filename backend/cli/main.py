"""The `joren` command. Sub-commands are loaded when they are called, so that `--help` and completion stay quick."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("backend.cli.demo", "Run the whole product with a simulated shop, in one terminal."),
    "serve": ("backend.cli.serve", "Serve the intake API and the admin pages."),
    "worker": ("backend.cli.worker", "Refresh facts, launch campaigns, deliver pushes."),
    "migrate": ("backend.cli.migrate", "Bring the database to this release's schema."),
    "admin": ("backend.cli.admin", "Administrators of the admin pages."),
    "source": ("backend.cli.sources", "Sources of events and their keys."),
    "api-key": ("backend.cli.api_keys", "Keys of server programs that use the API."),
    "import": ("backend.cli.imports", "Take in events and orders from files."),
    "export": ("backend.cli.exports", "Write events, customers, segments and reports to files."),
    "webhook": ("backend.cli.webhooks", "Tell other servers what happens: endpoints, delivery log."),
    "privacy": ("backend.cli.privacy", "Show or erase everything that is kept of a person."),
    "refresh": ("backend.cli.refresh", "Bring facts up to date with everything stored."),
    "events": ("backend.cli.events", "Count what was stored; look at what failed and replay it."),
    "plan": ("backend.cli.plan", "Tracking plans of sources: show, set, check."),
    "kpi": ("backend.cli.kpi", "Answer a KPI with its numerator, denominator, window and as-of time."),
    "snapshots": ("backend.cli.snapshots", "Figures kept every day: run, status, choose."),
    "shop": ("backend.cli.shop", "The shop's settings: show, set."),
    "segment": ("backend.cli.segment_ledger", "Segments: create, save, count, explain, members, changes, drafts."),
    "list": ("backend.cli.lists", "Static lists and exclusion lists: create, add, remove, archive."),
    "ranks": ("backend.cli.ranks", "Rank rules: show, set, preview."),
    "coupon": ("backend.cli.coupons", "Coupons: define, issue, look what became of them."),
    "campaign": (
        "backend.cli.journeys",
        "Campaigns: create, dry-run, submit, approve, send, report, journey, entries.",
    ),
    "arm": ("backend.cli.arm", "Let a restored database send again, after a look at what is under way."),
    "emulator": ("backend.cli.emulator", "Run the local FCM emulator and the phone page."),
    "doctor": ("backend.cli.doctor", "Check settings, database, lake, credentials and disk."),
}
"""Every sub-command: the module whose ``app`` it is, and one line for the overview."""


class LazyGroup(TyperGroup):
    """A group that imports a sub-command's module only when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the base class's signature
        """Names in the order of the overview."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the base class's signature
        """The sub-command, or None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        return typer.main.get_command(import_module(module).app)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the base class's signature
        """The overview, from the table: nothing is imported for it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def joren() -> None:
    """Joren turns a store app's first-time customers into regulars.

    State lives in the folder JOREN_HOME (default .joren). Try: joren demo
    """


def main() -> None:
    """Entry point of the console script."""
    app()
