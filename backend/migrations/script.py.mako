"""${message}"""

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand: additive, so that the release before this one keeps working."""
    op.execute("SET LOCAL lock_timeout = '1s'")


def downgrade() -> None:
    """Take back what `upgrade` added."""
