"""Currencies: how many decimals an amount of one has. Amounts inside are whole minor units, never floats."""

_DECIMALS = {
    **dict.fromkeys(("JPY", "KRW", "VND", "CLP", "ISK", "PYG", "UGX", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "KWD", "OMR", "JOD", "TND", "IQD", "LYD"), 3),
}


def decimals(currency: str) -> int:
    """Decimals of a currency by its ISO 4217 code: 0 for JPY, 3 for KWD, 2 for all that are not listed."""
    return _DECIMALS.get(currency, 2)
