"""Passwords: which are taken, and their hashes."""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from backend.errors import BadInput

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256

_COMMON = frozenset(
    {
        "123456789012",
        "1234567890123",
        "12345678901234",
        "qwertyuiop12",
        "qwertyuiopas",
        "1q2w3e4r5t6y",
        "password1234",
        "password12345",
        "passwordpassword",
        "administrator",
        "administrator1",
        "letmein12345",
        "iloveyou1234",
        "abcdefghijkl",
        "asdfghjkl123",
        "qwerty123456",
        "q1w2e3r4t5y6",
        "admin1234567",
        "adminadminadmin",
        "jorenjorenjoren",
    }
)
"""Guesses of twelve letters and more that every list begins with; shorter ones are refused by length."""


class Passwords:
    """Hashes passwords and holds them against their hashes, two at a time."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self.nobody = self._hasher.hash(secrets.token_urlsafe())
        """A hash of no account: whoever is unknown costs as much time as whoever is known."""
        self._at_once = asyncio.Semaphore(2)  # a hash takes 19 MiB: a flood of sign-ins must not take the memory

    async def hash(self, password: str) -> str:
        """The hash that is kept of a password."""
        async with self._at_once:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def fits(self, hashed: str, password: str) -> bool:
        """Whether it is the password of this hash."""
        async with self._at_once:
            return await asyncio.to_thread(self._fits, hashed, password[:LONGEST_PASSWORD])

    def is_stale(self, hashed: str) -> bool:
        """Whether the hash was made with other costs than are asked for now."""
        return self._hasher.check_needs_rehash(hashed)

    def _fits(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False


def check_password(password: str, *, email: str) -> None:
    """Refuse passwords that are guessed first. Any characters are allowed, and nothing must be mixed.

    Raises:
        BadInput: too short, too long, one of the common ones, or made of the address.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise BadInput(f"Use at least {SHORTEST_PASSWORD} characters.", code="password_short", field="password")
    if len(password) > LONGEST_PASSWORD:
        raise BadInput(f"Use at most {LONGEST_PASSWORD} characters.", code="password_long", field="password")
    lowered = password.lower()
    local = email.partition("@")[0].lower()
    guessed_first = lowered in _COMMON or len(set(lowered)) < 4 or lowered.replace(local, "") in ("", "1", "123")  # noqa: PLR2004 - "aaaaaaaaaaaa"
    if guessed_first:
        raise BadInput("This password is guessed first. Choose another.", code="password_common", field="password")
