"""Where everyone whom a campaign targeted stands.

Targeted = left out + control + waiting + in flight + accepted + failed + unknown + cancelled + expired.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PeopleGroup:
    """People of one campaign who share arm, reason, state and the set of states of their devices' deliveries.

    Attributes:
        left_out: why they were left out before the draw.
        state: of the treated: ``handed`` once there are devices, otherwise what became of them, with ``reason``.
        reasons: why devices were left out when they were to be tried again.
    """

    arm: str | None
    left_out: str | None
    state: str | None
    reason: str | None
    states: frozenset[str]
    reasons: frozenset[str]
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Where everyone who was targeted stands; the parts add up to ``targeted``."""

    targeted: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    control: int = 0
    waiting: int = 0
    in_flight: int = 0
    accepted: int = 0
    failed: int = 0
    unknown: int = 0
    cancelled: int = 0
    expired: int = 0

    @property
    def left_out_total(self) -> int:
        """Everyone left out, whatever the reason."""
        return sum(self.left_out.values())


_BEST_FIRST = (
    ("accepted", {"accepted"}),
    ("in_flight", {"sending"}),
    ("waiting", {"planned"}),
    ("unknown", {"unknown"}),
    ("failed", {"rejected"}),
    ("expired", {"expired"}),
    ("cancelled", {"cancelled"}),
)
"""A person with several devices counts once, by the best that happened to any of them."""


def add_up(groups: Iterable[PeopleGroup]) -> People:
    """Count every person exactly once."""
    counts: dict[str, int] = {}
    left_out: dict[str, int] = {}
    for group in groups:
        counts["targeted"] = counts.get("targeted", 0) + group.people
        place = _place_of(group)
        into, name = (left_out, place.removeprefix("left_out:")) if place.startswith("left_out:") else (counts, place)
        into[name] = into.get(name, 0) + group.people
    return People(left_out=dict(sorted(left_out.items())), **counts)


def _place_of(group: PeopleGroup) -> str:
    if group.arm == "control":
        return "control"
    if group.arm is None:
        return f"left_out:{group.left_out or 'other'}"
    told = group.states if group.state == "handed" else frozenset({group.state})
    for place, states in _BEST_FIRST:
        if told & states:
            return place
    return f"left_out:{group.reason or min(group.reasons, default='address')}"
