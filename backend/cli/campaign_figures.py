"""`joren campaign progress`, `breakdown`, `calendar` and `fatigue`: figures beside the report."""

from datetime import datetime, timedelta

import typer

from backend.cli.named import find_campaign
from backend.cli.runtime import failing_clearly, print_json, run
from backend.cli.segments import find_segment
from backend.errors import BadInput
from backend.services.campaign_desk.breakdowns import BREAKDOWNS, By
from backend.wiring import Services
from campaigns.agenda import Agenda, Mark
from campaigns.fatigue import Fatigue
from campaigns.figures import CampaignBreakdown
from campaigns.intervals import Interval
from campaigns.overview import Progress
from campaigns.programme import RATES, Comparison, Programme, Standing
from campaigns.results import Slice

_AS_JSON = typer.Option(False, "--json", help="Print JSON.")
_DAYS = ["%Y-%m-%d"]


def progress(
    campaign: str = typer.Argument(..., help="Name or number of the campaign."),
    as_json: bool = _AS_JSON,
) -> None:
    """Tell how far a campaign that repeats has come: its last launches, and for how many people today.

    Example: joren campaign progress "Friday news"
    """

    async def work(services: Services) -> Progress:
        found = await find_campaign(services.campaign_desk, campaign)
        return await services.campaign_desk.progress(found.campaign_id)

    told = run(work)
    if as_json:
        print_json(told)
        return
    typer.echo(f"{told.launches} launches, for {told.people_today} people today.")
    for each in told.last:
        people = f"for {each.targeted}, {each.control} of them control"
        typer.echo(f"  {each.planned_at:%Y-%m-%d %H:%M} UTC  {people} (version {each.version})")


def breakdown(
    campaign: str = typer.Argument(..., help="Name or number of the campaign."),
    by: str = typer.Option("store", "--by", help=f"One of {', '.join(BREAKDOWNS)}."),
    segment: str | None = typer.Option(None, "--segment", help="With --by segment: its name or number."),
    as_json: bool = _AS_JSON,
) -> None:
    """Tell a campaign's figures by the parts of its people; each part adds up.

    Example: joren campaign breakdown "Second visit" --by store
    """
    with failing_clearly():
        asked = _read_by(by)

    async def work(services: Services) -> CampaignBreakdown:
        found = await find_campaign(services.campaign_desk, campaign)
        segment_id = (await find_segment(services.segment_runs, segment)).segment.id if segment is not None else None
        return await services.campaign_breakdowns.report(found.campaign_id, asked, segment_id=segment_id)

    told = run(work)
    if as_json:
        print_json(told)
        return
    if told.dropped:
        typer.echo("The events of its days were dropped (JOREN_HISTORY_MONTHS), so nobody can count them now.")
    for each in told.slices:
        typer.echo(_slice(each))


def _read_by(by: str) -> By:
    for each in BREAKDOWNS:
        if each == by:
            return each
    raise BadInput(f"A report is parted by {', '.join(BREAKDOWNS)}.", field="by")


def _slice(each: Slice) -> str:
    results = each.results
    head = f"{each.label or '(unknown)':<20} {each.people.targeted:>9,} people, {each.people.accepted:,} accepted"
    rates = [f"{one.name} {_rate(one.arm.rate)}" for one in (*results.variants, results.control) if one.arm.customers]
    differences = [
        f"{one.effect.difference * 100:+.1f} pt{_interval(one.effect.interval)}"
        for one in results.comparisons
        if one.effect.difference is not None
    ]
    return "; ".join([head, *rates, *differences])


def _rate(rate: float | None) -> str:
    return "—" if rate is None else f"{rate:.1%}"


def _interval(interval: Interval | None) -> str:
    return "" if interval is None else f" [{interval.low * 100:.1f}, {interval.high * 100:.1f}]"


def calendar(
    first: datetime | None = typer.Option(None, "--from", formats=_DAYS, help="First business day; today unless set."),
    last: datetime | None = typer.Option(None, "--to", formats=_DAYS, help="Last one; four weeks later unless set."),
    as_json: bool = _AS_JSON,
) -> None:
    """Tell what went out on which day and what is planned to.

    Example: joren campaign calendar --from 2026-12-01 --to 2026-12-31
    """

    async def work(services: Services) -> Agenda:
        begin = first.date() if first else (await services.shop.get()).calendar.business_day(services.clock.now())
        return await services.campaign_calendar.agenda(begin, last.date() if last else begin + timedelta(days=27))

    agenda = run(work)
    if as_json:
        print_json(agenda)
        return
    for item in agenda.items:
        count = f", {item.targeted:,} people ({item.control or 0:,} control)" if item.targeted is not None else ""
        mark = "" if item.mark is Mark.SENT else f" ({item.mark})"
        typer.echo(f"{item.day}  {item.at:%H:%M} UTC  {item.campaign_id:>4} {item.name}{mark}{count}")
    for one in agenda.standing:
        typer.echo(f"always      {one.campaign_id:>4} {one.name}: begins by {one.kind}, {one.state}")
    if not agenda.items and not agenda.standing:
        typer.echo("Nothing went out in these days, and nothing is planned.")


def fatigue(
    weeks: int = typer.Option(8, "--weeks", help="Spans of seven days, the last of which ends today."),
    as_json: bool = _AS_JSON,
) -> None:
    """Tell how many pushes people get in a week, and who took back the yes after one.

    Example: joren campaign fatigue --weeks 12
    """

    async def work(services: Services) -> Fatigue:
        return await services.campaign_calendar.fatigue(weeks=weeks)

    seen = run(work)
    if as_json:
        print_json(seen)
        return
    typer.echo(f"{seen.reachable:,} people may get pushes. People by pushes in the seven days up to:")
    for week in seen.weeks:
        counts = "  ".join(f"{number}: {people:,}" for number, people in enumerate(week.people[:-1]))
        typer.echo(
            f"{week.last}  {counts}  {len(week.people) - 1}+: {week.people[-1]:,}   "
            f"took back the yes {week.opted_out:,}, after a push {week.after_push:,}"
        )
    for each in seen.campaigns:
        control = f", control {each.control_out:,} of {each.control:,}" if each.control else ""
        typer.echo(f"{each.campaign_id:>4} {each.name}: {each.treated_out:,} of {each.treated:,} took it back{control}")


_STANDINGS = {
    Standing.OFF: "Nobody is held out of all campaigns: switch it on with joren shop set global_holdout_percent=5",
    Standing.CHANGED: "The share or the draw was changed in this period, so the groups were not the same throughout.",
    Standing.RUNNING: "The period is not closed: figures come at its end, so that looking early spoils nothing.",
    Standing.DROPPED: "Events of its days were dropped (JOREN_HISTORY_MONTHS), so nobody can count them now.",
}


def global_holdout(
    period: str | None = typer.Option(
        None, "--period", help="A month (2026-10) or a quarter (2026-Q3); the last month."
    ),
    as_json: bool = _AS_JSON,
) -> None:
    """Tell what all campaigns do together: who is held out of all of them, beside everyone else.

    Example: joren campaign global-holdout --period 2026-Q3
    """

    async def work(services: Services) -> Programme:
        return await services.programme_reports.report(period)

    told = run(work)
    if as_json:
        print_json(told)
        return
    typer.echo(f"{told.first} to {told.last}, {told.percent:g} % held out of all campaigns")
    for line in _programme(told):
        typer.echo(line)


def _programme(told: Programme) -> list[str]:
    lines = [_STANDINGS[told.standing]] if told.standing in _STANDINGS else []
    for offer in told.offers:
        effect = (
            "nothing"
            if offer.smallest_effect is None
            else f"a rise of {offer.smallest_effect * 100:.1f} points or more"
        )
        lines.append(f"  {offer.percent:>4g} % would show {effect} in the share that buys")
    if told.composition is not None:
        sizes = f"{told.composition.treated:,} people, {told.composition.held_out:,} held out"
        wrong = "" if told.composition.sound else ": not what the draw makes, so nothing is compared (see how-to)"
        lines.append(f"Groups: {sizes}, surprise {told.composition.surprise:.3g}{wrong}")
    if told.verdict is not None:
        lines.append(f"Verdict on the share that buys: {told.verdict}")
    return [*lines, *map(_measure, told.comparisons)]


def _measure(one: Comparison) -> str:
    scale, unit = (100, " pt") if one.measure in RATES else (1, " each")
    figures = [value * scale for value in (one.treated, one.held_out, one.difference)]
    span = "" if one.interval is None else f" [{one.interval.low * scale:+.2f}, {one.interval.high * scale:+.2f}]"
    return f"  {one.measure:<10} {figures[0]:>10,.2f} against {figures[1]:>10,.2f}: {figures[2]:+.2f}{unit}{span}"
