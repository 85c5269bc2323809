"""Coupons for server programs: the book, giving them out, and what became of them."""

import asyncio
import tempfile
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, PathParameter, QueryParameter

from backend.api.guards import actor_of, requires
from backend.api.parameters import Id, Size
from backend.errors import BadInput
from backend.services.coupons.book import CouponBook
from backend.services.coupons.issuing import MOST_NAMED, CouponIssues, Issue
from backend.services.coupons.ledger import CouponLedger, PairPage
from segments.coupon_answer import CouponAnswer, coupon_answer
from segments.coupon_book import MOST_DAYS, MOST_USES, CouponDraft
from segments.coupon_ledger import CouponNumbers

_READ = requires("coupons:read")
_WRITE = requires("coupons:write")

CouponId = Annotated[str, PathParameter(description="What events call the coupon.")]
IssueNumber = Annotated[int, PathParameter(ge=1, le=2**63 - 1)]
Page = Annotated[int, QueryParameter(ge=1, le=1_000_000)]


class CouponWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A coupon as you define it.

    Attributes:
        title: in Japanese.
        title_en: in English; as in Japanese where it is left out.
        audience: "issued" to those to whom it is given, or "public".
        valid_from: first business day on which it can be used.
        valid_until: last one.
        valid_days: so many days after its issue, the last one included.
        stores: where it is valid; everywhere where none is named.
        uses_per_person: how often one person may use it; without a limit where it is left out.
    """

    title: str
    title_en: str = ""
    description: str = ""
    description_en: str = ""
    audience: str = "issued"
    valid_from: date | None = None
    valid_until: date | None = None
    valid_days: Annotated[int, msgspec.Meta(ge=1, le=MOST_DAYS)] | None = None
    stores: list[Id] = []
    uses_per_person: Annotated[int, msgspec.Meta(ge=1, le=MOST_USES)] | None = None

    def draft(self, coupon_id: str) -> CouponDraft:
        """The definition under an id."""
        return CouponDraft(
            coupon_id=coupon_id,
            title_ja=self.title,
            title_en=self.title_en,
            audience=self.audience,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            valid_days=self.valid_days,
            stores=tuple(self.stores),
            uses_per_person=self.uses_per_person,
            description_ja=self.description,
            description_en=self.description_en,
        )


class NewCoupon(CouponWords, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A coupon to make; ``coupon_id`` is what events call it."""

    coupon_id: Id


class NumbersAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a coupon's pairs; ``issued`` = ``used`` + ``open`` + ``expired``."""

    numbers: CouponNumbers
    as_of: datetime


class Recipients(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """To whom a coupon is given: people by your own numbers, or the members of a segment."""

    user_ids: Annotated[list[Id], msgspec.Meta(max_length=MOST_NAMED)] | None = None
    segment_id: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)] | None = None


class CouponController(Controller):
    """Coupons: definitions, issues, and the ledger of pairs (customer, coupon)."""

    path = "/coupons"
    tags = ("coupons",)

    @get("/", guards=[_READ], summary="List coupons")
    async def list_coupons(
        self, *, coupon_book: NamedDependency[CouponBook], archived: FromQuery[bool] = False
    ) -> list[CouponAnswer]:
        """Those that end last first; archived ones, last, only on request."""
        return [coupon_answer(each) for each in await coupon_book.list(archived=archived)]

    @post("/", guards=[_WRITE], summary="Define a coupon")
    async def create_coupon(
        self, request: Request[Any, Any, Any], data: JSONBody[NewCoupon], coupon_book: NamedDependency[CouponBook]
    ) -> CouponAnswer:
        """Keep a new coupon."""
        return coupon_answer(await coupon_book.create(data.draft(data.coupon_id), actor=actor_of(request)))

    @get("/{coupon_id:str}", guards=[_READ], summary="Read a coupon")
    async def get_coupon(self, coupon_id: CouponId, coupon_book: NamedDependency[CouponBook]) -> CouponAnswer:
        """Its definition."""
        return coupon_answer(await coupon_book.get(coupon_id))

    @put("/{coupon_id:str}", guards=[_WRITE], summary="Change a coupon")
    async def save_coupon(
        self,
        request: Request[Any, Any, Any],
        coupon_id: CouponId,
        data: JSONBody[CouponWords],
        coupon_book: NamedDependency[CouponBook],
    ) -> CouponAnswer:
        """Define it anew, whole. Issues of before keep their last day."""
        return coupon_answer(await coupon_book.save(data.draft(coupon_id), actor=actor_of(request)))

    @post("/{coupon_id:str}/archive", guards=[_WRITE], status_code=200, summary="Archive a coupon")
    async def archive_coupon(
        self, request: Request[Any, Any, Any], coupon_id: CouponId, coupon_book: NamedDependency[CouponBook]
    ) -> CouponAnswer:
        """Nobody gets it any more; those who hold it can use it as before."""
        return coupon_answer(await coupon_book.archive(coupon_id, actor=actor_of(request)))

    @post("/{coupon_id:str}/restore", guards=[_WRITE], status_code=200, summary="Take an archived coupon back")
    async def restore_coupon(
        self, request: Request[Any, Any, Any], coupon_id: CouponId, coupon_book: NamedDependency[CouponBook]
    ) -> CouponAnswer:
        """It can be issued again."""
        return coupon_answer(await coupon_book.restore(coupon_id, actor=actor_of(request)))

    @get("/{coupon_id:str}/numbers", guards=[_READ], summary="Count what became of a coupon")
    async def count_coupon(
        self,
        coupon_id: CouponId,
        coupon_book: NamedDependency[CouponBook],
        coupon_ledger: NamedDependency[CouponLedger],
    ) -> NumbersAnswer:
        """Pairs issued, used, open and expired, uses by store, and what is odd about uses."""
        stored = await coupon_book.get(coupon_id)
        (numbers,), as_of = await coupon_ledger.numbers([stored.coupon_id])
        return NumbersAnswer(numbers=numbers, as_of=as_of)

    @get("/{coupon_id:str}/pairs", guards=[_READ], summary="List who has a coupon")
    async def list_pairs(
        self,
        *,
        coupon_id: CouponId,
        coupon_book: NamedDependency[CouponBook],
        coupon_ledger: NamedDependency[CouponLedger],
        in_state: Annotated[str | None, QueryParameter(name="state")] = None,
        flag: FromQuery[str | None] = None,
        page: Page = 1,
        size: Size = 50,
    ) -> PairPage:
        """The ledger, those issued last first.

        ``state`` is held, used or expired; ``flag`` is over_limit, late, early, wrong_store or not_issued.
        """
        await coupon_book.get(coupon_id)
        return await coupon_ledger.pairs(coupon_id, state=in_state, flag=flag, page=page, size=size)

    @post("/{coupon_id:str}/issues", guards=[_WRITE], status_code=202, summary="Issue a coupon")
    async def issue_coupon(
        self,
        request: Request[Any, Any, Any],
        coupon_id: CouponId,
        data: JSONBody[Recipients],
        coupon_issues: NamedDependency[CouponIssues],
    ) -> Issue:
        """Give it to people or to a segment. The worker writes the events within seconds; the issue tells how far it is."""
        if (data.user_ids is None) == (data.segment_id is None):
            raise BadInput("Name either user_ids or segment_id.", field="user_ids")
        if data.segment_id is not None:
            return await coupon_issues.to_segment(coupon_id, data.segment_id, actor=actor_of(request))
        return await coupon_issues.to_people(coupon_id, data.user_ids or [], actor=actor_of(request))

    @post("/{coupon_id:str}/issues/file", guards=[_WRITE], status_code=202, summary="Issue a coupon to those in a file")
    async def issue_coupon_to_file(
        self, request: Request[Any, Any, Any], coupon_id: CouponId, coupon_issues: NamedDependency[CouponIssues]
    ) -> Issue:
        """The body is a CSV file in UTF-8 (with or without BOM) or CP932 with a column of your own numbers."""
        body = await request.body()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "people.csv"
            await asyncio.to_thread(path.write_bytes, body)
            return await coupon_issues.from_file(coupon_id, path, actor=actor_of(request))

    @get("/{coupon_id:str}/issues", guards=[_READ], summary="List the issues of a coupon")
    async def list_issues(
        self,
        coupon_id: CouponId,
        coupon_book: NamedDependency[CouponBook],
        coupon_issues: NamedDependency[CouponIssues],
    ) -> list[Issue]:
        """The latest first."""
        await coupon_book.get(coupon_id)
        return await coupon_issues.list(coupon_id)

    @get("/issues/{issue_id:int}", guards=[_READ], summary="Read an issue")
    async def get_issue(self, issue_id: IssueNumber, coupon_issues: NamedDependency[CouponIssues]) -> Issue:
        """How far it is."""
        return await coupon_issues.get(issue_id)
