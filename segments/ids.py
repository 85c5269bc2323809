"""Identifiers: plain integers with names, so that a customer is never passed where a device is meant."""

import hashlib
from typing import NewType

CustomerId = NewType("CustomerId", int)
"""Surrogate number of a customer; the only customer identifier that enters the lake."""

SourceId = NewType("SourceId", int)
SegmentId = NewType("SegmentId", int)
CampaignId = NewType("CampaignId", int)
DeviceId = NewType("DeviceId", int)
DeliveryId = NewType("DeliveryId", int)


def key64(*parts: str) -> int:
    """A stable signed 64-bit key of some text, for external ids (order numbers, device ids) in the lake.

    BLAKE2b with an 8-byte digest; parts are joined with U+001F, which no id contains. At 40 million
    keys the chance of any collision is below one in ten thousand.
    """
    digest = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
