"""データ → 書き出し: order a file, see how far it is, fetch it."""

from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import File

from admin_ui.error_words import NOT_POSSIBLE, kept_words
from admin_ui.filters import within
from admin_ui.forms import Errors, Form
from admin_ui.i18n import mark
from admin_ui.kpi_words import COMPARISONS
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import BadInput
from backend.services.exports.ledger import Export
from segments.breakdown import BREAKDOWNS, by_name
from segments.events import VOCABULARY
from segments.exports import BadWish, Encoding, FileFormat, What, Wish, check
from segments.metrics.catalog import CATALOG
from segments.periods import SEGMENT

KINDS = {
    What.CUSTOMERS: mark("Members"),
    What.EVENTS: mark("Events"),
    What.HISTORY: mark("History without names"),
    What.KPI: mark("KPIs"),
    What.CAMPAIGN: mark("Campaign report"),
}
"""Kinds of exports, what is wanted most often first."""

EXPLAINED = {
    What.CUSTOMERS: mark("One row a member: who it is, and what is true of the member now."),
    What.EVENTS: mark("Events as they came, as far back as they are kept. The file can be imported again as it is."),
    What.HISTORY: mark("Facts of all events ever, by Joren's own number of the member. Nobody is named."),
    What.KPI: mark("Figures with numerator and denominator, for everyone and for segments."),
    What.CAMPAIGN: mark("A campaign's report, a row a figure."),
}

FORMATS = {FileFormat.CSV: "CSV", FileFormat.XLSX: "Excel", FileFormat.PARQUET: "Parquet"}

ENCODINGS = {
    Encoding.UTF8_BOM: mark("UTF-8 with a mark, for Excel"),
    Encoding.UTF8: mark("UTF-8, for programs"),
    Encoding.CP932: mark("Shift_JIS (CP932), for older software"),
}

STATES = {
    "queued": (mark("waiting"), "hollow"),
    "running": (mark("being written"), "busy"),
    "done": (mark("ready"), "good"),
    "failed": (mark("failed"), "danger"),
    "gone": (mark("removed"), "hollow"),
}
"""How a state is called, and how its badge looks."""

_TEXTS = ("encoding", "first", "last", "source", "by", "compare", "as_of", "members")

_PROBLEMS = {
    "one_day": mark("Give both days, or neither."),
    "day_out_of_range": mark("Days are from 1990 to 2199."),
    "days_turned_round": mark("The last day lies before the first."),
    "no_campaign": mark("Choose the campaign."),
    "too_many": mark("These are too many, or one of them stands twice."),
    "bad_name": mark("A name holds a character that no event can have."),
    "unknown": mark("One of these does not exist."),
}
"""What is wrong with an order, by code."""


@get("/data/exports", opt={"allow": Allow.VIEWER})
async def list_exports(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """The latest exports, and the form for another one."""
    return await _show(page, services, typed=Form(page.request.query_params.multi_items()))


@get("/data/exports/now", opt={"allow": Allow.VIEWER})
async def watch_exports(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """The list alone, as it stands now."""
    return page.show("data/_exports.html", **await _listed(page, services))


@post("/data/exports", opt={"allow": Allow.MARKETER})
async def order_export(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Have a worker write a file."""
    try:
        await services.exports.order(check(_wish(form)), by=page.administrator.email)
    except BadWish as error:
        return await _show(page, services, typed=form, errors={error.field: page.say(_PROBLEMS[error.code])})
    except (BadInput, msgspec.ValidationError):
        return await _show(page, services, typed=form, errors={"form": page.say(NOT_POSSIBLE)})
    return page.go("/data/exports", "ordered")


@get("/data/exports/{export_id:int}/file", opt={"allow": Allow.MARKETER})
async def fetch_export(
    page: NamedDependency[Page], services: NamedDependency[PageServices], export_id: FromPath[int]
) -> File:
    """The file; that it was fetched is written down."""
    found = await services.exports.fetch(export_id, by=page.administrator.email)
    return File(path=found.path, filename=found.name, content_disposition_type="attachment")


def _wish(form: Form) -> Wish:
    """What the form says, empty fields left out.

    Raises:
        msgspec.ValidationError: a value that no picker of ours offers.
    """
    what = form.text("what")
    given: dict[str, Any] = {"what": what, "format": form.text("format", "csv")}
    given |= {name: form.text(name) for name in _TEXTS if form.text(name)}
    given |= {name: form.whole(name) for name in ("segment_id", "campaign_id") if form.text(name)}
    given |= {"names": form.all("names"), "kpis": [slug for slug in form.all("kpis") if slug]}
    given["segment_ids"] = [int(number) for number in form.all("segment_ids") if number.isdecimal()]
    given["personal"] = what != What.CUSTOMERS or form.flag("personal")
    return msgspec.convert(given, Wish, strict=False)


async def _show(page: Page, services: PageServices, *, typed: Form, errors: Errors | None = None) -> Response[Any]:
    what = typed.text("what") if typed.text("what") in list(What) else What.CUSTOMERS
    return page.show(
        "data/exports.html",
        status=422 if errors else 200,
        errors=errors or {},
        typed=typed,
        what=What(what),
        kinds=KINDS,
        explained=EXPLAINED,
        formats=FORMATS,
        encodings=ENCODINGS,
        vocabulary=VOCABULARY,
        choices=_choices(page, typed),
        breakdowns=BREAKDOWNS,
        comparisons=COMPARISONS,
        sources=[each.name for each in await services.sources.list()],
        **await _listed(page, services),
    )


async def _listed(page: Page, services: PageServices) -> dict[str, Any]:
    listed = await services.exports.list()
    segments: dict[int, str] = {each.segment.id: each.segment.name for each in await services.segment_runs.stored()}
    campaigns = {each.campaign_id: each.name for each in await services.campaign_desk.list()}
    return {
        "listed": [(each, _about(page, each, segments, campaigns)) for each in listed],
        "states": STATES,
        "titles": KINDS,
        "format_names": FORMATS,
        "why": lambda each: kept_words(each.error_code, each.error or "", page.say),
        "moving": any(each.state in ("queued", "running") for each in listed),
        "segments": segments,
        "campaigns": campaigns,
    }


def _about(page: Page, export: Export, segments: dict[int, str], campaigns: dict[int, str]) -> str:
    """What of the kind was asked for, in a few words."""
    wish, parts = export.wish, []
    if wish.segment_id is not None:
        parts.append(segments.get(wish.segment_id) or page.say("Segment %(n)s", n=wish.segment_id))
    if wish.campaign_id is not None:
        parts.append(campaigns.get(wish.campaign_id) or page.say("Campaign %(n)s", n=wish.campaign_id))
    if wish.first is not None and wish.last is not None:
        parts.append(f"{wish.first:%Y-%m-%d} – {wish.last:%Y-%m-%d}")
    parts += [_title(page, text) for text in wish.kpis[:3]]
    parts += _question(page, wish, segments)
    parts += [*wish.names[:3], *([wish.source] if wish.source else [])]
    if wish.what is What.CUSTOMERS and not wish.personal:
        parts.append(page.say("without names"))
    return " · ".join(parts)


def _question(page: Page, wish: Wish, segments: dict[int, str]) -> list[str]:
    """What is asked of figures, beside the figures themselves."""
    parts = []
    if wish.by is not None:
        parts.append(page.say("broken down by %(name)s", name=within(page.say.pick(by_name(wish.by)), page.say)))
    if wish.compare is not None:
        name = wish.compare.removeprefix(SEGMENT)
        known = segments.get(int(name), name) if name.isdecimal() else name
        other = page.say(COMPARISONS[wish.compare]) if wish.compare in COMPARISONS else known
        parts.append(page.say("compared with %(name)s", name=other))
    if wish.as_of is not None:
        parts.append(page.say("as of the end of %(day)s", day=wish.as_of.isoformat()))
    return parts


def _choices(page: Page, typed: Form) -> list[tuple[str, str]]:
    """The figures to choose from; first those asked for with options of their own."""
    own = [text for text in typed.all("kpis") if text and text not in CATALOG]
    return [(text, title) for text in (*own, *CATALOG) if (title := _title(page, text))]


def _title(page: Page, text: str) -> str:
    """A figure with the options that are not the default; empty where there is none such."""
    slug, _, given = text.partition("?")
    if slug not in CATALOG:
        return ""
    names = {option.name: page.say.pick(option) for option in CATALOG[slug].options}
    options = [f"{names.get(name, name)}: {value}" for name, value in parse_qsl(given)]
    return page.say.pick(CATALOG[slug].title) + (f" ({', '.join(options)})" if options else "")


ROUTES = (list_exports, watch_exports, order_export, fetch_export)
