"""Windows of business days, both ends inclusive."""

from dataclasses import dataclass
from datetime import date, timedelta

from segments.errors import BadWindow


@dataclass(frozen=True, slots=True)
class Window:
    """A run of business days, ``first`` and ``last`` included.

    Raises:
        BadWindow: when ``last`` lies before ``first``.
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            message = f"the window ends ({self.last}) before it begins ({self.first})"
            raise BadWindow(message)

    @property
    def days(self) -> int:
        """How many business days the window holds."""
        return (self.last - self.first).days + 1

    def previous(self) -> "Window":
        """The window of the same length that ends the day before this one."""
        return Window(self.first - timedelta(days=self.days), self.first - timedelta(days=1))
