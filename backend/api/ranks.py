"""Rank rules for server programs: versions, a new one, and what a draft would do."""

from datetime import date
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from backend.api.guards import actor_of, requires
from backend.services.ranks import LONGEST_NOTE, RankDesk, RankPreview, SavedRules, told
from segments.rank_rules import (
    HIGHEST,
    LONGEST_NAME,
    MONTHS,
    MOST_DATES,
    MOST_DAYS,
    MOST_RANKS,
    Criterion,
    Period,
    Promotion,
    Rank,
    RankRules,
)

_READ = requires("ranks:read")
_WRITE = requires("ranks:write")
_Days = Annotated[int, msgspec.Meta(ge=0, le=MOST_DAYS)]
_Dates = Annotated[list[Annotated[str, msgspec.Meta(max_length=5)]], msgspec.Meta(max_length=MOST_DATES)]


class RankWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rank: its name, and what it asks for of the criterion within the period."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]
    threshold: Annotated[int, msgspec.Meta(ge=0, le=HIGHEST)] = 0


class RankRuleWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rank rules, the lowest rank first; see docs/how-to/ranks.md. Money is in the currency's smallest unit."""

    ranks: Annotated[list[RankWords], msgspec.Meta(min_length=2, max_length=MOST_RANKS)]
    criterion: Criterion = Criterion.AMOUNT
    period: Period = Period.ROLLING
    year_starts: Annotated[int, msgspec.Meta(ge=1, le=MONTHS)] = 4
    promotion: Promotion = Promotion.AT_ONCE
    return_days: _Days = 0
    promotion_dates: _Dates = []
    demotion_dates: _Dates = []
    grace_days: _Days = 0
    floor: str | None = None

    def rules(self) -> RankRules:
        """The rules as a value."""
        return RankRules(
            ranks=tuple(Rank(rank.name, rank.threshold) for rank in self.ranks),
            criterion=self.criterion,
            period=self.period,
            year_starts=self.year_starts,
            promotion=self.promotion,
            return_days=self.return_days,
            promotion_dates=tuple(self.promotion_dates),
            demotion_dates=tuple(self.demotion_dates),
            grace_days=self.grace_days,
            floor=self.floor,
        )


class RankDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rules and since when they hold: today, or the day named."""

    rules: RankRuleWords
    valid_from: date | None = None
    note: Annotated[str, msgspec.Meta(max_length=LONGEST_NOTE)] = ""


class RankController(Controller):
    """Rank rules by version. Ranks of the past stay as they were."""

    path = "/ranks"
    tags = ("ranks",)

    @get("/", guards=[_READ], summary="List the versions of the rank rules")
    async def list_versions(self, rank_desk: NamedDependency[RankDesk]) -> list[SavedRules]:
        """The latest first; ``in_force`` marks the one that holds today."""
        return told(await rank_desk.versions(), await rank_desk.today())

    @post("/", guards=[_WRITE], summary="Save a new version of the rank rules")
    async def save_rules(
        self, request: Request[Any, Any, Any], data: JSONBody[RankDraft], rank_desk: NamedDependency[RankDesk]
    ) -> SavedRules:
        """It holds from today, or from the day named, on."""
        saved = await rank_desk.save(
            data.rules.rules(), valid_from=data.valid_from, note=data.note, actor=actor_of(request)
        )
        return next(
            each for each in told(await rank_desk.versions(), await rank_desk.today()) if each.version == saved.version
        )

    @post("/preview", guards=[_READ], status_code=200, summary="Look at rank rules without saving them")
    async def preview_rules(self, data: JSONBody[RankDraft], rank_desk: NamedDependency[RankDesk]) -> RankPreview:
        """How many people each rank would have, who would rise and who would fall."""
        return await rank_desk.preview(data.rules.rules(), valid_from=data.valid_from)
