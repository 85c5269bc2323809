"""The filters that texts may use: how a value is written in a language, and what stands in for one that is missing."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, TypeAlias

import jinja2
from babel.dates import format_skeleton
from babel.numbers import format_currency

from segments.money import decimals

LANGUAGE, CURRENCY = "_language", "_currency"
"""What filters know beside their value; no text can name it, for it is no merge field."""

Value: TypeAlias = str | int


def _comma(value: object) -> str:
    """12345 as 12,345; text stays as it is."""
    return f"{value:,}" if isinstance(value, int) else str(value)


def _default(value: object, otherwise: Value) -> object:
    return otherwise if isinstance(value, jinja2.Undefined) else value


@jinja2.pass_context
def _honoured(context: jinja2.runtime.Context, name: object, otherwise: Value | None = None) -> str:
    """A name with 様 in Japanese, as it is in English; ``otherwise``, as it is, for who has none."""
    if isinstance(name, jinja2.Undefined) and otherwise is not None:
        return str(otherwise)
    return f"{name}様" if context[LANGUAGE] == "ja" else str(name)


@jinja2.pass_context
def _money(context: jinja2.runtime.Context, value: object) -> str:
    """Minor units as an amount of the shop's currency; the text of a default stays as it is."""
    if not isinstance(value, int):
        return str(value)
    currency: str = context[CURRENCY]
    amount = Decimal(value).scaleb(-decimals(currency))
    return str(format_currency(amount, currency, locale=context[LANGUAGE])).replace("￥", "¥").replace("JP¥", "¥")


@jinja2.pass_context
def _date(context: jinja2.runtime.Context, value: object) -> str:
    """A day as 11月30日 or November 30; the text of a default stays as it is."""
    try:
        return str(format_skeleton("MMMMd", date.fromisoformat(str(value)), locale=context[LANGUAGE]))
    except ValueError:
        return str(value)


def _lower(value: object) -> str:
    return str(value).lower()


def _upper(value: object) -> str:
    return str(value).upper()


FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "comma": _comma,
        "date": _date,
        "default": _default,
        "lower": _lower,
        "money": _money,
        "sama": _honoured,
        "upper": _upper,
        "様": _honoured,
    }
)
"""By the name that texts use. Nothing of them loops or grows beyond its value."""
