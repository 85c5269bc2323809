"""`joren campaign playbooks`: campaigns ready to use, and the segment and draft that one makes."""

import typer

from backend.cli.runtime import failing_clearly, print_json, run
from backend.errors import BadInput
from backend.services.playbooks import Made, Shelved
from backend.wiring import Services
from campaigns.journey_words import Words as JourneyWords
from campaigns.journey_words import describe as describe_steps
from campaigns.playbooks.playbook import NEEDS, Ask
from segments.rules.describe import describe
from segments.rules.parse import parse

ACTOR = "command line"


def playbooks(
    slug: str | None = typer.Argument(None, help="Show this one; without it all are listed."),
    answers: list[str] | None = typer.Option(
        None, "--answer", metavar="NAME=VALUE", help="Answer what it asks; may be given several times."
    ),
    create: bool = typer.Option(False, "--create", help="Make its segment and draft. Nothing is sent."),
    language: str = typer.Option("ja", "--language", help="Of the draft's name and hypothesis: ja or en."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List campaigns ready to use, show one, or make its segment and draft.

    Example: joren campaign playbooks second-purchase --answer days=45 --create
    """
    with failing_clearly():
        given = _read(answers or [])
        if language not in ("ja", "en"):
            raise BadInput("Choose ja or en.", field="language")
        if slug is None and (create or given):
            raise BadInput("Name the playbook first: joren campaign playbooks shows them all.", field="slug")
    if slug is None:
        _list(as_json=as_json)
    elif create:
        _create(slug, given, language, as_json=as_json)
    else:
        _show(slug, given, as_json=as_json)


def _read(answers: list[str]) -> dict[str, object]:
    pairs = [each.partition("=") for each in answers]
    wrong = next((each for each in pairs if not each[1]), None)
    if wrong is not None:
        raise BadInput(f'"{wrong[0]}" is no answer: write NAME=VALUE.', field="answer")
    return {name.strip(): value for name, _, value in pairs}


def _list(*, as_json: bool) -> None:
    async def work(services: Services) -> tuple[Shelved, ...]:
        return await services.playbooks.list()

    listed = run(work)
    if as_json:
        print_json([_summary(each) for each in listed])
        return
    for each in listed:
        typer.echo(f"{each.playbook.slug:<20} {each.playbook.title.en}{_lacks(each)}")


def _summary(shelved: Shelved) -> dict[str, object]:
    playbook = shelved.playbook
    return {
        "slug": playbook.slug,
        "title": playbook.title,
        "purpose": playbook.purpose,
        "missing": list(shelved.missing),
        "suggested": dict(shelved.suggested),
    }


def _lacks(shelved: Shelved) -> str:
    return f"  (this shop has no {', no '.join(NEEDS[need].en for need in shelved.missing)})" if shelved.missing else ""


def _show(slug: str, given: dict[str, object], *, as_json: bool) -> None:
    async def work(services: Services) -> Shelved:
        return await services.playbooks.get(slug, given)

    shelved = run(work)
    if as_json:
        print_json({**_summary(shelved), "asks": shelved.playbook.asks, "plan": shelved.plan})
        return
    playbook, plan = shelved.playbook, shelved.plan
    lines = [f"{playbook.title.en} / {playbook.title.ja}{_lacks(shelved)}", playbook.purpose.en]
    lines += [_ask(ask, shelved) for ask in playbook.asks]
    if plan is not None:
        lines.append(f"When: {plan.when.en}")
        lines += (
            [f"Segment “{plan.segment.name.en}”: {describe(parse(plan.segment.rule), 'en')}"] if plan.segment else []
        )
        lines += describe_steps(plan.steps, JourneyWords(language="en"))
        lines += [f"  [{name}] {text.title} | {text.body}" for name, text in (("ja", plan.ja), ("en", plan.en)) if text]
        lines.append(
            f"Success: {plan.conversion_event} within {plan.conversion_days} days; holdout {plan.holdout_percent:g} %"
        )
    typer.echo("\n".join(lines))


def _ask(ask: Ask, shelved: Shelved) -> str:
    usual = "needed" if ask.usual is None else f"usually {ask.usual or 'empty'}"
    suggested = shelved.suggested.get(ask.name)
    return (
        f"  --answer {ask.name}=…  {ask.words.en} ({usual if suggested is None else f'your data suggests {suggested}'})"
    )


def _create(slug: str, given: dict[str, object], language: str, *, as_json: bool) -> None:
    async def work(services: Services) -> Made:
        return await services.playbooks.make(slug, given, language=language, by=ACTOR)

    made = run(work)
    if as_json:
        print_json(made)
        return
    summary = made.campaign.summary
    if made.segment is not None:
        typer.echo(f"Segment {made.segment.segment.id} “{made.segment.segment.name}”: {made.segment.sentence_en}")
    typer.echo(
        f"Campaign {summary.campaign_id} “{summary.name}” is kept as a draft. Look first: joren campaign dry-run {summary.campaign_id}"
    )
