"""Order of a list: chosen by a click on a column's heading, kept in the address as ``sort=name`` or ``sort=-name``."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from litestar.datastructures import MultiDict

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Order:
    """By which column a list stands, and which way; `text` is how the address says it."""

    column: str
    descending: bool

    @property
    def text(self) -> str:
        """``name``, or ``-name`` where the largest comes first."""
        return f"-{self.column}" if self.descending else self.column

    @property
    def aria(self) -> str:
        """The value of ``aria-sort`` for the column's heading."""
        return "descending" if self.descending else "ascending"

    def turned(self, column: str, *, largest_first: bool) -> "Order":
        """What a click on a heading asks for: the other way round for this column, the usual way for another."""
        return Order(column, not self.descending if column == self.column else largest_first)


def read_order(text: str, columns: Iterable[str], default: Order) -> Order:
    """The order that an address asks for; the default for anything else."""
    order = Order(text.removeprefix("-"), text.startswith("-"))
    return order if order.column in set(columns) else default


def ordered(rows: Iterable[T], order: Order, keys: Mapping[str, Callable[[T], Any]]) -> list[T]:
    """Rows in an order; those without a value come last whichever way it goes."""
    key = keys[order.column]
    valued = [(key(row), row) for row in rows]
    known = sorted((pair for pair in valued if pair[0] is not None), key=lambda pair: pair[0], reverse=order.descending)
    return [row for _, row in [*known, *(pair for pair in valued if pair[0] is None)]]


def reordered(path: str, query: MultiDict[Any] | Mapping[str, Any], order: Order) -> str:
    """The address of the same list in another order, from its first page."""
    kept = [(name, value) for name, value in dict(query).items() if name not in ("sort", "page", "notice") and value]
    return f"{path}?{urlencode([*kept, ('sort', order.text)])}"
