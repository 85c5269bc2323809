"""Things that people call by name or by number."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from backend.errors import NotFound
from backend.services.campaign_desk.desk import CampaignDesk
from campaigns.overview import CampaignSummary

Found = TypeVar("Found")

_LARGEST = 2**31 - 1
"""Of the numbers that the database gives."""


async def named_or_numbered(
    asked: str, *, find: Callable[[str], Awaitable[Found]], get: Callable[[int], Awaitable[Found]]
) -> Found:
    """What is called so or, where nothing is, what has that number.

    Raises:
        NotFound: neither.
    """
    try:
        return await find(asked)
    except NotFound:
        if asked.isdecimal() and len(asked) < len(str(_LARGEST)):
            return await get(int(asked))
        raise


async def find_campaign(desk: CampaignDesk, asked: str) -> CampaignSummary:
    """The campaign of a name or, where none is called so, of a number.

    Raises:
        NotFound: neither.
    """
    listed = (*await desk.list(), *await desk.list(archived=True))
    named = [each for each in listed if each.name == asked.strip()]
    numbered = [each for each in listed if str(each.campaign_id) == asked.strip()]
    for each in (*named, *numbered):
        return each
    raise NotFound(f'No campaign is called "{asked}": joren campaign list shows them all.', code="campaign_not_found")
