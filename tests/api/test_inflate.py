"""A small body cannot become a large one in memory (promise A-7)."""

import gzip
import tracemalloc

import pytest

from backend.api.inflate import TooLarge, inflate

LIMIT = 1024 * 1024
BOMBS = {
    "200 MB": lambda: gzip.compress(b"x" * 200_000_000, 1),
    "a thousand members": lambda: gzip.compress(b"x" * 200_000) * 1000,
    "a bomb in JSON": lambda: gzip.compress(b'{"batch": [' + b'{"type": "track"},' * 10_000_000 + b"{}]}", 1),
}
"""Each is made by the test that needs it: whoever only collects tests does not compress 400 MB."""


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_two_mebibytes_at_most(name: str) -> None:
    bomb = BOMBS[name]()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        with pytest.raises(TooLarge):
            inflate(bomb, encoding="gzip", limit=LIMIT)
        extra = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert extra <= 2 * LIMIT
