"""Which failures of a statement say "the database is away" and which say "these values cannot be stored"."""

import asyncpg

REFUSED_VALUES = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    ValueError,
    TypeError,
    OverflowError,
)
"""The values are at fault: the same statement with others would work, a repetition would not."""

OUTAGES = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
"""Everything else that comes out of the database's driver: away, full, overloaded, shutting down. Try again later."""
