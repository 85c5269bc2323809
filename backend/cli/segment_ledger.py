"""`joren segment`, continued: members since when, changes, sizes by day; versions, drafts, and what goes by a segment."""

from typing import Any

import typer

from backend.api import membership_answers as api
from backend.api.segment_answers import member_answer, segment_answer
from backend.cli.runtime import print_json, run
from backend.cli.segments import ACTOR, Language, app, find_segment, lacking, read_rule
from backend.errors import NotFound
from backend.wiring import Services
from segments.ledger import Change, History, Member
from segments.overview import StoredSegment
from segments.segment_versions import Draft, SegmentVersion, Words
from segments.uses import SegmentUses

__all__ = ["app"]

_SEGMENT = typer.Argument(..., metavar="SEGMENT", help="Name or number of the segment.")
_AS_JSON = typer.Option(False, "--json", help="Print JSON.")
_LANGUAGE = typer.Option(Language.EN, "--language", help="Language of the sentences.")
_LIMIT = typer.Option(100, "--limit", min=1, max=1000, help="At most so many.")


async def _number(services: Services, segment: str) -> int:
    return int((await find_segment(services.segment_runs, segment)).segment.id)


@app.command()
def members(
    segment: str = _SEGMENT,
    after: int = typer.Option(0, "--after", min=0, help="Those after this customer, by Joren's number."),
    limit: int = _LIMIT,
    as_json: bool = _AS_JSON,
) -> None:
    """List who is in a segment, and since when.

    Example: joren segment members "Once" --limit 20
    """

    async def work(services: Services) -> Any:
        number, ledger = await _number(services, segment), services.membership_ledger
        return await ledger.members(number, after=after, limit=limit), (await ledger.state(number)).known_since

    found: list[Member]
    found, known_since = run(work)
    for line in lacking(known_since):
        typer.echo(line, err=True)
    if as_json:
        print_json([member_answer(each) for each in found])
        return
    for each in found:
        since = f"{each.entered_at:%Y-%m-%d %H:%M} UTC" if each.entered_at else "before it was kept"
        typer.echo(f"{each.customer_id:>10}  {each.user_id or '–'}  since {since}")


@app.command()
def changes(
    segment: str = _SEGMENT,
    before: int | None = typer.Option(None, "--before", min=1, help="Those before this number."),
    limit: int = _LIMIT,
    as_json: bool = _AS_JSON,
) -> None:
    """List who entered and left a segment, newest first.

    Example: joren segment changes "Once" --json
    """

    async def work(services: Services) -> Any:
        number = await _number(services, segment)
        ledger = services.membership_ledger
        return await ledger.changes(number, before=before, limit=limit), await ledger.known_since([number])

    found: list[Change]
    found, known_since = run(work)
    for line in lacking(known_since):
        typer.echo(line, err=True)
    if as_json:
        print_json([api.change_answer(each) for each in found])
        return
    for each in found:
        who = each.user_id or f"customer {each.customer_id}"
        done = "entered" if each.entered else "left"
        typer.echo(f"{each.change_id:>10}  {each.at:%Y-%m-%d %H:%M:%S} UTC  {who} {done} ({each.cause})")


@app.command()
def history(
    segment: str = _SEGMENT,
    days: int = typer.Option(30, "--days", min=1, max=3660, help="Business days, this one the last."),
    as_json: bool = _AS_JSON,
) -> None:
    """Tell a segment's size by day, and how many entered and left.

    Example: joren segment history "Once" --days 7
    """

    async def work(services: Services) -> History:
        return await services.membership_ledger.history(await _number(services, segment), days=days)

    found = run(work)
    if as_json:
        print_json(api.history_answer(found))
        return
    for each in found.days:
        typer.echo(
            f"{each.day}  {each.size:>9,} members, {each.reachable:,} can be reached; {each.entered:,} entered, {each.left:,} left"
        )
    as_of = found.state.as_of
    typer.echo(f"As of {as_of:%Y-%m-%d %H:%M:%S} UTC." if as_of else "It was not counted yet; is a worker running?")
    for line in lacking(found.state.known_since):
        typer.echo(line)


@app.command()
def edits(segment: str = _SEGMENT, as_json: bool = _AS_JSON, language: Language = _LANGUAGE) -> None:
    """Tell who changed what in a segment, newest first.

    Example: joren segment edits "Once" --language ja
    """

    async def work(services: Services) -> Any:
        return await services.segment_versions.list(await _number(services, segment))

    found: list[SegmentVersion] = run(work)
    if as_json:
        print_json([api.edit_answer(each) for each in found])
        return
    for each in found:
        typer.echo(
            f"Version {each.version}, {each.changed_at:%Y-%m-%d %H:%M} UTC, {each.changed_by}: {_said(each.sentence, language)}."
        )
        _differences(each.removed, each.added, language)


@app.command()
def draft(
    segment: str = _SEGMENT,
    rule: str | None = typer.Option(
        None, "--rule", help="Write it: JSON, @FILE, or - for standard input; default: show it."
    ),
    as_json: bool = _AS_JSON,
    language: Language = _LANGUAGE,
) -> None:
    """Show or write a segment's draft; the live segment stays as it is.

    Example: joren segment draft "Once" --rule @rule.json
    """

    async def work(services: Services) -> Draft:
        number = await _number(services, segment)
        if rule is not None:
            return await services.segment_versions.save_draft(number, read_rule(rule), actor=ACTOR)
        kept = await services.segment_versions.draft(number)
        if kept is None:
            raise NotFound(f"Segment {number} has no draft.", code="draft_not_found")
        return kept

    found = run(work)
    if as_json:
        print_json(api.draft_answer(found))
        return
    typer.echo(f"Draft of {found.saved_at:%Y-%m-%d %H:%M} UTC, {found.saved_by}: {_said(found.sentence, language)}.")
    _differences(found.removed, found.added, language)
    if found.outdated:
        typer.echo("The live segment has changed since this draft was begun.")


@app.command()
def publish(
    segment: str = _SEGMENT,
    confirm: bool = typer.Option(False, "--confirm", help="Although campaigns or other segments go by it."),
    as_json: bool = _AS_JSON,
) -> None:
    """Put a segment's draft in force as its next version.

    Example: joren segment publish "Once"
    """

    async def work(services: Services) -> StoredSegment:
        number = await _number(services, segment)
        return await services.segment_versions.publish_draft(number, actor=ACTOR, confirm=confirm)

    saved = run(work)
    if as_json:
        print_json(segment_answer(saved))
    else:
        typer.echo(f"Segment {saved.segment.id} “{saved.segment.name}” is in force in version {saved.segment.version}.")


@app.command()
def discard(segment: str = _SEGMENT) -> None:
    """Forget a segment's draft.

    Example: joren segment discard "Once"
    """

    async def work(services: Services) -> None:
        await services.segment_versions.discard_draft(await _number(services, segment), actor=ACTOR)

    run(work)
    typer.echo("The draft is gone; the live segment is as it was.")


@app.command()
def uses(segment: str = _SEGMENT, as_json: bool = _AS_JSON) -> None:
    """Tell what goes by a segment: other segments, and campaigns that wait.

    Example: joren segment uses "Once"
    """

    async def work(services: Services) -> SegmentUses:
        return await services.segment_runs.uses(await _number(services, segment))

    found = run(work)
    if as_json:
        print_json(api.segment_uses_answer(found))
        return
    kinds = (("Segment", found.segments), ("Draft of segment", found.drafts), ("Campaign", found.campaigns))
    lines = [f"{kind} {number} “{name}”" for kind, named in kinds for number, name in named.items()]
    for line in lines or ["Nothing goes by it."]:
        typer.echo(line)


def _said(words: Words, language: Language) -> str:
    return words.ja if language is Language.JA else words.en


def _differences(removed: tuple[Words, ...], added: tuple[Words, ...], language: Language) -> None:
    for sign, parts in (("−", removed), ("+", added)):
        for part in parts:
            typer.echo(f"  {sign} {_said(part, language)}")
