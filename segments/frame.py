"""Where rules are asked: the customer frame with every column that they need."""

from collections.abc import Collection
from typing import Protocol

from segments import customers
from segments.customers import StoredFrame
from segments.rules.masks import Masks
from segments.rules.rule import Rule


class View(customers.View, Protocol):
    """The customer frame at one moment, with what is known of it already."""

    @property
    def masks(self) -> Masks:
        """Whom conditions hold of, of `rows`."""
        ...


class Frame(StoredFrame, Protocol):
    """The customer frame for whoever asks rules."""

    async def read_for(self, rules: Collection[Rule]) -> View:
        """The frame as it stands, with every column beside the stored ones that these rules need.

        Segments that they ask for have to be in their places (`segments.rules.references.resolve`).
        """
        ...
