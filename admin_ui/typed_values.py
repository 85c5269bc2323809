"""What people type into the builder, as values of a rule's JSON, and back.

What is no number stays the text that it is: the rule's parser then refuses it, and it stands as it was typed.
"""

from typing import Any


def number(text: str, scale: int = 0) -> int | str:
    """A whole number in minor units, or the text itself where it is none. Full-width digits and separators are understood."""
    plain = text.replace(",", "").replace("，", "").strip()
    whole, _, decimals = plain.partition(".")
    try:
        return int(whole + decimals.ljust(scale, "0")) if len(decimals) <= scale else plain
    except ValueError:
        return plain


def decimal(text: str) -> int | float | str:
    """A number with or without decimals, or the text itself where it is none."""
    plain = text.replace(",", "").replace("，", "").strip()
    try:
        return float(plain) if "." in plain else int(plain)
    except ValueError:
        return plain


def written(value: Any, scale: int = 0) -> str:
    """A value as one would type it."""
    if not scale or not isinstance(value, int):
        return str(value)
    sign, digits = ("-" if value < 0 else ""), str(abs(value)).rjust(scale + 1, "0")
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}"


def texts(ticked: tuple[str, ...], typed: str) -> list[str]:
    """The ticked values and those that were typed with commas between them, each once."""
    more = (text.strip() for text in typed.replace("、", ",").replace("\n", ",").split(","))
    return list(dict.fromkeys([*ticked, *(text for text in more if text)]))
