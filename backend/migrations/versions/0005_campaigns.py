"""Campaigns: their kinds and versions, the ledger, journeys, and the right to send."""

from importlib import resources

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply ``0005_campaigns.sql``, one statement after another, each ended by a semicolon at the end of a line; headings may stand alone."""
    text = (resources.files("backend.migrations.versions") / "0005_campaigns.sql").read_text(encoding="utf-8")
    for statement in text.split(";\n"):
        if any(line and not line.startswith("--") for line in statement.splitlines()):
            op.execute(statement.replace(":", r"\:"))


def downgrade() -> None:
    """Releases go forward only."""
    message = "drop the database, or restore a backup, instead"
    raise NotImplementedError(message)
