"""`joren campaign`, continued: whole campaigns as JSON files, their versions, copies, and the second person."""

import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

import msgspec
import typer

from backend.cli.campaign_texts import tell_summary, tell_test
from backend.cli.campaigns import ACTOR, app
from backend.cli.named import find_campaign
from backend.cli.runtime import failing_clearly, print_json, run
from backend.errors import BadInput
from backend.services.campaign_desk.desk import CampaignDesk
from backend.services.campaign_desk.trials import Trial
from backend.wiring import Services
from campaigns.campaign import Draft
from campaigns.definition import from_json, to_json
from campaigns.errors import DraftIncomplete
from campaigns.overview import CampaignDetail, CampaignVersion, TestSend, WaitingLaunch

__all__ = ["app"]

_CAMPAIGN = typer.Argument(..., metavar="CAMPAIGN", help="Name or number of the campaign.")
_FILE = typer.Argument(
    ..., metavar="FILE", help="A JSON file as `joren campaign show` prints it; - reads from the pipe."
)
_BY = typer.Option("", "--by", help="Your name, for the audit log and the second person.")
_LAUNCH = typer.Option(None, help="Number of a launch that waits: joren campaign waiting.")
_AS_JSON = typer.Option(False, "--json", help="Print JSON.")

Act = Callable[[CampaignDesk, int, int], Awaitable[CampaignDetail]]
"""What is done to a campaign, by its number and revision."""


@app.command()
def show(campaign: str = _CAMPAIGN) -> None:
    """Print what a campaign says, as JSON that creates and changes campaigns.

    Example: joren campaign show "Second visit" > second-visit.json
    """

    async def work(services: Services) -> Draft:
        desk = services.campaign_desk
        return (await desk.get((await find_campaign(desk, campaign)).campaign_id)).draft

    print_json(to_json(run(work)))


@app.command("create-from")
def create_from(file: str = _FILE, by: str = _BY, as_json: bool = _AS_JSON) -> None:
    """Keep a draft that a JSON file states. Nothing is sent.

    Example: joren campaign create-from second-visit.json --by mika
    """
    draft = read_draft(file)

    async def work(services: Services) -> CampaignDetail:
        return await services.campaign_desk.create(draft, by=_actor(by))

    _tell(run(work), as_json=as_json)


@app.command()
def edit(campaign: str = _CAMPAIGN, file: str = _FILE, by: str = _BY, as_json: bool = _AS_JSON) -> None:
    """Replace a draft by what a JSON file states; one that was scheduled or waits for approval becomes a draft again.

    Example: joren campaign edit "Second visit" second-visit.json
    """
    draft = read_draft(file)
    _act(campaign, lambda desk, number, now: desk.edit(number, draft, revision=now, by=_actor(by)), as_json=as_json)


@app.command()
def publish(campaign: str = _CAMPAIGN, file: str = _FILE, by: str = _BY, as_json: bool = _AS_JSON) -> None:
    """Put a new version of a running campaign in force: for whom it begins from now on.

    Example: joren campaign publish "Onboarding" onboarding.json
    """
    draft = read_draft(file)
    _act(campaign, lambda desk, number, now: desk.publish(number, draft, revision=now, by=_actor(by)), as_json=as_json)


@app.command()
def submit(
    campaign: str = _CAMPAIGN,
    at: datetime | None = typer.Option(
        None, formats=["%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S%z"], help="Launch then; default now."
    ),
    by: str = _BY,
    as_json: bool = _AS_JSON,
) -> None:
    """Schedule a campaign; above the shop's audience size it waits for a second person first.

    Example: joren campaign submit "Second visit" --by mika
    """

    def act(desk: CampaignDesk, number: int, revision: int) -> Awaitable[CampaignDetail]:
        if at is None:
            return desk.send_now(number, revision=revision, by=_actor(by))
        return desk.schedule(number, at=at, revision=revision, by=_actor(by))

    _act(campaign, act, as_json=as_json)


@app.command()
def approve(
    campaign: str = _CAMPAIGN,
    by: str = typer.Option(..., "--by", help="Your name: another one than who wrote or submitted it."),
    comment: str = typer.Option("", help="What you say to it."),
    launch: int | None = _LAUNCH,
    as_json: bool = _AS_JSON,
) -> None:
    """Approve a campaign that waits, the new version of one that runs, or one launch of it.

    Example: joren campaign approve "Second visit" --by ken
    """

    def act(desk: CampaignDesk, number: int, _: int) -> Awaitable[CampaignDetail]:
        if launch is None:
            return desk.approve(number, by=_actor(by), comment=comment)
        return desk.approve_launch(number, launch, by=_actor(by), comment=comment)

    _act(campaign, act, as_json=as_json)


@app.command()
def reject(
    campaign: str = _CAMPAIGN,
    comment: str = typer.Option(..., help="Why, so that it can be mended."),
    by: str = _BY,
    launch: int | None = _LAUNCH,
    as_json: bool = _AS_JSON,
) -> None:
    """Reject a campaign that waits, the new version of one that runs, or one launch of it, which is passed over.

    Example: joren campaign reject "Second visit" --comment "Which tea?" --by ken
    """

    def act(desk: CampaignDesk, number: int, _: int) -> Awaitable[CampaignDetail]:
        if launch is None:
            return desk.reject(number, by=_actor(by), comment=comment)
        return desk.reject_launch(number, launch, by=_actor(by), comment=comment)

    _act(campaign, act, as_json=as_json)


@app.command()
def waiting(campaign: str = _CAMPAIGN, as_json: bool = _AS_JSON) -> None:
    """List launches of a campaign that repeats which wait for a second person.

    Example: joren campaign waiting "Friday news"
    """

    async def work(services: Services) -> tuple[WaitingLaunch, ...]:
        desk = services.campaign_desk
        return (await desk.get((await find_campaign(desk, campaign)).campaign_id)).waiting

    found = run(work)
    if as_json:
        print_json(found)
        return
    for each in found:
        typer.echo(_tell_waiting(each))
    if not found:
        typer.echo("No launch waits.")


def _tell_waiting(each: WaitingLaunch) -> str:
    until = f"until {each.expires_at:%Y-%m-%d %H:%M} UTC"
    whom = f"{each.people:,} people (approved for {each.approved_for or 0:,})"
    return f"Launch {each.occurrence} for {whom} waits {until}: joren campaign approve … --launch {each.occurrence}"


@app.command()
def copy(
    campaign: str = _CAMPAIGN,
    name: str | None = typer.Option(None, help="Name of the copy; default the same with a number."),
    by: str = _BY,
    as_json: bool = _AS_JSON,
) -> None:
    """Make a new draft that says the same.

    Example: joren campaign copy "Second visit" --name "Third visit"
    """
    _act(campaign, lambda desk, number, _: desk.copy(number, name=name, by=_actor(by)), as_json=as_json)


@app.command()
def archive(campaign: str = _CAMPAIGN, by: str = _BY, as_json: bool = _AS_JSON) -> None:
    """Take a draft, or a campaign that has ended, off the list. Example: joren campaign archive "Second visit"."""
    _act(campaign, lambda desk, number, _: desk.archive(number, by=_actor(by)), as_json=as_json)


@app.command()
def restore(campaign: str = _CAMPAIGN, by: str = _BY, as_json: bool = _AS_JSON) -> None:
    """Put an archived campaign on the list again. Example: joren campaign restore "Second visit"."""
    _act(campaign, lambda desk, number, _: desk.restore(number, by=_actor(by)), as_json=as_json)


@app.command()
def versions(campaign: str = _CAMPAIGN, as_json: bool = _AS_JSON) -> None:
    """List the published versions, the first one first.

    Example: joren campaign versions "Onboarding" --json
    """

    async def work(services: Services) -> tuple[CampaignVersion, ...]:
        desk = services.campaign_desk
        return await desk.versions((await find_campaign(desk, campaign)).campaign_id)

    found = run(work)
    if as_json:
        print_json([{"version": each.version, "definition": to_json(each.draft)} for each in found])
        return
    for each in found:
        typer.echo(f"{each.version:>4}  {each.created_at:%Y-%m-%d %H:%M} UTC, {each.created_by}")
    if not found:
        typer.echo("Nothing is published yet: that happens at the launch.")


@app.command("test")
def try_out(
    *,
    campaign: str = _CAMPAIGN,
    member: str | None = typer.Argument(None, help="The shop's member number of whose phones get it."),
    customer_id: int | None = typer.Option(None, "--customer-id", help="The same by Joren's number."),
    device: list[int] = typer.Option([], "--device", help="Only this device; may stand several times."),
    variant: str | None = typer.Option(None, help="Of the versions that are compared; default the first."),
    step: int | None = typer.Option(None, min=0, help="Place of a journey's step that sends; default the first."),
    as_json: bool = _AS_JSON,
) -> None:
    """Send a test to one customer's phones, past quiet hours and cap, counted nowhere. Ends with 1 where none took it.

    Example: joren campaign test "Second visit" M-1001 --device 7
    """
    chosen = Trial(device_ids=tuple(device), variant=variant, step=step)

    async def work(services: Services) -> TestSend:
        desk = services.campaign_desk
        number = (await find_campaign(desk, campaign)).campaign_id
        who = await services.people.named(user_id=member, customer_id=customer_id)
        return await desk.test_send(number, customer_id=who, chosen=chosen, by=ACTOR)

    tried = run(work)
    if as_json:
        print_json(tried)
    else:
        typer.echo(tell_test(tried))
    if not tried.accepted:
        raise typer.Exit(1)


def read_draft(file: str) -> Draft:
    """The draft that a JSON file states; - is the pipe."""
    with failing_clearly():
        try:
            text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
            return from_json(msgspec.json.decode(text))
        except OSError as error:
            raise BadInput(f"{file} cannot be read: {error.strerror}.", field="file") from error
        except msgspec.DecodeError as error:
            raise BadInput(f"{file} is not JSON: {error}.", field="file") from error
        except DraftIncomplete as error:
            place = error.field or "the file"
            raise BadInput(f"{place}: {error.message}.", code=error.code, field=error.field) from error


def _actor(by: str) -> str:
    return f"{ACTOR}: {by.strip()}" if by.strip() else ACTOR


def _act(campaign: str, act: Act, *, as_json: bool) -> None:
    async def work(services: Services) -> CampaignDetail:
        desk = services.campaign_desk
        found = await find_campaign(desk, campaign)
        return await act(desk, found.campaign_id, found.revision)

    _tell(run(work), as_json=as_json)


def _tell(made: CampaignDetail, *, as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    typer.echo(tell_summary(made.summary))
    for each in made.waiting:
        typer.echo(_tell_waiting(each))
    if made.review.proposal is not None:
        typer.echo("A new version waits for a second person: joren campaign approve …")
    elif made.summary.state == "awaiting_approval":
        typer.echo(
            f"It is for {made.review.audience or 0:,} people and waits for a second person: joren campaign approve …"
        )
