"""Reading forms: what was typed is kept as text, and an error belongs to a field."""

from collections.abc import Iterable
from typing import Any, TypeAlias

from litestar import Request

Errors: TypeAlias = dict[str, str]
"""Messages by field name; empty where the form stands."""


class Form:
    """The fields of a submitted form, in their order, repeated names included."""

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields = tuple(fields)

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Names and values as they were sent."""
        return self._fields

    def __contains__(self, name: str) -> bool:
        """Whether a field was sent at all."""
        return any(name == known for known, _ in self._fields)

    def all(self, name: str) -> list[str]:
        """Every value of a name."""
        return [value for known, value in self._fields if known == name]

    def raw(self, name: str, default: str = "") -> str:
        """One field as it was typed, the last one where the name repeats."""
        values = self.all(name)
        return values[-1] if values else default

    def text(self, name: str, default: str = "") -> str:
        """One field without the blanks around it."""
        return self.raw(name, default).strip()

    def flag(self, name: str) -> bool:
        """Whether a check box was ticked."""
        return self.text(name) in ("on", "1", "true", "yes")

    def whole(self, name: str) -> int | None:
        """A whole number, None for anything else. Full-width digits and thousands separators are understood."""
        typed = self.text(name).replace(",", "").replace("，", "")
        try:
            return int(typed) if 0 < len(typed) <= 15 else None  # noqa: PLR2004 - fits 64 bits
        except ValueError:
            return None

    def fraction(self, name: str) -> float | None:
        """A number, None for anything else."""
        try:
            value = float(self.text(name).replace("，", "."))
        except ValueError:
            return None
        return value if -1e15 < value < 1e15 else None  # noqa: PLR2004 - also refuses nan and infinity


async def read_form(request: Request[Any, Any, Any]) -> Form:
    """The form of a request; files are left out."""
    sent = await request.form()
    return Form((name, value) for name, value in sent.multi_items() if isinstance(value, str))
