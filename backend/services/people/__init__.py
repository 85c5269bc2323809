"""People: the list of members, and one person with everything that happened."""

from backend.services.people.directory import LARGEST_PAGE, MATCHES, ORDERS
from backend.services.people.person import People

__all__ = ["LARGEST_PAGE", "MATCHES", "ORDERS", "People"]
