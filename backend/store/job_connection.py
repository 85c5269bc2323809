"""PgQueuer on a connection of ours."""

from collections.abc import Sequence

import msgspec
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver


class CallersConnection(AsyncpgDriver):
    """PgQueuer's driver on a connection of our pool, whose jsonb codec takes values where PgQueuer gives their text."""

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        """Run a statement; its last argument is the list of jsonb headers."""
        *plain, headers = args
        assert isinstance(headers, Sequence)  # noqa: S101 - PgQueuer's enqueue statement has this shape
        return await super().fetch(query, *plain, [msgspec.Raw(text.encode()) for text in headers])
