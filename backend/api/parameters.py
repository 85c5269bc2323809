"""Parameters that several routes of /api/v1 take, with what the database can hold of them."""

from typing import Annotated, TypeAlias

import msgspec
from litestar.params import PathParameter, QueryParameter

_LARGEST = 2**63 - 1
_LARGEST_INT = 2**31 - 1

TEXT = r"^[^\x00]*[^\x00\s][^\x00]*$"
"""Not only blanks, and none of the one character that PostgreSQL cannot keep."""

CustomerNumber: TypeAlias = Annotated[
    int, PathParameter(ge=1, le=_LARGEST, description="Joren's number of the customer, also of one who was merged.")
]
Number: TypeAlias = Annotated[int, PathParameter(ge=1, le=_LARGEST_INT)]
CustomerFilter: TypeAlias = Annotated[int | None, QueryParameter(ge=1, le=_LARGEST)]
Version: TypeAlias = Annotated[int | None, QueryParameter(ge=1, le=_LARGEST_INT)]
SegmentFilter: TypeAlias = Annotated[
    int | None, QueryParameter(ge=1, le=_LARGEST_INT, description="Only members of this segment.")
]
Size: TypeAlias = Annotated[int, QueryParameter(ge=1, le=200, description="Entries of a page.")]
Wait: TypeAlias = Annotated[
    float,
    QueryParameter(
        ge=0, le=10, description="Seconds to wait until what was said can be read; `applied` tells whether it can."
    ),
]

Id: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=TEXT)]
Word: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=50, pattern=r"^[a-z0-9_-]+$")]
Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=TEXT)]
