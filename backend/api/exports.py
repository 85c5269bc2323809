"""Exports for server programs: order a file, see how far it is, fetch it."""

from datetime import datetime
from typing import Annotated, TypeAlias

import msgspec
from litestar import Controller, Request, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, Parameter
from litestar.response import File

from backend.api.guards import actor_of, caller_of, requires
from backend.errors import Forbidden
from backend.services.exports.desk import Exports
from backend.services.exports.ledger import Export
from segments.exports import ABOUT_PERSONS, Wish

_READ = requires("exports:read")
_WRITE = requires("exports:write")
_PERSONS = "customers:read"

Number: TypeAlias = Annotated[int, Parameter(ge=1, le=2**63 - 1)]


class ExportAnswer(msgspec.Struct, frozen=True):
    """An export and how far it is.

    ``state`` is queued, running, done, failed or gone. ``replaced`` counts characters that CP932 lacks, ``cut`` texts longer
    than a cell of Excel.
    """

    id: int
    wish: Wish
    state: str
    requested_by: str
    requested_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None
    rows: int
    share: float
    bytes: int | None
    replaced: int
    cut: int
    error: str | None


class ExportController(Controller):
    """Files of events, history, customers, campaign reports and KPIs."""

    path = "/exports"
    tags = ("exports",)

    @get("/", guards=[_READ], summary="List the latest exports")
    async def list_exports(self, exports: NamedDependency[Exports]) -> list[ExportAnswer]:
        """The newest first."""
        return [export_answer(each) for each in await exports.list()]

    @post("/", guards=[_WRITE], status_code=202, summary="Order an export")
    async def order_export(
        self, request: Request[None, None, State], data: JSONBody[Wish], exports: NamedDependency[Exports]
    ) -> ExportAnswer:
        """Have a worker write a file; ask for it by its ``id`` until its ``state`` is done.

        Files about persons (events, history, customers) take a key that may read customers as well.
        """
        _require_persons(request, data)
        return export_answer(await exports.order(data, by=actor_of(request)))

    @get("/{export_id:int}", guards=[_READ], summary="Read an export's state")
    async def get_export(self, export_id: FromPath[Number], exports: NamedDependency[Exports]) -> ExportAnswer:
        """How far it is, and what it holds."""
        return export_answer(await exports.get(export_id))

    @get("/{export_id:int}/file", guards=[_READ], summary="Fetch an export's file")
    async def fetch_export(
        self, request: Request[None, None, State], export_id: FromPath[Number], exports: NamedDependency[Exports]
    ) -> File:
        """The file itself, once it is done and until it expires; one about persons also takes ``customers:read``."""
        _require_persons(request, (await exports.get(export_id)).wish)
        found = await exports.fetch(export_id, by=actor_of(request))
        return File(path=found.path, filename=found.name, content_disposition_type="attachment")


def _require_persons(request: Request[None, None, State], wish: Wish) -> None:
    if wish.what in ABOUT_PERSONS and not caller_of(request).may(_PERSONS):
        raise Forbidden(f"An export of {wish.what} takes the scope {_PERSONS} as well.", code="scope_missing")


def export_answer(export: Export) -> ExportAnswer:
    """An export as API and command line tell it."""
    return ExportAnswer(
        id=export.export_id,
        wish=export.wish,
        state=export.state,
        requested_by=export.requested_by,
        requested_at=export.requested_at,
        finished_at=export.finished_at,
        expires_at=export.expires_at,
        rows=export.rows_done,
        share=export.share,
        bytes=export.bytes,
        replaced=export.replaced,
        cut=export.cut,
        error=export.error,
    )
