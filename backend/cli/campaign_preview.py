"""`joren campaign preview`: when a draft that is not kept would go out, and for how many."""

from zoneinfo import ZoneInfo

import typer

from backend.cli.campaign_definitions import app, read_draft
from backend.cli.runtime import print_json, run
from backend.cli.segments import lacking
from backend.errors import BadInput
from backend.wiring import Services
from campaigns.draft_preview import DraftPreview

__all__ = ["app"]


@app.command()
def preview(
    file: str = typer.Argument(
        ..., metavar="FILE", help="A JSON file as `joren campaign show` prints it; - reads from the pipe."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Tell the next launches of what a JSON file states and how many people it is for. Nothing is stored.

    Example: joren campaign preview friday-news.json
    """
    draft = read_draft(file)

    async def work(services: Services) -> DraftPreview:
        try:
            return await services.campaign_previews.preview(draft)
        except BadInput as error:  # a file has many fields: which one is meant is said, as where its JSON is read
            place = f"{error.field}: " if error.field else ""
            raise BadInput(f"{place}{error.message}", code=error.code, field=error.field) from error

    seen = run(work)
    if as_json:
        print_json(seen)
    else:
        typer.echo("\n".join(_told(seen)))


def _told(seen: DraftPreview) -> list[str]:
    clock = ZoneInfo(seen.zone)
    lines = [f"{at.astimezone(clock):%a %Y-%m-%d %H:%M} {seen.zone}" for at in seen.launches]
    lines = lines or ["No launch is planned: it begins when it is submitted, person by person, or no date is left."]
    if seen.audience is None:
        return [*lines, "It names no segment, or there are no facts about customers yet."]
    held = f"In the segment {seen.audience.total:,}, {seen.audience.reachable:,} of whom can be reached"
    lines.append(f"{held} (facts as of {seen.audience.as_of.isoformat(timespec='seconds')})")
    return lines + lacking(seen.audience.known_since)
