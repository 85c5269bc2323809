"""The calendar of campaigns and the view on how often people are written to."""

from datetime import date, timedelta

import asyncpg

from backend.clock import Clock
from backend.errors import BadInput
from backend.services.campaign_desk.rows import draft_of
from backend.store import campaign_figures as figures
from backend.store import campaigns as store
from backend.store import shop as shop_store
from backend.store.pool import Connection
from campaigns.agenda import Agenda, AgendaItem, Known, Mark, listening, planned
from campaigns.campaign import State
from campaigns.fatigue import Fatigue, opt_outs, weeks_of
from campaigns.shop import ShopSettings

LONGEST = 100
"""Days of a calendar that can be asked for at once."""
MOST_WEEKS = 26


class CampaignCalendar:
    """What goes out when, and how much of it people get."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def agenda(self, first: date, last: date) -> Agenda:
        """What went out on which business day, and what is planned to; both days included.

        Raises:
            BadInput: a span that ends before it begins, or is longer than `LONGEST` days.
        """
        if not 0 <= (last - first).days < LONGEST:
            raise BadInput(f"Ask for 1 to {LONGEST} days.", code="bad_span", field="to")
        now = self._clock.now()
        async with self._pool.acquire() as connection:
            settings = await shop_store.read_settings(connection)
            rows = [row for row in await store.list_all(connection) if row["archived_at"] is None]
            campaigns = {row["campaign_id"]: _known(row) for row in rows}
            sent = await _sent(connection, campaigns, settings, first, last)
        coming = [
            item
            for item in planned(campaigns.values(), now=now, last=last, calendar=settings.calendar)
            if first <= item.day <= last
        ]
        return Agenda(
            first=first,
            last=last,
            items=tuple(sorted([*sent, *coming], key=lambda item: (item.day, item.at, item.campaign_id))),
            standing=tuple(listening(campaigns.values())),
        )

    async def fatigue(self, *, weeks: int = 8) -> Fatigue:
        """Pushes a person and week, and yeses taken back after sends, of the last weeks.

        Raises:
            BadInput: no weeks, or more than `MOST_WEEKS`.
        """
        if not 1 <= weeks <= MOST_WEEKS:
            raise BadInput(f"Ask for 1 to {MOST_WEEKS} weeks.", code="bad_span", field="weeks")
        async with self._pool.acquire() as connection:
            settings = await shop_store.read_settings(connection)
            today = settings.calendar.business_day(self._clock.now())
            until = settings.calendar.start_of(today + timedelta(days=1))
            since = until - timedelta(weeks=weeks)
            pushes = await figures.count_pushes_by_week(connection, since=since, until=until)
            outs = await figures.count_optouts_by_week(connection, since=since, until=until)
            reachable = await figures.count_reachable(connection, rule=settings.consent_rule)
            by_campaign = await figures.count_optouts_by_campaign(connection, since=since, until=until)
        return Fatigue(
            weeks=weeks_of(
                [(row["week"], row["pushes"], row["people"]) for row in pushes],
                {row["week"]: (row["people"], row["after_push"]) for row in outs},
                reachable=reachable,
                last=today,
                weeks=weeks,
            ),
            campaigns=opt_outs(
                [(row["campaign_id"], row["name"], row["arm"], row["people"], row["opted_out"]) for row in by_campaign]
            ),
            reachable=reachable,
            cap_24h=settings.cap_24h,
            cap_7d=settings.cap_7d,
        )


async def _sent(
    connection: Connection, campaigns: dict[int, Known], settings: ShopSettings, first: date, last: date
) -> list[AgendaItem]:
    rows = await figures.list_sent_days(
        connection,
        since=settings.calendar.start_of(first),
        until=settings.calendar.start_of(last + timedelta(days=1)),
        zone=settings.zone,
        day_starts=settings.day_starts,
    )
    return [_item(row, campaigns[row["campaign_id"]]) for row in rows if row["campaign_id"] in campaigns]


def _item(row: asyncpg.Record, campaign: Known) -> AgendaItem:
    return AgendaItem(
        campaign_id=campaign.campaign_id,
        name=campaign.name,
        kind=campaign.draft.kind,
        state=campaign.state,
        mark=Mark.SENT,
        day=row["day"],
        at=row["planned_at"],
        targeted=row["targeted"],
        control=row["control"],
    )


def _known(row: asyncpg.Record) -> Known:
    return Known(campaign_id=row["campaign_id"], name=row["name"], state=State(row["state"]), draft=draft_of(row))
