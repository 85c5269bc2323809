"""`joren segment`: create, save, archive, list, preview, count and explain segments."""

import sys
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import typer

from backend.api import segment_answers as api
from backend.cli.named import named_or_numbered
from backend.cli.runtime import print_json, run
from backend.errors import BadInput
from backend.services.people import People
from backend.services.segment_runs import SegmentRuns
from backend.wiring import Services
from segments.overview import Explanation, ListedSegment, StoredSegment
from segments.preview import Count
from segments.rules.explain import Finding
from segments.rules.rule import Rule

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

ACTOR = "command line"

_RULE = typer.Option(..., "--rule", help="The rule as JSON, @FILE to read it from a file, or - for standard input.")
_AS_JSON = typer.Option(False, "--json", help="Print JSON.")


class Language(StrEnum):
    """Languages of the sentences."""

    JA = "ja"
    EN = "en"


_LANGUAGE = typer.Option(Language.EN, "--language", help="Language of the sentences.")


@app.command()
def create(
    name: str = typer.Argument(..., help="Name of the new segment."),
    rule: str = _RULE,
    as_json: bool = _AS_JSON,
    language: Language = _LANGUAGE,
) -> None:
    """Keep a rule under a name.

    Example: joren segment create "Once" --rule '{"attribute": "orders", "op": "=", "value": 1}'
    """

    async def work(services: Services) -> tuple[StoredSegment, Count]:
        made = await services.segment_runs.create(name, read_rule(rule), actor=ACTOR)
        return made, await services.segment_runs.count(made.segment.id)

    _print_kept(run(work), language, as_json=as_json)


def _print_kept(kept: tuple[StoredSegment, Count], language: Language, *, as_json: bool) -> None:
    stored, count = kept
    if as_json:
        print_json({"segment": api.segment_answer(stored), "count": api.count_answer(count)})
        return
    typer.echo(f"Segment {stored.segment.id} “{stored.segment.name}”: {_sentence(stored, language)}.")
    typer.echo(_size(count))


@app.command()
def save(  # noqa: PLR0917 - typer declares options as parameters
    segment: str = typer.Argument(..., help="Name or number of the segment."),
    rule: str | None = typer.Option(
        None, "--rule", help="Its rule from now on: JSON, @FILE, or - for standard input; default: as it is."
    ),
    name: str | None = typer.Option(None, "--name", help="Its name from now on; default: as it is."),
    confirm: bool = typer.Option(False, "--confirm", help="Although campaigns or other segments go by its rule."),
    as_json: bool = _AS_JSON,
    language: Language = _LANGUAGE,
) -> None:
    """Give a segment another rule or name. A changed rule is a new version; earlier ones stay.

    Example: joren segment save "Once" --rule '{"attribute": "orders", "op": "<=", "value": 1}'
    """

    async def work(services: Services) -> tuple[StoredSegment, Count]:
        if rule is None and name is None:
            raise BadInput("Say what changes: --rule, --name or both.", field="rule")
        runs, before = services.segment_runs, (await find_segment(services.segment_runs, segment)).segment
        saved = await runs.save(
            before.id,
            name=before.name if name is None else name,
            rule=before.rule if rule is None else read_rule(rule),
            actor=ACTOR,
            expected_version=before.version,
            confirm=confirm,
        )
        return saved, await runs.count(before.id)

    _print_kept(run(work), language, as_json=as_json)


@app.command()
def archive(segment: str = typer.Argument(..., help="Name or number of the segment.")) -> None:
    """Put a segment away. Its versions stay, and so do the campaigns that used it.

    Example: joren segment archive "Once"
    """

    async def work(services: Services) -> StoredSegment:
        found = await find_segment(services.segment_runs, segment)
        await services.segment_runs.archive(found.segment.id, actor=ACTOR)
        return found

    kept = run(work).segment
    typer.echo(f"Segment {kept.id} “{kept.name}” is put away; joren segment list --archived shows it.")


@app.command("list")
def list_segments(
    archived: bool = typer.Option(False, "--archived", help="Archived ones too."),
    as_json: bool = _AS_JSON,
    language: Language = _LANGUAGE,
) -> None:
    """List segments with their sizes.

    Example: joren segment list --json
    """

    async def work(services: Services) -> Any:
        return await services.segment_runs.list(archived=archived)

    listed: list[ListedSegment] = run(work)
    if as_json:
        print_json([api.ListedAnswer(api.segment_answer(each.stored), api.count_answer(each.count)) for each in listed])
        return
    for each in listed:
        put_away = " (archived)" if each.stored.archived_at else ""
        typer.echo(f"{each.stored.segment.id:>4}  {each.stored.segment.name}{put_away}")
        typer.echo(f"      {_size(each.count)}")
        typer.echo(f"      {_sentence(each.stored, language)}")
    if not listed:
        typer.echo("There are no segments yet; make one with: joren segment create")


@app.command()
def preview(rule: str = _RULE, as_json: bool = _AS_JSON, language: Language = _LANGUAGE) -> None:
    """Look at a rule without keeping it.

    Example: joren segment preview --rule @rule.json
    """

    async def work(services: Services) -> Any:
        return await services.segment_runs.preview(read_rule(rule))

    seen = run(work)
    if as_json:
        print_json(api.preview_answer(seen))
        return
    typer.echo(f"{seen.sentence_ja if language is Language.JA else seen.sentence_en}.")
    typer.echo(_size(seen.count))


@app.command()
def count(segment: str = typer.Argument(..., help="Name or number of the segment."), as_json: bool = _AS_JSON) -> None:
    """Count a segment's members.

    Example: joren segment count "Once" --json
    """

    async def work(services: Services) -> Count:
        found = await find_segment(services.segment_runs, segment)
        return await services.segment_runs.count(found.segment.id)

    counted = run(work)
    if as_json:
        print_json(api.count_answer(counted))
    else:
        typer.echo(_size(counted))


@app.command()
def explain(
    segment: str = typer.Argument(..., help="Name or number of the segment."),
    customer: str = typer.Option(None, "--customer", help="The member number by which your shop knows the customer."),
    customer_id: int = typer.Option(None, "--customer-id", help="Joren's own number of the customer."),
    as_json: bool = _AS_JSON,
    language: Language = _LANGUAGE,
) -> None:
    """Say why a customer is or is not in a segment, condition by condition.

    Example: joren segment explain "Once" --customer M-000123
    """

    async def work(services: Services) -> Explanation:
        found = await find_segment(services.segment_runs, segment)
        number = await _customer(services.people, customer, customer_id)
        return await services.segment_runs.explain(found.segment.id, customer_id=number)

    why = run(work)
    if as_json:
        print_json(api.explanation_answer(why))
        return
    name = f"“{why.segment.name}”"
    typer.echo(f"Customer {why.customer_id} is {'' if why.member else 'not '}in {name}.")
    if why.excluded:
        typer.echo("It is a test account, and the shop leaves those out.")
    for line in [*_told(why.ja if language is Language.JA else why.en), *lacking(why.known_since)]:
        typer.echo(line)


def read_rule(given: str) -> Rule:
    """The rule of ``--rule``: JSON, ``@file`` or ``-``.

    Raises:
        BadInput: it cannot be read, is not JSON, or is no rule.
    """
    try:
        document = msgspec.json.decode(_text(given))
    except msgspec.DecodeError as error:
        raise BadInput(f"The rule is not JSON: {error}.", code="bad_rule", field="rule") from error
    return api.read_rule(document)


def _text(given: str) -> bytes:
    if given == "-":
        return sys.stdin.buffer.read()
    if not given.startswith("@"):
        return given.encode()
    try:
        return Path(given[1:]).read_bytes()
    except OSError as error:
        raise BadInput(f"{given[1:]} cannot be read: {error.strerror}.", field="rule") from error


async def find_segment(segment_runs: SegmentRuns, asked: str) -> StoredSegment:
    """The segment of a name or, where none is called so, of a number.

    Raises:
        NotFound: neither.
    """
    return await named_or_numbered(asked, find=segment_runs.find, get=segment_runs.get)


async def _customer(people: People, user_id: str | None, customer_id: int | None) -> int:
    if user_id is not None and customer_id is None:
        return await people.find(user_id)
    if customer_id is None or user_id is not None:
        raise BadInput("Name the customer by --customer or by --customer-id.", field="customer")
    return customer_id


def _sentence(stored: StoredSegment, language: Language) -> str:
    return stored.sentence_ja if language is Language.JA else stored.sentence_en


def _size(counted: Count) -> str:
    share = "—" if counted.share is None else f"{counted.share:.1%}"
    size = f"{counted.size:,} of {counted.total:,} customers ({share}), {counted.reachable:,} can be reached by push."
    return " ".join([size, *lacking(counted.known_since)])


def lacking(known_since: date | None) -> list[str]:
    """What is to be said where history was dropped that decides who is in a segment."""
    if known_since is None:
        return []
    return [
        f"Events before {known_since}, for which the rule asks, were dropped (JOREN_HISTORY_MONTHS): there may be too few, or too many."
    ]


def _told(finding: Finding, depth: int = 0) -> list[str]:
    found = f"  [{finding.found}]" if finding.found else ""
    line = f"{'  ' * depth}{'✓' if finding.holds else '×'} {finding.sentence}{found}"
    return [line, *(told for part in finding.parts for told in _told(part, depth + 1))]
