"""Background work: PgQueuer's tables, the workers' heartbeats, the hold on sends."""

from importlib import resources

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of ``0002_jobs.sql``."""
    text = (resources.files("backend.migrations.versions") / "0002_jobs.sql").read_text(encoding="utf-8")
    for statement in text.split("\n\n"):
        op.execute(statement.replace(":", r"\:"))


def downgrade() -> None:
    """Releases go forward only."""
    message = "drop the database, or restore a backup, instead"
    raise NotImplementedError(message)
