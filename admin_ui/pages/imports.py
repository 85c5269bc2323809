"""データ → 取り込み: files are uploaded, their columns named, looked at, taken in and followed."""

from typing import Any
from urllib.parse import quote

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import File

from admin_ui import import_views
from admin_ui.forms import Form
from admin_ui.page import Page
from admin_ui.pages.settings import CURRENCIES, ZONES
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import BadInput, Conflict, NotFound, Unavailable
from backend.services.imports.uploads import Upload
from backend.services.imports.values import Choices, FileLook, Preview
from segments.errors import FactsError
from segments.import_fields import FIELDS, Kind

LARGEST_BODY = 1024**3 + 1024**2
"""Bytes of the form with the largest file that is taken."""

MONEY = frozenset({Kind.ORDERS, Kind.PRODUCTS})
TIMES = frozenset({Kind.ORDERS, Kind.CUSTOMERS, Kind.EVENTS})
_OPEN = frozenset({"uploaded", "failed"})
_MOVING = frozenset({"waiting", "running"})


@get("/data/imports", opt={"allow": Allow.VIEWER})
async def list_imports(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """What was imported, and the form for a new file."""
    return await _list(page, services)


@post("/data/imports", opt={"allow": Allow.MARKETER}, request_max_body_size=LARGEST_BODY)
async def upload_file(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Lay a file down and lead to its columns."""
    kind, file = form.text("kind"), (await page.request.form()).get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        return await _list(page, services, kind=kind, error=page.say("Choose a file."))
    try:
        actor = page.administrator.email
        number = await services.import_desk.accept(kind, file.filename, file.file, actor=actor)  # type: ignore[arg-type] # a spooled file reads as one
    except (BadInput, NotFound, Unavailable) as error:
        return await _list(page, services, kind=kind, error=import_views.trouble(error, None, page.say))
    finally:
        await file.close()
    return page.go(f"/data/imports/{number}")


@get("/data/imports/{upload_id:int}", opt={"allow": Allow.MARKETER})
async def show_import(
    page: NamedDependency[Page], services: NamedDependency[PageServices], upload_id: FromPath[int]
) -> Response[Any]:
    """The columns of a file that is still to go, the progress of one that goes, the report of one that went."""
    upload = await services.import_desk.get(upload_id)
    if upload.state in _OPEN and upload.kept:
        return await _edit(page, services, upload, upload.choices)
    return page.show("data/import.html", **_followed(page, upload))


@post("/data/imports/{upload_id:int}/preview", opt={"allow": Allow.MARKETER}, status_code=200)
async def preview_import(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    upload_id: FromPath[int],
) -> Response[Any]:
    """How the file would be read with these choices."""
    upload = await services.import_desk.get(upload_id)
    return await _edit(page, services, upload, import_views.read_choices(form))


@post("/data/imports/{upload_id:int}/start", opt={"allow": Allow.MARKETER})
async def start_import(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    upload_id: FromPath[int],
) -> Response[Any]:
    """Have the file taken in."""
    choices = import_views.read_choices(form)
    try:
        await services.import_desk.start(upload_id, choices, actor=page.administrator.email)
    except (BadInput, FactsError):  # the form says what is wrong
        return await _edit(page, services, await services.import_desk.get(upload_id), choices)
    except Conflict:  # somebody was quicker: the page shows how far it is
        pass
    return page.go(f"/data/imports/{upload_id}")


@get("/data/imports/{upload_id:int}/progress", opt={"allow": Allow.MARKETER})
async def show_progress(
    page: NamedDependency[Page], services: NamedDependency[PageServices], upload_id: FromPath[int]
) -> Response[Any]:
    """How far it is, for a page that is being watched; when it is over, the page is loaded anew."""
    upload = await services.import_desk.get(upload_id)
    answer = page.show("data/_import_progress.html", **_followed(page, upload))
    if upload.state not in _MOVING:
        answer.headers["HX-Refresh"] = "true"
    return answer


@get("/data/imports/{upload_id:int}/rejects", opt={"allow": Allow.MARKETER})
async def download_rejects(
    page: NamedDependency[Page], services: NamedDependency[PageServices], upload_id: FromPath[int]
) -> Response[Any]:
    """The rejected rows, to be corrected and imported again."""
    path, name = await services.import_desk.rejects(upload_id, actor=page.administrator.email)
    plain = f"rejects-{upload_id}{path.suffix}"
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    media = "text/csv; charset=utf-8" if path.suffix == ".csv" else "application/x-ndjson"
    return File(path, media_type=media, headers={"content-disposition": disposition})


@post("/data/imports/{upload_id:int}/remove", opt={"allow": Allow.MARKETER})
async def remove_file(
    page: NamedDependency[Page], services: NamedDependency[PageServices], upload_id: FromPath[int]
) -> Response[Any]:
    """Remove an uploaded file; what was imported stays."""
    await services.import_desk.remove(upload_id, actor=page.administrator.email)
    return page.go("/data/imports", "removed")


async def _list(page: Page, services: PageServices, *, kind: str = "", error: str = "") -> Response[Any]:
    return page.show(
        "data/imports.html",
        status=422 if error else 200,
        imports=await services.import_desk.list(),
        kinds=import_views.KINDS,
        states=import_views.STATES,
        chosen=kind or Kind.ORDERS,
        error=error,
    )


async def _edit(page: Page, services: PageServices, upload: Upload, choices: Choices) -> Response[Any]:
    """The form of the columns with what would come of them; alone where htmx asks."""
    look: FileLook | None = None
    preview: Preview | None = None
    error = import_views.told(upload.error_code or "", upload.error or "", page.say) if upload.error else ""
    try:
        look = await services.import_desk.look(upload.upload_id, choices)
        choices = import_views.settled(choices, look)
        preview = await services.import_desk.preview(upload.upload_id, choices)
    except (BadInput, NotFound, FactsError) as refused:
        error = import_views.trouble(refused, upload.kind, page.say)
    shop = await services.shop.get()
    return page.show(
        "data/_import_form.html" if page.fragment else "data/import_form.html",
        status=422 if error and page.request.method == "POST" and not page.fragment else 200,
        upload=upload,
        kind=import_views.KINDS[upload.kind],
        look=look,
        preview=preview,
        error=error,
        choices=choices,
        columns=import_views.column_choices(upload.kind, look, choices) if look else [],
        fields=FIELDS[upload.kind],
        headings=import_views.headings(preview, page.say) if preview else [],
        reasons=import_views.reasons(preview.rejected, page.say) if preview else [],
        why=lambda reason: import_views.reasons({reason: 1}, page.say)[0][0],
        encodings=import_views.ENCODINGS,
        delimiters=import_views.DELIMITERS,
        currencies=(shop.currency, *(code for code in CURRENCIES if code != shop.currency)) if upload.kind in MONEY else (),
        zones=(shop.zone, *(zone for zone in ZONES if zone != shop.zone)) if upload.kind in TIMES else (),
    )  # fmt: skip


def _followed(page: Page, upload: Upload) -> dict[str, Any]:
    rejected = upload.report.rejected if upload.report else {}
    return {
        "upload": upload,
        "kind": import_views.KINDS[upload.kind],
        "state": import_views.STATES[upload.state],
        "moving": upload.state in _MOVING,
        "step": import_views.STEPS.get(upload.step, upload.step),
        "reasons": import_views.reasons(rejected, page.say),
        "rejected": sum(rejected.values()),
        "error": import_views.told(upload.error_code or "", upload.error or "", page.say),
        "mapping": [
            (column, import_views.field_label(upload.kind, field, page.say))
            for field, column in import_views.in_order(upload.kind, upload.report.mapping if upload.report else {})
        ],
    }


ROUTES = (
    list_imports,
    upload_file,
    show_import,
    preview_import,
    start_import,
    show_progress,
    download_rejects,
    remove_file,
)
