"""PostgreSQL through asyncpg: one module and one sql file per noun; functions take a connection and never commit."""
