"""What each answer of FCM, and each failure on the way to it, means: accepted, surely refused, or unknown."""

import email.utils
import time
from datetime import timedelta

import httpx
from firebase_admin import exceptions, messaging
from google.auth.exceptions import GoogleAuthError

from campaigns.delivery import Accepted, Outcome, Refusal, Refused, Unknown

_REFUSALS: tuple[tuple[type[Exception], Refusal], ...] = (
    (messaging.UnregisteredError, Refusal.UNREGISTERED),
    (messaging.SenderIdMismatchError, Refusal.SENDER_MISMATCH),
    (messaging.QuotaExceededError, Refusal.QUOTA),
    (messaging.ThirdPartyAuthError, Refusal.AUTH),
    (exceptions.ResourceExhaustedError, Refusal.QUOTA),
    (exceptions.UnauthenticatedError, Refusal.AUTH),
    (exceptions.InvalidArgumentError, Refusal.INVALID_ARGUMENT),
    (exceptions.FirebaseError, Refusal.OTHER),
)
"""Meaning of a 4xx by its class, the most exact first."""

_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
"""Failures before the first byte of the request: surely not accepted."""

_LONGEST_DETAIL = 200


def outcome(response: messaging.SendResponse) -> Outcome:
    """The meaning of one message's answer."""
    if response.exception is None:
        return Accepted(response.message_id)
    return failure(response.exception)


def failure(error: BaseException) -> Outcome:
    """The meaning of an exception in place of an answer."""
    response = getattr(error, "http_response", None)
    if response is not None:
        return _of_status(error, status=response.status_code, retry_after=retry_after(response.headers))
    cause = getattr(error, "cause", None) or error
    if isinstance(cause, _NEVER_LEFT):
        return Refused(Refusal.NOT_SENT, detail=_short(cause))
    return Unknown(_what_was_seen(cause))


def _of_status(error: BaseException, *, status: int, retry_after: timedelta | None) -> Outcome:
    """4xx is a refusal; of 408 and 5xx Google says that the message may have been accepted."""
    if status == httpx.codes.REQUEST_TIMEOUT or not httpx.codes.is_client_error(status):
        return Unknown(f"http_{status}", retry_after=retry_after)
    kind = next(kind for family, kind in _REFUSALS if isinstance(error, family))
    return Refused(kind, retry_after=retry_after, detail=_short(error))


def _what_was_seen(cause: BaseException) -> str:
    if isinstance(cause, httpx.TimeoutException):
        return "timeout"
    if isinstance(cause, httpx.DecodingError):
        return "bad_body"
    if isinstance(cause, httpx.TransportError):
        return "connection_lost"
    if isinstance(cause, GoogleAuthError):
        return "credential"
    return type(cause).__name__


def retry_after(headers: httpx.Headers) -> timedelta | None:
    """How long the service asks us to wait; None where it does not say, or not readably."""
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return timedelta(seconds=int(value))
    if (parsed := email.utils.parsedate_tz(value)) is None:
        return None
    return timedelta(seconds=max(0.0, email.utils.mktime_tz(parsed) - time.time()))


def _short(error: BaseException) -> str:
    return (str(error) or type(error).__name__)[:_LONGEST_DETAIL]
