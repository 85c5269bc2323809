"""The first schema: intake log, people, segments, campaigns and their ledger, administrators."""

from importlib import resources

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table; the statements stand in ``0001_first_schema.sql``, one after a blank line."""
    text = (resources.files("backend.migrations.versions") / "0001_first_schema.sql").read_text(encoding="utf-8")
    for statement in text.split(";\n"):
        if statement.strip():
            op.execute(statement.replace(":", r"\:"))


def downgrade() -> None:
    """The first schema has nothing below it."""
    message = "there is no schema before 0001; drop the database instead"
    raise NotImplementedError(message)
