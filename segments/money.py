"""Currencies: how many decimals an amount of one has. Amounts inside are whole minor units, never floats."""

from functools import cache

from babel.numbers import get_currency_precision


@cache
def decimals(currency: str) -> int:
    """Decimals of a currency by its ISO 4217 code: 0 for JPY, 3 for KWD, 2 for GBP and for codes that nobody knows."""
    return int(get_currency_precision(currency))
