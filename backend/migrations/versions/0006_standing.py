"""What the gates need of everybody, kept: blocks by customer number, and who has changed since."""

from importlib import resources

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply ``0006_standing.sql``, one statement after another, parted by blank lines."""
    text = (resources.files("backend.migrations.versions") / "0006_standing.sql").read_text(encoding="utf-8")
    for statement in text.split("\n\n"):
        op.execute(statement.replace(":", r"\:"))


def downgrade() -> None:
    """Releases go forward only."""
    message = "drop the database, or restore a backup, instead"
    raise NotImplementedError(message)
