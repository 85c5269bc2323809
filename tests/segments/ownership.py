"""Whose ids these are: what tests of identity ask, and the product never does."""

from segments.identity import Registry


def owner_of(registry: Registry, user_id: str | None, anonymous_id: str | None) -> int:
    """The customer of these ids by everything that the registry has seen; the user id decides."""
    known = registry._known
    number = known.users.get(user_id) if user_id is not None else None
    return registry.survivor(number or known.anonymous[anonymous_id or ""].customer_id).customer_id
