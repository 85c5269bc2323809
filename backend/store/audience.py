"""Reads what the gates need of a segment's members, in pieces that a server takes well."""

from datetime import datetime

import polars as pl

from backend.store import deliveries
from backend.store.pool import Connection
from campaigns.audience import join_standing
from campaigns.campaign import Content
from campaigns.gates import ConsentRule, SendingRules

PIECE = 50_000
"""Members asked for in one statement."""

_STANDING: dict[str, pl.DataType] = {
    "customer_id": pl.Int64(),
    "gone": pl.Boolean(),
    "consented": pl.Boolean(),
    "excluded": pl.Boolean(),
    "devices": pl.Int64(),
    "sent_day": pl.Int64(),
    "sent_week": pl.Int64(),
    "language": pl.String(),
    "has_family_name": pl.Boolean(),
    "has_given_name": pl.Boolean(),
}


async def read(
    connection: Connection, members: pl.DataFrame, *, content: Content, rules: SendingRules, now: datetime
) -> pl.DataFrame:
    """The audience of a campaign: members of the frame with consent, addresses, recent sends and missing fields.

    Args:
        connection: any; nothing is written.
        members: ``customer_id`` and the merge columns.
        content: says which fields a person needs.
        rules: says what counts as consent.
        now: the end of the windows of the frequency cap.
    """
    pieces = []
    for start in range(0, members.height, PIECE):
        ids = members["customer_id"].slice(start, PIECE).to_list()
        rows = await deliveries.read_audience(
            connection,
            customer_ids=ids,
            now=now,
            permission_is_consent=rules.consent_rule is ConsentRule.PERMISSION,
        )
        pieces.append(pl.DataFrame([tuple(row) for row in rows], schema=_STANDING, orient="row"))
    standing = pl.concat(pieces) if pieces else pl.DataFrame(schema=_STANDING)
    return join_standing(members, standing, content)
