"""A router that is mounted as it stands."""

from typing import Any

from litestar import Router


class Mounted(Router):
    """A router for one application: Litestar would mount a deep copy of it, which is a third of a start."""

    def __deepcopy__(self, _: dict[int, Any]) -> "Mounted":
        return self
