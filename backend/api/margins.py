"""Gross margin rates for server programs: versions, and a new one."""

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from backend.api.guards import actor_of, requires
from backend.services.margins import MOST, Margins, Stored
from segments.metrics.margin_rates import WHOLE

_READ = requires("shop:read")
_WRITE = requires("shop:write")
_Rate = Annotated[int, msgspec.Meta(ge=0, le=WHOLE)]


class MarginWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rates in basis points of net sales: 2250 is 22.5 %. ``valid_from``: the first business day, today unless set."""

    default: _Rate | None = None
    categories: Annotated[dict[str, _Rate], msgspec.Meta(max_length=MOST)] = {}
    valid_from: date | None = None


class MarginAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One version."""

    version: int
    valid_from: date
    default: int | None
    categories: dict[str, int]
    saved_at: datetime
    saved_by: str
    in_force: bool


class MarginController(Controller):
    """What share of net sales is gross margin, by product category and for the rest."""

    path = "/shop/margins"
    tags = ("shop",)

    @get("/", guards=[_READ], summary="List the versions of the margin rates")
    async def list_versions(self, margins: NamedDependency[Margins]) -> list[MarginAnswer]:
        """The one that begins last first. None where no margin is known."""
        held = await margins.in_force()
        return [_answer(each, held) for each in (await margins.versions())[::-1]]

    @post("/", guards=[_WRITE], summary="Add a version of the margin rates")
    async def add_version(
        self, request: Request[Any, Any, Any], data: JSONBody[MarginWords], margins: NamedDependency[Margins]
    ) -> MarginAnswer:
        """Sales from ``valid_from`` on go by it, until the day on which a later version begins."""
        made = await margins.add(
            default=data.default, categories=data.categories, valid_from=data.valid_from, actor=actor_of(request)
        )
        return _answer(made, await margins.in_force())


def _answer(one: Stored, held: Stored | None) -> MarginAnswer:
    rates = one.rates
    return MarginAnswer(
        version=rates.version,
        valid_from=rates.valid_from,
        default=rates.default,
        categories=dict(rates.categories),
        saved_at=one.saved_at,
        saved_by=one.saved_by,
        in_force=held is not None and held.rates.version == rates.version,
    )
