"""`joren campaign`: draft, dry run, test, send, stop, report."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import typer

from backend.cli.campaign_figures import breakdown, calendar, fatigue, global_holdout, progress
from backend.cli.campaign_texts import tell_dry_run, tell_report, tell_summary, tell_test
from backend.cli.named import find_campaign
from backend.cli.playbooks import playbooks
from backend.cli.runtime import print_json, run
from backend.errors import BadInput, NotFound
from backend.services.campaign_desk.desk import CampaignDesk
from backend.wiring import Services
from campaigns.campaign import Content, Draft, Policy, Text
from campaigns.dry_run import DryRun
from campaigns.figures import CampaignReport
from campaigns.overview import CampaignDetail, CampaignSummary, TestSend
from campaigns.states import State
from campaigns.trigger import Kind

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

ACTOR = "command line"
for command in (playbooks, progress, breakdown, calendar, fatigue, global_holdout):
    app.command()(command)

_CAMPAIGN = typer.Argument(..., help="Name or number of the campaign.")
_AS_JSON = typer.Option(False, "--json", help="Print JSON.")


@app.command()
def create(
    *,
    name: str = typer.Argument(..., help="Name of the new campaign."),
    segment: str = typer.Option(..., "--segment", help="Name or number of the segment it is for."),
    title_ja: str = typer.Option("", help="Japanese title; {{ 姓 }} and other fields are filled in for each person."),
    body_ja: str = typer.Option("", help="Japanese body."),
    title_en: str = typer.Option("", help="English title; {{ family_name }} and other fields are filled in."),
    body_en: str = typer.Option("", help="English body."),
    link: str | None = typer.Option(None, help="Where a tap leads: https:// or the app's own scheme."),
    coupon: str | None = typer.Option(None, help="Coupon the push is about."),
    holdout: float = typer.Option(5.0, help="Percent kept without the push, for comparison; 0 to 90."),
    conversion: str = typer.Option("Order Completed", help="The event that counts as success."),
    days: int = typer.Option(7, help="Its window in days, from the planned send time."),
    policy: Policy = typer.Option(Policy.ONCE, help="once: nobody gets it twice. surely: an unclear try is repeated."),
    expires_hours: float = typer.Option(24.0, help="Hours after launch in which a message may still go out."),
    names_on_lock_screen: bool = typer.Option(
        False,
        "--names-on-lock-screen",
        help="Allow the family name in texts: a locked phone shows it to whoever looks.",
    ),
    as_json: bool = _AS_JSON,
) -> None:
    """Keep a draft. Nothing is sent.

    Example: joren campaign create "Second visit" --segment "Bought once" --title-ja "新茶です" --body-ja "お待ちしています"
    """
    texts = {"ja": _text(title_ja, body_ja), "en": _text(title_en, body_en)}

    async def work(services: Services) -> CampaignDetail:
        draft = Draft(
            name=name,
            segment_id=await _segment(services, segment),
            content=Content(ja=texts["ja"], en=texts["en"], link=link, coupon_id=coupon),
            holdout_percent=holdout,
            policy=policy,
            conversion_event=conversion,
            conversion_days=days,
            expires_after=timedelta(hours=expires_hours),
            names_on_lock_screen=names_on_lock_screen,
        )
        return await services.campaign_desk.create(draft, by=ACTOR)

    made = run(work)
    if as_json:
        print_json(made)
    else:
        number = made.summary.campaign_id
        typer.echo(
            f"Campaign {number} “{made.summary.name}” is kept as a draft. Look first: joren campaign dry-run {number}"
        )


def _text(title: str, body: str) -> Text | None:
    return Text(title, body) if title or body else None


@app.command("list")
def list_campaigns(
    *,
    words: str = typer.Option("", "--search", help="Only those with this in name, segment or tags."),
    state: State | None = typer.Option(None, help="Only those in this state."),
    kind: Kind | None = typer.Option(None, help="Only those that begin like this."),
    tag: str | None = typer.Option(None, help="Only those with this tag."),
    archived: bool = typer.Option(False, "--archived", help="Those that were taken off the list instead."),
    as_json: bool = _AS_JSON,
) -> None:
    """List campaigns, the last changed first.

    Example: joren campaign list --state sending --tag summer
    """
    asked = {"words": words, "state": state or "", "kind": kind or "", "tag": tag or ""}

    async def work(services: Services) -> tuple[CampaignSummary, ...]:
        return await services.campaign_desk.list(archived=archived, **asked)

    listed = run(work)
    if as_json:
        print_json(listed)
        return
    for each in listed:
        typer.echo(tell_summary(each))
    if not listed:
        none = "There are no campaigns yet; make one with: joren campaign create"
        typer.echo("No campaign matches." if any(asked.values()) or archived else none)


@app.command("dry-run")
def dry_run(campaign: str = _CAMPAIGN, as_json: bool = _AS_JSON) -> None:
    """Say what a launch now would do: who is in, who is left out and why, who is control. Nothing is stored.

    Example: joren campaign dry-run "Second visit" --json
    """

    async def work(services: Services) -> DryRun:
        return await services.campaign_desk.dry_run((await find_campaign(services.campaign_desk, campaign)).campaign_id)

    seen = run(work)
    if as_json:
        print_json(seen)
    else:
        typer.echo(tell_dry_run(seen))


@app.command()
def send(
    campaign: str = _CAMPAIGN,
    at: datetime | None = typer.Option(
        None, formats=["%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S%z"], help="Launch then; default now."
    ),
    test: str | None = typer.Option(None, "--test-to", help="Only a test send, to the phones of this member number."),
    as_json: bool = _AS_JSON,
) -> None:
    """Launch a campaign, now or at a moment; a running worker does the sending. Or send a test to one customer.

    Example: joren campaign send "Second visit" --at 2026-12-01T10:00+0900
    """
    if test is not None:
        _test_send(campaign, test, as_json=as_json)
        return

    async def work(services: Services) -> CampaignDetail:
        desk, found = services.campaign_desk, await find_campaign(services.campaign_desk, campaign)
        moment = at or services.clock.now()
        return await desk.schedule(found.campaign_id, at=moment, revision=found.revision, by=ACTOR)

    sent = run(work)
    if as_json:
        print_json(sent)
    else:
        if sent.summary.state == "awaiting_approval":
            typer.echo(f"“{sent.summary.name}” is for many and waits for a second person: joren campaign approve …")
            return
        when = f"at {at.isoformat()}" if at else "as soon as a worker is free (joren worker)"
        typer.echo(f"“{sent.summary.name}” will be launched {when}. Its figures: joren campaign report {campaign}")


def _test_send(campaign: str, member: str, *, as_json: bool) -> None:
    async def work(services: Services) -> TestSend:
        found = await find_campaign(services.campaign_desk, campaign)
        who = await services.people.find(member)
        return await services.campaign_desk.test_send(found.campaign_id, customer_id=who, by=ACTOR)

    tried = run(work)
    if as_json:
        print_json(tried)
        return
    typer.echo(tell_test(tried))


@app.command()
def report(campaign: str = _CAMPAIGN, as_json: bool = _AS_JSON) -> None:
    """Tell a campaign's figures: people, devices, opens, effect.

    Example: joren campaign report "Second visit" --json
    """

    async def work(services: Services) -> CampaignReport:
        return await services.campaign_desk.report((await find_campaign(services.campaign_desk, campaign)).campaign_id)

    told = run(work)
    if as_json:
        print_json(told)
    else:
        typer.echo(tell_report(told))


@app.command()
def pause(campaign: str = _CAMPAIGN, as_json: bool = _AS_JSON) -> None:
    """Stop sending for now. Example: joren campaign pause "Second visit"."""
    _change(campaign, lambda desk, number: desk.pause(number, by=ACTOR), as_json=as_json)


@app.command()
def resume(campaign: str = _CAMPAIGN, as_json: bool = _AS_JSON) -> None:
    """Go on sending. Example: joren campaign resume "Second visit"."""
    _change(campaign, lambda desk, number: desk.resume(number, by=ACTOR), as_json=as_json)


@app.command()
def cancel(campaign: str = _CAMPAIGN, as_json: bool = _AS_JSON) -> None:
    """Stop for good; who has not been sent it never will be. Example: joren campaign cancel "Second visit"."""
    _change(campaign, lambda desk, number: desk.cancel(number, by=ACTOR), as_json=as_json)


def _change(campaign: str, act: Callable[[CampaignDesk, int], Awaitable[CampaignDetail]], *, as_json: bool) -> None:
    async def work(services: Services) -> CampaignDetail:
        return await act(services.campaign_desk, (await find_campaign(services.campaign_desk, campaign)).campaign_id)

    changed = run(work)
    if as_json:
        print_json(changed)
    else:
        typer.echo(tell_summary(changed.summary))


async def _segment(services: Services, asked: str) -> int:
    try:
        return int((await services.segment_runs.find(asked)).segment.id)
    except NotFound as error:
        if asked.isdecimal():
            return int(asked)
        raise BadInput(error.message, code=error.code, field="segment") from error
