"""`joren coupon`: the book, giving coupons out, and what became of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import typer

from backend.cli.runtime import print_json, run
from backend.cli.segments import find_segment, lacking
from backend.errors import BadInput, NotFound
from backend.services.coupons.issuing import Issue
from backend.wiring import Services
from segments.coupon_answer import coupon_answer
from segments.coupon_book import CouponDraft, StoredCoupon
from segments.coupon_ledger import CouponNumbers
from segments.coupons import PersonalCoupon

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

ACTOR = "command line"
_AS_JSON = typer.Option(False, "--json", help="Print JSON.")
_COUPON = typer.Argument(..., help="Id of the coupon, as events call it.")


@app.command("list")
def list_coupons(
    archived: bool = typer.Option(False, "--archived", help="Archived ones too."), as_json: bool = _AS_JSON
) -> None:
    """List coupons with their numbers.

    Example: joren coupon list
    """

    async def work(services: Services) -> tuple[list[StoredCoupon], tuple[CouponNumbers, ...]]:
        listed = await services.coupon_book.list(archived=archived)
        return listed, (await services.coupon_ledger.numbers([each.coupon_id for each in listed]))[0]

    listed, counted = run(work)
    if as_json:
        print_json(
            [{"coupon": coupon_answer(each), "numbers": told} for each, told in zip(listed, counted, strict=True)]
        )
        return
    for each, told in zip(listed, counted, strict=True):
        put_away = " (archived)" if each.archived_at else ""
        typer.echo(f"{each.coupon_id}  {each.draft.title_ja}{put_away}")
        typer.echo(f"    {_line(told)}")
    if not listed:
        typer.echo("There are no coupons yet; make one with: joren coupon set")


@app.command()
def show(coupon: str = _COUPON, as_json: bool = _AS_JSON) -> None:
    """Show a coupon, its numbers and its latest issues.

    Example: joren coupon show spring-100
    """

    async def work(services: Services) -> tuple[StoredCoupon, CouponNumbers, list[Issue]]:
        stored = await services.coupon_book.get(coupon)
        (numbers,), _ = await services.coupon_ledger.numbers([coupon])
        return stored, numbers, await services.coupon_issues.list(coupon, limit=10)

    stored, told, issues = run(work)
    if as_json:
        print_json({"coupon": coupon_answer(stored), "numbers": told, "issues": issues})
        return
    typer.echo(f"{stored.coupon_id}  {stored.draft.title_ja}")
    typer.echo(f"    {_rules(stored.draft)}")
    typer.echo(f"    {_line(told)}")
    for store in told.stores:
        typer.echo(f"    {store.store_id or '(no store named)'}: {store.uses} uses by {store.people} people")
    for flag, count in told.flagged.items():
        typer.echo(f"    {flag}: {count} pairs")
    for issue in issues:
        typer.echo(f"    issue {issue.issue_id}: {_issued(issue)}")


@app.command("set")
def define(
    coupon: str = _COUPON,
    *,
    title: str | None = typer.Option(None, "--title", help="Title in Japanese; needed for a new coupon."),
    title_en: str | None = typer.Option(None, "--title-en", help="Title in English."),
    audience: str | None = typer.Option(None, "--audience", help="issued (to single members) or public."),
    valid_from: str | None = typer.Option(None, "--from", help="First day on which it can be used; none: from now."),
    valid_until: str | None = typer.Option(None, "--until", help="Last day; none: for ever."),
    valid_days: str | None = typer.Option(None, "--days", help="Days after its issue; none: no such limit."),
    stores: str | None = typer.Option(None, "--stores", help="Stores, parted by commas; all: everywhere."),
    uses: str | None = typer.Option(None, "--uses", help="Uses per person; none: no limit."),
    as_json: bool = _AS_JSON,
) -> None:
    """Define a coupon, or change what is named of one that there is.

    Example: joren coupon set spring-100 --title 春の100円引き --days 30 --uses 1
    """
    given: dict[str, Any] = {
        "title_ja": title,
        "title_en": title_en,
        "audience": audience,
        "valid_from": _read(valid_from, date.fromisoformat, "--from"),
        "valid_until": _read(valid_until, date.fromisoformat, "--until"),
        "valid_days": _read(valid_days, int, "--days"),
        "stores": _read(stores, _stores, "--stores"),
        "uses_per_person": _read(uses, int, "--uses"),
    }

    async def work(services: Services) -> StoredCoupon:
        return await _define(services, coupon, {name: value for name, value in given.items() if value is not None})

    stored = run(work)
    if as_json:
        print_json(coupon_answer(stored))
        return
    typer.echo(f"{stored.coupon_id}: {_rules(stored.draft)}")


async def _define(services: Services, coupon_id: str, given: dict[str, Any]) -> StoredCoupon:
    """Empty texts among ``given`` stand for none."""
    told: dict[str, Any] = {
        name: None if value == "" and name not in ("title_ja", "title_en") else value for name, value in given.items()
    }
    try:
        before = (await services.coupon_book.get(coupon_id)).draft
    except NotFound:
        if "title_ja" not in told:
            raise BadInput(f"There is no coupon {coupon_id}; for a new one say --title.", field="title") from None
        return await services.coupon_book.create(CouponDraft(coupon_id=coupon_id, **told), actor=ACTOR)
    return await services.coupon_book.save(replace(before, **told), actor=ACTOR)


@app.command()
def archive(coupon: str = _COUPON) -> None:
    """Put a coupon away: nobody gets it any more; those who hold it can use it as before.

    Example: joren coupon archive spring-100
    """
    run(lambda services: services.coupon_book.archive(coupon, actor=ACTOR))
    typer.echo(f"{coupon} is put away; joren coupon list --archived shows it.")


@app.command()
def restore(coupon: str = _COUPON) -> None:
    """Take an archived coupon back.

    Example: joren coupon restore spring-100
    """
    run(lambda services: services.coupon_book.restore(coupon, actor=ACTOR))
    typer.echo(f"{coupon} can be issued again.")


@app.command()
def issue(
    coupon: str = _COUPON,
    *,
    to: list[str] = typer.Option([], "--to", help="Member number; may be repeated."),
    segment: str | None = typer.Option(None, "--segment", help="Name or number of a segment: all its members."),
    file: Path | None = typer.Option(None, "--file", help="File with a column of member numbers.", exists=True),
    encoding: str | None = typer.Option(None, "--encoding", help="Of the file, when it is not found out."),
    as_json: bool = _AS_JSON,
) -> None:
    """Give a coupon to people, to a segment or to those in a file, each once.

    Example: joren coupon issue spring-100 --segment ゴールド以上の会員
    """
    if sum((bool(to), segment is not None, file is not None)) != 1:
        raise typer.BadParameter("say one of --to, --segment and --file")

    async def work(services: Services) -> Issue:
        return await services.coupon_issues.carry_out((await _ask(services)).issue_id)

    async def _ask(services: Services) -> Issue:
        issues = services.coupon_issues
        if segment is not None:
            found = await find_segment(services.segment_runs, segment)
            return await issues.to_segment(coupon, found.segment.id, actor=ACTOR)
        if file is not None:
            return await issues.from_file(coupon, file, actor=ACTOR, encoding=encoding)
        return await issues.to_people(coupon, to, actor=ACTOR)

    done = run(work)
    if as_json:
        print_json(done)
        return
    typer.echo(f"Issue {done.issue_id} of {coupon}: {_issued(done)}.")


@app.command()
def held(customer: str = typer.Argument(..., help="Member number of the person."), as_json: bool = _AS_JSON) -> None:
    """List a person's coupons: those held first.

    Example: joren coupon held M-1001
    """

    async def work(services: Services) -> tuple[PersonalCoupon, ...]:
        return await services.people.coupons(await services.people.find(customer))

    coupons = run(work)
    if as_json:
        print_json(coupons)
        return
    for each in coupons:
        until = f", until {each.valid_until}" if each.valid_until else ""
        flags = f" ({', '.join(each.flags)})" if each.flags else ""
        typer.echo(f"{each.coupon_id}  {each.state}{until}; used {each.uses} times{flags}")
    if not coupons:
        typer.echo("No coupon yet.")


def _read(text: str | None, reader: Callable[[str], Any], option: str) -> Any:
    """What was typed; an empty text for ``none``."""
    if text is None or text == "none":
        return None if text is None else ""
    try:
        return reader(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text} cannot be read; write none, a day like 2026-04-01 or a number", param_hint=option
        ) from None


def _stores(text: str) -> tuple[str, ...]:
    return () if text == "all" else tuple(part.strip() for part in text.split(",") if part.strip())


def _rules(draft: CouponDraft) -> str:
    parts = [
        draft.audience,
        f"from {draft.valid_from}" if draft.valid_from else "",
        f"until {draft.valid_until}" if draft.valid_until else "",
        f"{draft.valid_days} days after its issue" if draft.valid_days else "",
        f"in {len(draft.stores)} stores" if draft.stores else "in every store",
        f"{draft.uses_per_person} per person" if draft.uses_per_person else "",
    ]
    return ", ".join(part for part in parts if part)


def _line(told: CouponNumbers) -> str:
    return f"issued {told.issued} = used {told.used} + open {told.open} + expired {told.expired}; {told.uses} uses"


def _issued(issue: Issue) -> str:
    unknown = f", {issue.unknown} unknown" if issue.unknown else ""
    return " ".join([f"{issue.issued} of {issue.people} people have it{unknown}", *lacking(issue.known_since)])
