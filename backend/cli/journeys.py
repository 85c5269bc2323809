"""`joren campaign`, continued: people on each step of a journey, single ways, a second chance for those put aside."""

import typer

from backend.api import journey_answers as api
from backend.cli.campaign_preview import app
from backend.cli.campaigns import ACTOR
from backend.cli.named import find_campaign
from backend.cli.runtime import print_json, run
from backend.cli.segments import Language
from backend.wiring import Services
from campaigns.journey_overview import EntryDetail, EntryLine, JourneyOverview
from campaigns.journey_picture import NOBODY
from campaigns.journey_words import Words, describe

__all__ = ["app"]

_CAMPAIGN = typer.Argument(..., metavar="CAMPAIGN", help="Name or number of the campaign.")
_AS_JSON = typer.Option(False, "--json", help="Print JSON.")
_LANGUAGE = typer.Option(Language.EN, "--language", help="Language of the sentences.")


async def _number(services: Services, campaign: str) -> int:
    return int((await find_campaign(services.campaign_desk, campaign)).campaign_id)


@app.command()
def journey(
    campaign: str = _CAMPAIGN,
    version: int | None = typer.Option(None, "--version", min=1, help="Of which version; the published one."),
    language: Language = _LANGUAGE,
    as_json: bool = _AS_JSON,
) -> None:
    """Tell how many people stand on each step, how often it was passed, who left and why.

    Example: joren campaign journey "Onboarding" --language ja
    """

    async def work(services: Services) -> tuple[JourneyOverview, dict[str, Words]]:
        desk = services.journey_desk
        found = await desk.overview(await _number(services, campaign), version=version)
        return found, {word: await desk.words(word) for word in ("ja", "en")}

    found, words = run(work)
    if as_json:
        print_json(api.journey_answer(found, ja=words["ja"], en=words["en"]))
        return
    typer.echo(f"Version {found.version}: {found.entered:,} entered.")
    for place, line in enumerate(describe(found.steps, words[language.value])):
        count = found.counts.get(place, NOBODY)
        aside = f", {count.aside:,} put aside" if count.aside else ""
        typer.echo(f"{line}: {count.here:,} here, {sum(count.passed.values()):,} passed{aside}")
    for reason, people in sorted(found.left.items()):
        typer.echo(f"Left ({reason}): {people:,}")


@app.command()
def entries(
    *,
    campaign: str = _CAMPAIGN,
    state: str | None = typer.Option(None, "--state", help="Only those waiting, left or aside."),
    step: int | None = typer.Option(None, "--step", min=1, max=100, help="Only those at this step, counted from 1."),
    user: str | None = typer.Option(None, "--user", help="Only this member, by the shop's number."),
    entry: int | None = typer.Option(None, "--entry", min=1, help="One entry, step by step."),
    before: int | None = typer.Option(None, "--before", min=1, help="Those before this entry."),
    limit: int = typer.Option(100, "--limit", min=1, max=1000, help="At most so many."),
    as_json: bool = _AS_JSON,
) -> None:
    """List who is under way in a campaign, newest first: where each stands, or why she left.

    Example: joren campaign entries "Onboarding" --state aside
    """
    if entry is not None:
        _tell_entry(campaign, entry, as_json=as_json)
        return

    async def work(services: Services) -> list[EntryLine]:
        number = await _number(services, campaign)
        return await services.journey_desk.entries(
            number, state=state, step=None if step is None else step - 1, user_id=user, before=before, limit=limit
        )

    found = run(work)
    if as_json:
        print_json([api.entry_answer(each) for each in found])
        return
    for each in found:
        typer.echo(_line(each))


def _tell_entry(campaign: str, entry: int, *, as_json: bool) -> None:
    async def work(services: Services) -> EntryDetail:
        return await services.journey_desk.entry(await _number(services, campaign), entry)

    found = run(work)
    if as_json:
        print_json(api.entry_detail_answer(found))
        return
    for each in found.visits:
        came = "  ".join(word for word in (each.way, each.outcome) if word)
        typer.echo(f"{each.at:%Y-%m-%d %H:%M:%S} UTC  step {each.step + 1}  {came}".rstrip())
    if not found.entry.way_kept:
        typer.echo("She left long ago: her steps are only counted now.")
    typer.echo(_line(found.entry))


def _line(entry: EntryLine) -> str:
    who = entry.user_id or f"customer {entry.customer_id}"
    match entry.state:
        case "waiting":
            what = f" for {entry.waiting_for}" if entry.waiting_for else ""
            stands = f"at step {entry.step + 1}, waits{what} until {entry.until_at or entry.due_at:%Y-%m-%d %H:%M} UTC"
        case "aside":
            stands = f"put aside at step {entry.step + 1}: {entry.reason}"
        case _:
            stands = f"left ({entry.reason})"
    return f"{entry.entry_id:>10}  {who}  entered {entry.entered_at:%Y-%m-%d %H:%M} UTC, {stands}"


@app.command("retry-entries")
def retry_entries(
    campaign: str = _CAMPAIGN,
    entry: int | None = typer.Option(None, "--entry", min=1, help="Only this one."),
    as_json: bool = _AS_JSON,
) -> None:
    """Have those go on who were put aside because a step always failed. Mend its cause first.

    Example: joren campaign retry-entries "Onboarding"
    """

    async def work(services: Services) -> int:
        return await services.journey_desk.retry(await _number(services, campaign), entry_id=entry, actor=ACTOR)

    taken = run(work)
    if as_json:
        print_json(api.RetryAnswer(taken))
        return
    typer.echo(f"{taken:,} go on.")
