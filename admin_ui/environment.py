"""The Jinja environment of the pages: everything is escaped, and a name that is missing is an error."""

import re
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from admin_ui import assets, filters
from admin_ui.i18n import Say
from admin_ui.order import reordered
from campaigns.timeline import name_of_event

TEMPLATES = Path(__file__).parent / "templates"


@pass_context
def _gettext(context: Context, message: str, **values: Any) -> str:
    say: Say = context["say"]
    return say(message, **values)


@pass_context
def _ngettext(context: Context, one: str, many: str, n: int, **values: Any) -> str:
    say: Say = context["say"]
    return say.plural(one, many, n, **values)


@pass_context
def _pick(context: Context, texts: Any) -> str:
    say: Say = context["say"]
    return say.pick(texts)


def _saying(function: Callable[..., str]) -> Callable[..., str]:
    """A filter that takes the page's language from the context."""

    @pass_context
    def filled(context: Context, value: Any, *args: Any, **options: Any) -> str:
        return function(value, *args, say=context["say"], **options)

    return filled


@pass_context
def _moment(context: Context, value: Any) -> str:
    return filters.moment(value, now=context["now"], zone=context["shop"].zone, say=context["say"])


@pass_context
def _exact(context: Context, value: Any) -> str:
    return filters.exact(value, zone=context["shop"].zone, say=context["say"])


@pass_context
def _clock(context: Context, value: Any) -> str:
    return filters.clock(value, zone=context["shop"].zone, say=context["say"])


@pass_context
def _money(context: Context, value: Any, currency: str | None = None) -> str:
    return filters.money(value, currency or context["shop"].currency, context["say"])


@pass_context
def _event_label(context: Context, name: str) -> str:
    """What people call an event, or a call that names none; a custom event goes by its own name."""
    say: Say = context["say"]
    ja, en = name_of_event(name)
    return say.pick({"ja": ja, "en": en})


@pass_context
def _actor(context: Context, who: str | None) -> str:
    """Who did something: a person by the mail address, a program by what it is."""
    return filters.actor(who, context["say"])


@pass_context
def _within(context: Context, name: str) -> str:
    return filters.within(name, context["say"])


def slug(text: str) -> str:
    """Part of an element's id: letters, digits and dashes; texts that differ in other letters have different ones."""
    plain = re.sub(r"[^a-zA-Z0-9]+", "-", text).strip("-") or "x"
    return plain if text.isascii() else f"{plain}-{zlib.crc32(text.encode()):x}"


def make_environment() -> Environment:
    """A new environment with all filters and functions of the pages."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"_": _gettext, "ngettext": _ngettext, "assets": assets.built, "reordered": reordered}
    environment.filters |= {
        "pick": _pick,
        "within": _within,
        "moment": _moment,
        "exact": _exact,
        "clock": _clock,
        "money": _money,
        "event_label": _event_label,
        "actor": _actor,
        "slug": slug,
        **{
            name: _saying(getattr(filters, name))
            for name in ("count", "compact", "people", "points", "day", "short_day", "weekday", "month")
        },
        **{name: _saying(partial(getattr(filters, name))) for name in ("percent", "number")},
    }
    return environment
