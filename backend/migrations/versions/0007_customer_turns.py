"""Changes of memberships: a row for each customer whom a round moved, in place of a row a change."""

from importlib import resources

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply ``0007_customer_turns.sql``, one statement after another, parted by blank lines."""
    text = (resources.files("backend.migrations.versions") / "0007_customer_turns.sql").read_text(encoding="utf-8")
    for statement in text.split("\n\n"):
        op.execute(statement.replace(":", r"\:"))


def downgrade() -> None:
    """Releases go forward only."""
    message = "drop the database, or restore a backup, instead"
    raise NotImplementedError(message)
