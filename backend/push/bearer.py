"""The token that every request to FCM carries: renewed before it runs out, never twice at once."""

import asyncio
import datetime as dt

import google.auth.credentials
import google.auth.transport.requests
from google.auth.exceptions import GoogleAuthError, TransportError

from campaigns.delivery import Refusal, Refused

_MARGIN = dt.timedelta(minutes=5)


class Bearer:
    """The token of one credential."""

    def __init__(self, credential: google.auth.credentials.Credentials) -> None:
        self._credential = credential
        self._refreshing = asyncio.Lock()

    @property
    def token(self) -> str:
        """As it stands; empty before the first `missing`."""
        return self._credential.token or ""

    async def missing(self) -> Refused | None:
        """Renew the token if it runs out, off the event loop; the refusal where that fails: nothing was sent."""
        async with self._refreshing:
            if _lasts(self._credential):
                return None
            try:
                request = google.auth.transport.requests.Request()
                await asyncio.to_thread(self._credential.refresh, request)
            except GoogleAuthError as error:
                passing = isinstance(error, TransportError) or getattr(error, "retryable", False)
                kind = Refusal.NOT_SENT if passing else Refusal.AUTH
                return Refused(kind, detail=type(error).__name__)
            return None

    def forget(self) -> None:
        """What was refused is not shown again."""
        self._credential.token = None


def _lasts(credential: google.auth.credentials.Credentials) -> bool:
    if not credential.token:
        return False
    expiry = credential.expiry  # naive UTC, as Google's library keeps it
    return expiry is None or expiry.replace(tzinfo=dt.UTC) - dt.datetime.now(dt.UTC) > _MARGIN
