"""Facts: the coupon ledger, rank rules, and what figures are kept from."""

from importlib import resources

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply ``0004_facts.sql``, one statement after another, each ended by a semicolon at the end of a line."""
    text = (resources.files("backend.migrations.versions") / "0004_facts.sql").read_text(encoding="utf-8")
    for statement in text.split(";\n"):
        if statement.strip():
            op.execute(statement.replace(":", r"\:"))


def downgrade() -> None:
    """Releases go forward only."""
    message = "drop the database, or restore a backup, instead"
    raise NotImplementedError(message)
