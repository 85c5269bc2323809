"""The segment builder's tree: groups and conditions as they were typed, and what its buttons do to them.

A node's place is written into its fields' names: ``subject.r-0-2`` belongs to the third part of the first part of the
root ``r``. A button says what it does and where: ``remove:r-0``, ``add:r:attribute:orders``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

ROOT = "r"
MODES = ("all", "any", "not")


@dataclass(slots=True)
class Node:
    """A group (``mode`` all, any or not, with ``parts``) or, with an empty mode, a condition as it was typed.

    Attributes:
        subject: what the condition is about: ``attribute:orders``, ``event:Store Visited``, ``segment:``, ``list:``, ``share:``.
        typed: its fields by name, as they were typed.
        ticked: its boxes by name.
        error: what is wrong with it, to be translated where it is shown.
        wrong_field: the field that the error is about; empty for the whole.
    """

    mode: str = ""
    parts: "list[Node]" = field(default_factory=list)
    subject: str = ""
    typed: dict[str, str] = field(default_factory=dict)
    ticked: dict[str, tuple[str, ...]] = field(default_factory=dict)
    error: str = ""
    wrong_field: str = ""
    place: str = ROOT

    @property
    def kind(self) -> str:
        """What sort of condition it is: attribute, event, segment, list or share."""
        return self.subject.partition(":")[0]

    @property
    def name(self) -> str:
        """The attribute or event the condition is about."""
        return self.subject.partition(":")[2]

    @property
    def wrong(self) -> bool:
        """Whether this node or one below it has an error."""
        return bool(self.error) or any(part.wrong for part in self.parts)

    def get(self, what: str, default: str = "") -> str:
        """A field as it was typed."""
        return self.typed.get(what, default)

    def boxes(self, what: str) -> tuple[str, ...]:
        """The ticked boxes of a name."""
        return self.ticked.get(what, ())


@dataclass(frozen=True, slots=True)
class Edit:
    """A tree after a button.

    Attributes:
        focus: the node that the person works on now.
        removed: what was taken away, with the place it had.
    """

    tree: Node
    focus: Node | None = None
    removed: Node | None = None


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a node stands: in which group, at which number, and in which group that group is."""

    node: Node
    parent: Node | None = None
    number: int = 0
    above: "Spot | None" = None


def placed(node: Node, place: str = ROOT) -> Node:
    """The tree with the place of every node."""
    node.place = place
    for number, part in enumerate(node.parts):
        placed(part, f"{place}-{number}")
    return node


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    yield node
    for part in node.parts:
        yield from walk(part)


def find(tree: Node, place: str) -> Spot | None:
    """What stands at a place; None where there is nothing."""
    root, *steps = place.split("-")
    if root != ROOT or not all(step.isdecimal() and len(step) < 4 for step in steps):  # noqa: PLR2004 - no group is longer
        return None
    spot = Spot(tree)
    for step in map(int, steps):
        if step >= len(spot.node.parts):
            return None
        spot = Spot(spot.node.parts[step], spot.node, step, spot)
    return spot


def edit(tree: Node, action: str, *, new: Callable[[str], Node]) -> Edit:
    """The tree after a button.

    Args:
        tree: as it was typed.
        action: what the button says: verb, place and, for some verbs, more.
        new: makes a condition of a subject; of the first one for an empty subject.
    """
    verb, _, rest = action.partition(":")
    place, _, more = rest.partition(":")
    spot = find(tree, place)
    if spot is None or verb not in _VERBS:
        return Edit(tree)
    done = _VERBS[verb](Edit(tree), spot, more, new)
    placed(done.tree)
    return done


def put_back(tree: Node, removed: Node) -> Edit:
    """The tree with what was taken away, where it was or, if that group is gone, at the end."""
    above, _, number = removed.place.rpartition("-")
    spot = find(tree, above) if above else None
    group = spot.node if spot is not None and spot.node.mode else tree
    group.parts.insert(
        int(number) if (number.isdecimal() and group is not tree) or above == ROOT else len(group.parts), removed
    )
    placed(tree)
    return Edit(tree, focus=removed)


_Verb = Callable[[Edit, Spot, str, Callable[[str], Node]], Edit]


def _add(done: Edit, spot: Spot, subject: str, new: Callable[[str], Node]) -> Edit:
    if not spot.node.mode:
        return done
    spot.node.parts.append(made := new(subject))
    return Edit(done.tree, focus=made)


def _group(done: Edit, spot: Spot, subject: str, new: Callable[[str], Node]) -> Edit:
    if not spot.node.mode:
        return done
    made = new(subject)
    spot.node.parts.append(Node(mode="any" if spot.node.mode == "all" else "all", parts=[made]))
    return Edit(done.tree, focus=made)


def _remove(done: Edit, spot: Spot, _: str, __: Callable[[str], Node]) -> Edit:
    if spot.parent is None:
        return done
    del spot.parent.parts[spot.number]
    near = spot.parent.parts[min(spot.number, len(spot.parent.parts) - 1)] if spot.parent.parts else spot.parent
    return Edit(done.tree, focus=near, removed=spot.node)


def _copy(done: Edit, spot: Spot, _: str, __: Callable[[str], Node]) -> Edit:
    if spot.parent is None:
        return done
    spot.parent.parts.insert(spot.number + 1, made := _twin(spot.node))
    return Edit(done.tree, focus=made)


def _twin(node: Node) -> Node:
    parts = [_twin(part) for part in node.parts]
    return Node(mode=node.mode, parts=parts, subject=node.subject, typed=dict(node.typed), ticked=dict(node.ticked))


def _subject(done: Edit, spot: Spot, subject: str, new: Callable[[str], Node]) -> Edit:
    """Another subject: a condition of its own, so that nothing typed for the one before confuses it."""
    if spot.node.mode or spot.parent is None or not subject:
        return done
    spot.parent.parts[spot.number] = made = new(subject)
    return Edit(done.tree, focus=made)


def _up(done: Edit, spot: Spot, _: str, __: Callable[[str], Node]) -> Edit:
    return _shifted(done, spot, -1)


def _down(done: Edit, spot: Spot, _: str, __: Callable[[str], Node]) -> Edit:
    return _shifted(done, spot, 1)


def _shifted(done: Edit, spot: Spot, by: int) -> Edit:
    """One place up or down; past either end of a group, out of it on that side."""
    if spot.parent is None:
        return done
    target = spot.number + by
    if 0 <= target < len(spot.parent.parts):
        spot.parent.parts.insert(target, spot.parent.parts.pop(spot.number))
        return Edit(done.tree, focus=spot.node)
    return _taken_out(done, spot, after=by > 0)


def _out(done: Edit, spot: Spot, _: str, __: Callable[[str], Node]) -> Edit:
    return _taken_out(done, spot, after=True)


def _taken_out(done: Edit, spot: Spot, *, after: bool) -> Edit:
    above = spot.above
    if spot.parent is None or above is None or above.parent is None:
        return done
    del spot.parent.parts[spot.number]
    above.parent.parts.insert(above.number + after, spot.node)
    if not spot.parent.parts:  # a group that nothing is left in says nothing
        above.parent.parts.remove(spot.parent)
    return Edit(done.tree, focus=spot.node)


def _into(done: Edit, spot: Spot, _: str, __: Callable[[str], Node]) -> Edit:
    """Into the group above it, or the one below it."""
    if spot.parent is None:
        return done
    parts = spot.parent.parts
    if spot.number and parts[spot.number - 1].mode:
        parts[spot.number - 1].parts.append(parts.pop(spot.number))
    elif spot.number + 1 < len(parts) and parts[spot.number + 1].mode:
        parts[spot.number + 1].parts.insert(0, parts.pop(spot.number))
    else:
        return _wrap(done, spot, "", __)
    return Edit(done.tree, focus=spot.node)


def _wrap(done: Edit, spot: Spot, _: str, __: Callable[[str], Node]) -> Edit:
    """Into a new group of its own, whose parts go together in the other way."""
    if spot.parent is None:
        return done
    spot.parent.parts[spot.number] = Node(mode="any" if spot.parent.mode == "all" else "all", parts=[spot.node])
    return Edit(done.tree, focus=spot.node)


def _filter(done: Edit, spot: Spot, of: str, _: Callable[[str], Node]) -> Edit:
    """One more filter of a behaviour, or with ``t`` of what follows it."""
    prefix = "t" if of == "t" else "f"
    number = len(filters_of(spot.node, prefix))
    spot.node.typed[f"{prefix}{number}-name"] = ""
    return Edit(done.tree, focus=spot.node)


def _unfilter(done: Edit, spot: Spot, which: str, _: Callable[[str], Node]) -> Edit:
    prefix, number = which[:1], which[1:]
    if prefix not in ("f", "t") or not number.isdecimal():
        return done
    kept = [each for each in filters_of(spot.node, prefix) if each != which]
    renamed = {old: f"{prefix}{place}" for place, old in enumerate(kept)}
    for fields in (spot.node.typed, spot.node.ticked):
        _rename(fields, prefix, renamed)
    return Edit(done.tree, focus=spot.node)


def _rename(fields: "dict[str, str] | dict[str, tuple[str, ...]]", prefix: str, renamed: dict[str, str]) -> None:
    found = {key: fields.pop(key) for key in [*fields] if key[:1] == prefix and key[1:2].isdecimal() and "-" in key}
    for key, value in found.items():
        own, _, what = key.partition("-")
        if own in renamed:
            fields[f"{renamed[own]}-{what}"] = value  # type: ignore[assignment] # the value comes from the same fields


def filters_of(node: Node, prefix: str) -> list[str]:
    """The filters of a condition, ``f0``, ``f1`` … in order."""
    return [f"{prefix}{number}" for number in range(20) if f"{prefix}{number}-name" in node.typed]


def _then(done: Edit, spot: Spot, _: str, __: Callable[[str], Node]) -> Edit:
    spot.node.typed |= {"then": "Order Completed", "then-span": "7", "then-unit": "days"}
    return Edit(done.tree, focus=spot.node)


def _unthen(done: Edit, spot: Spot, _: str, __: Callable[[str], Node]) -> Edit:
    for key in [key for key in spot.node.typed if key.startswith("then") or (key[:1] == "t" and key[1:2].isdecimal())]:
        del spot.node.typed[key]
    return Edit(done.tree, focus=spot.node)


_VERBS: dict[str, _Verb] = {
    "add": _add,
    "group": _group,
    "remove": _remove,
    "copy": _copy,
    "subject": _subject,
    "up": _up,
    "down": _down,
    "out": _out,
    "in": _into,
    "wrap": _wrap,
    "filter": _filter,
    "unfilter": _unfilter,
    "then": _then,
    "unthen": _unthen,
}
