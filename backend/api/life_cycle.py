"""Life-cycle thresholds for server programs: versions, a new one, and the way back to the shop's own history."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from backend.api.guards import actor_of, requires
from backend.services.life_cycle import LONGEST, LifeCycle, Stored
from segments.metrics.thresholds import Thresholds

_READ = requires("shop:read")
_WRITE = requires("shop:write")
_Days = Annotated[int, msgspec.Meta(ge=1, le=LONGEST)]


class ThresholdWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Days without a purchase beyond which a customer is at risk, dormant, churned: ``t1`` < ``t2`` < ``t3``."""

    t1: _Days
    t2: _Days
    t3: _Days


class ThresholdAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One version. ``derived``: drawn from the shop's own gaps, by a worker or by a person's wish."""

    thresholds: Thresholds
    derived: bool
    saved_at: datetime
    saved_by: str
    in_force: bool


class ThresholdController(Controller):
    """After how many days without a purchase customers count as at risk, dormant, churned."""

    path = "/shop/thresholds"
    tags = ("shop",)

    @get("/", guards=[_READ], summary="List the versions of the life-cycle thresholds")
    async def list_versions(self, life_cycle: NamedDependency[LifeCycle]) -> list[ThresholdAnswer]:
        """The latest first; the first one is in force. None where none is kept yet."""
        return [_answer(each, in_force=place == 0) for place, each in enumerate((await life_cycle.versions())[::-1])]

    @post("/", guards=[_WRITE], summary="Set the life-cycle thresholds")
    async def set_thresholds(
        self, request: Request[Any, Any, Any], data: JSONBody[ThresholdWords], life_cycle: NamedDependency[LifeCycle]
    ) -> ThresholdAnswer:
        """They hold for windows that begin today or later, until others are set or history decides again."""
        made = await life_cycle.set(data.t1, data.t2, data.t3, actor=actor_of(request))
        return _answer(made, in_force=True)

    @post("/from-history", guards=[_WRITE], summary="Let history decide the life-cycle thresholds")
    async def follow_history(
        self, request: Request[Any, Any, Any], life_cycle: NamedDependency[LifeCycle]
    ) -> ThresholdAnswer:
        """From today on they are drawn from the shop's own gaps, anew every month."""
        return _answer(await life_cycle.follow_history(actor=actor_of(request)), in_force=True)


def _answer(one: Stored, *, in_force: bool) -> ThresholdAnswer:
    return ThresholdAnswer(
        thresholds=one.thresholds,
        derived=one.derived,
        saved_at=one.saved_at,
        saved_by=one.saved_by,
        in_force=in_force,
    )
