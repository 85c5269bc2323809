"""`joren ranks`: show, set and preview the rank rules."""

import sys
from datetime import date
from pathlib import Path

import msgspec
import typer

from backend.cli.runtime import print_json, run
from backend.errors import BadInput
from backend.services.ranks import RankPreview, SavedRules, told
from backend.wiring import Services
from segments.rank_rules import Period, Promotion, RankRules, RankVersion

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

ACTOR = "command line"
_AS_JSON = typer.Option(False, "--json", help="Print JSON.")
_RULES = typer.Option(
    ..., "--rules", help="The rules as JSON, @FILE to read them from a file, or - for standard input."
)
_FROM = typer.Option(None, "--from", help="First day on which they hold, like 2026-04-01; default: today.")


@app.command()
def show(as_json: bool = _AS_JSON) -> None:
    """Show the rules in force and the history of versions.

    Example: joren ranks show
    """

    async def work(services: Services) -> list[SavedRules]:
        return told(await services.rank_desk.versions(), await services.rank_desk.today())

    versions = run(work)
    if as_json:
        print_json(versions)
        return
    for each in versions:
        mark = "  (in force)" if each.in_force else ""
        typer.echo(f"Version {each.version}, from {each.valid_from}, saved by {each.saved_by}{mark}")
        for line in _lines(each.rules):
            typer.echo(f"    {line}")
        if each.note:
            typer.echo(f"    Note: {each.note}")
    if not versions:
        typer.echo("There are no rank rules: ranks are not computed. Set some with: joren ranks set")


@app.command("set")
def save(
    *,
    rules: str = _RULES,
    valid_from: str | None = _FROM,
    note: str = typer.Option("", "--note", help="Why they change."),
    as_json: bool = _AS_JSON,
) -> None:
    """Save a new version of the rules. Ranks of the past stay as they were.

    Example: joren ranks set --rules @ranks.json --from 2026-04-01 --note "New year, new ranks"
    """

    async def work(services: Services) -> RankVersion:
        return await services.rank_desk.save(read_rules(rules), valid_from=_day(valid_from), note=note, actor=ACTOR)

    saved = run(work)
    if as_json:
        print_json(saved)
        return
    typer.echo(f"Version {saved.version} holds from {saved.valid_from}.")


@app.command()
def preview(*, rules: str = _RULES, valid_from: str | None = _FROM, as_json: bool = _AS_JSON) -> None:
    """Show how many people each rank would have, who would rise and who would fall. Nothing is kept.

    Example: joren ranks preview --rules @ranks.json
    """
    found: RankPreview = run(
        lambda services: services.rank_desk.preview(read_rules(rules), valid_from=_day(valid_from))
    )
    if as_json:
        print_json(found)
        return
    sampled = f" (every {found.one_in}th of all)" if found.one_in > 1 else ""
    typer.echo(f"{found.people} people{sampled}; now, on {found.first_day}, and reviewed by {found.reviewed}:")
    for each in found.ranks:
        typer.echo(f"    {each.rank}: {each.before} → {each.first_day} → {each.reviewed}")
    typer.echo(f"{found.rise} rise, {found.fall} fall, {found.newly} come new into a rank.")
    for mover in (*found.rising, *found.falling):
        typer.echo(f"    {mover.name or mover.customer_id}: {mover.before} → {mover.after}")


def read_rules(text: str) -> RankRules:
    """The rules that an option names.

    Raises:
        BadInput: they cannot be read.
    """
    try:
        raw = sys.stdin.read() if text == "-" else Path(text[1:]).read_text("utf-8") if text.startswith("@") else text
        return msgspec.json.decode(raw, type=RankRules)
    except OSError as error:
        raise BadInput(f"The rules cannot be read: {error}.", field="rules") from error
    except msgspec.MsgspecError as error:
        raise BadInput(f"These are no rank rules: {error}.", field="rules") from error


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text} is not a day like 2026-04-01.", field="valid_from") from None


def _lines(rules: RankRules) -> list[str]:
    """The rules in short sentences."""
    ladder = " < ".join(f"{rank.name} ({rank.threshold})" for rank in rules.ranks)
    year = f", years from month {rules.year_starts}" if rules.period is Period.FISCAL else ""
    rise = {
        Promotion.AT_ONCE: "at once",
        Promotion.AFTER_RETURN: f"{rules.return_days} days after an order",
        Promotion.DATES: f"on {', '.join(rules.promotion_dates)}",
    }[rules.promotion]
    fall = f"on {', '.join(rules.demotion_dates)}" if rules.demotion_dates else "never"
    grace = f", {rules.grace_days} days of grace" if rules.grace_days else ""
    floor = f", not below {rules.floor}" if rules.floor else ""
    return [ladder, f"By {rules.criterion}, {rules.period}{year}", f"Rise {rise}; fall {fall}{grace}{floor}"]
