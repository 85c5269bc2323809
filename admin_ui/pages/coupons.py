"""クーポン: the book with its numbers, one coupon with everybody who has it, the form, and giving it out."""

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath

from admin_ui import coupon_views as views
from admin_ui.forms import Errors, Form
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import BadInput, Conflict, NotFound
from backend.services.coupons.issuing import Issue
from segments.coupons import CouponState, Flag

SIZE = 50
LARGEST_FILE = 64 * 1024**2
"""Bytes of a form with a file of member numbers."""


@get("/coupons", opt={"allow": Allow.VIEWER})
async def list_coupons(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """Every coupon with what became of it."""
    archived, wanted = page.query("archived") == "1", page.query("q").casefold()
    book = await services.coupon_book.list(archived=archived)
    shown = [
        each for each in book if wanted in f"{each.coupon_id} {each.draft.title_ja} {each.draft.title_en}".casefold()
    ]
    numbers, as_of = await services.coupon_ledger.numbers([each.coupon_id for each in shown])
    return page.show(
        "coupons/list.html",
        listed=list(zip(shown, numbers, strict=True)),
        total=len(book),
        archived=archived,
        wanted=page.query("q"),
        today=await services.rank_desk.today(),
        audiences=views.AUDIENCES,
        as_of=as_of,
    )


@get("/coupons/new", opt={"allow": Allow.MARKETER})
async def new_coupon(page: NamedDependency[Page]) -> Response[Any]:
    """An empty form."""
    return _form(page, views.blank(), new=True)


@post("/coupons", opt={"allow": Allow.MARKETER})
async def create_coupon(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Keep a new coupon."""
    return await _keep(page, services, views.typed(form), new=True)


@get("/coupons/{coupon_id:str}", opt={"allow": Allow.VIEWER})
async def show_coupon(
    page: NamedDependency[Page], services: NamedDependency[PageServices], coupon_id: FromPath[str]
) -> Response[Any]:
    """One coupon: what became of it, who has it, to whom it was given."""
    return await _detail(page, services, coupon_id)


@get("/coupons/{coupon_id:str}/edit", opt={"allow": Allow.MARKETER})
async def edit_coupon(
    page: NamedDependency[Page], services: NamedDependency[PageServices], coupon_id: FromPath[str]
) -> Response[Any]:
    """The form with what stands."""
    return _form(page, views.written((await services.coupon_book.get(coupon_id)).draft), new=False)


@post("/coupons/{coupon_id:str}", opt={"allow": Allow.MARKETER})
async def save_coupon(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    coupon_id: FromPath[str],
) -> Response[Any]:
    """Keep what was changed."""
    return await _keep(page, services, views.typed(form) | {"coupon_id": coupon_id}, new=False)


@post("/coupons/{coupon_id:str}/archive", opt={"allow": Allow.MARKETER})
async def archive_coupon(
    page: NamedDependency[Page], services: NamedDependency[PageServices], coupon_id: FromPath[str]
) -> Response[Any]:
    """Put a coupon away."""
    await services.coupon_book.archive(coupon_id, actor=page.administrator.email)
    return page.go("/coupons", "archived")


@post("/coupons/{coupon_id:str}/restore", opt={"allow": Allow.MARKETER})
async def restore_coupon(
    page: NamedDependency[Page], services: NamedDependency[PageServices], coupon_id: FromPath[str]
) -> Response[Any]:
    """Take it back."""
    await services.coupon_book.restore(coupon_id, actor=page.administrator.email)
    return page.go(f"/coupons/{coupon_id}", "saved")


@post("/coupons/{coupon_id:str}/issues", opt={"allow": Allow.MARKETER}, request_max_body_size=LARGEST_FILE)
async def issue_coupon(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    coupon_id: FromPath[str],
) -> Response[Any]:
    """Give it to named members, to a segment, or to those in a file."""
    try:
        await _issue(page, services, form, coupon_id)
    except (BadInput, Conflict, NotFound) as error:
        errors = {"issue": views.refusal(error, page.say).popitem()[1]}
        fields = {name: form.text(name) for name in ("to", "user_ids", "segment_id")}
        return await _detail(page, services, coupon_id, fields=fields, errors=errors)
    return page.go(f"/coupons/{coupon_id}", "issuing")


async def _keep(page: Page, services: PageServices, fields: Mapping[str, str], *, new: bool) -> Response[Any]:
    draft, errors = views.read(fields, page.say)
    if not errors:
        keep = services.coupon_book.create if new else services.coupon_book.save
        try:
            await keep(draft, actor=page.administrator.email)
            return page.go(f"/coupons/{draft.coupon_id}", "created" if new else "saved")
        except (BadInput, Conflict) as error:
            errors = views.refusal(error, page.say)
    return _form(page, fields, new=new, errors=errors)


async def _issue(page: Page, services: PageServices, form: Form, coupon_id: str) -> Issue:
    issues, actor = services.coupon_issues, page.administrator.email
    match form.text("to"):
        case "segment":
            return await issues.to_segment(coupon_id, form.whole("segment_id") or 0, actor=actor)
        case "file":
            file = (await page.request.form()).get("file")
            if not isinstance(file, UploadFile) or not file.filename:
                raise BadInput("Choose a file.", code="no_file")
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"people{Path(file.filename).suffix.lower() or '.csv'}"
                await asyncio.to_thread(_lay_down, file, path)
                return await issues.from_file(coupon_id, path, actor=actor, name=file.filename)
        case _:
            named = form.text("user_ids").replace("、", " ").replace(",", " ").split()
            return await issues.to_people(coupon_id, named, actor=actor)


def _lay_down(file: UploadFile, path: Path) -> None:
    with path.open("wb") as target:
        shutil.copyfileobj(file.file, target)


async def _detail(
    page: Page,
    services: PageServices,
    coupon_id: str,
    *,
    fields: Mapping[str, str] | None = None,
    errors: Errors | None = None,
) -> Response[Any]:
    stored = await services.coupon_book.get(coupon_id)
    state, flag = page.query("state"), page.query("flag")
    number = page.number("page", 1, most=100_000)
    (numbers,), as_of = await services.coupon_ledger.numbers([coupon_id])
    pairs = await services.coupon_ledger.pairs(
        coupon_id,
        state=state if state in list(CouponState) else None,
        flag=flag if flag in list(Flag) else None,
        page=number,
        size=SIZE,
    )
    used_in = {each.store_id for each in numbers.stores} | {*stored.draft.stores}
    stores = await services.coupon_book.store_names([store for store in used_in if store])
    issues = await services.coupon_issues.list(coupon_id, limit=20)
    segments = await services.segment_runs.stored() if page.administrator.role != "viewer" else []
    return page.show(
        "coupons/detail.html",
        status=422 if errors else 200,
        stored=stored,
        numbers=numbers,
        flow=views.flow(numbers, page.say),
        as_of=as_of,
        pairs=pairs,
        page_number=number,
        page_count=max(1, -(-pairs.total // SIZE)),
        state=state,
        flag=flag,
        states=views.STATES,
        flags=views.FLAGS,
        targets=views.TARGETS,
        audiences=views.AUDIENCES,
        issues=issues,
        store_names=stores,
        segments={each.segment.id: each.segment.name for each in segments},
        today=await services.rank_desk.today(),
        fields=fields or {"to": "people", "user_ids": "", "segment_id": ""},
        errors=errors or {},
    )


def _form(page: Page, fields: Mapping[str, str], *, new: bool, errors: Errors | None = None) -> Response[Any]:
    return page.show(
        "coupons/form.html",
        status=422 if errors else 200,
        fields=fields,
        new=new,
        audiences=views.AUDIENCES,
        errors=errors or {},
    )


ROUTES = (
    list_coupons,
    new_coupon,
    create_coupon,
    show_coupon,
    edit_coupon,
    save_coupon,
    archive_coupon,
    restore_coupon,
    issue_coupon,
)
