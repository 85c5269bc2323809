"""FCM's answers, error bodies included: a google.rpc.Status with FCM's own code among the details."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

_FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


class Fault(StrEnum):
    """What the emulator can be told to do instead of accepting."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    UNREGISTERED = "UNREGISTERED"
    NOT_FOUND = "NOT_FOUND"
    """404 without FCM's detail, as a wrong project gives: no reason to retire an address."""
    SENDER_ID_MISMATCH = "SENDER_ID_MISMATCH"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    THIRD_PARTY_AUTH_ERROR = "THIRD_PARTY_AUTH_ERROR"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    UNREADABLE = "UNREADABLE"
    """200 whose body is no JSON."""
    DROP = "DROP"
    """The connection breaks, and with HTTP/2 every request on it."""
    TRUNCATED = "TRUNCATED"
    """200, and the connection breaks in the middle of the body."""
    HANG = "HANG"
    """No answer for ``hang_seconds``."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class Break:
    """The connection breaks instead of an answer, or after a part of one."""

    part: bytes = b""


_STATUS: dict[Fault, tuple[int, str, str]] = {
    Fault.INVALID_ARGUMENT: (400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    Fault.UNREGISTERED: (404, "NOT_FOUND", "Requested entity was not found."),
    Fault.NOT_FOUND: (404, "NOT_FOUND", "Requested entity was not found."),
    Fault.SENDER_ID_MISMATCH: (403, "PERMISSION_DENIED", "SenderId mismatch"),
    Fault.QUOTA_EXCEEDED: (429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Messages per minute'."),
    Fault.THIRD_PARTY_AUTH_ERROR: (401, "UNAUTHENTICATED", "Auth error from APNS or Web Push Service"),
    Fault.UNAUTHENTICATED: (401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
    Fault.UNAVAILABLE: (503, "UNAVAILABLE", "The service is currently unavailable."),
    Fault.INTERNAL: (500, "INTERNAL", "Internal error encountered."),
    Fault.DEADLINE_EXCEEDED: (504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}

_WITHOUT_DETAIL = frozenset({Fault.NOT_FOUND, Fault.UNAUTHENTICATED, Fault.DEADLINE_EXCEEDED})


def accepted(name: str) -> Answer:
    """FCM's 200."""
    return Answer(200, msgspec.json.encode({"name": name}))


def refused(fault: Fault, *, retry_after: int | None = None) -> Answer:
    """The error answer of ``fault``; those without a whole answer are the server's affair."""
    if fault is Fault.UNREADABLE:
        return Answer(200, b"<html>upstream says hello</html>")
    status, code, message = _STATUS[fault]
    details = [] if fault in _WITHOUT_DETAIL else [{"@type": _FCM_ERROR, "errorCode": fault.value}]
    return Answer(status, _status(status, code, message, details), retry_after)


def malformed(field: str, message: str) -> Answer:
    """400 that names the field at fault."""
    violation = {"@type": _BAD_REQUEST, "fieldViolations": [{"field": field, "description": message}]}
    own = {"@type": _FCM_ERROR, "errorCode": Fault.INVALID_ARGUMENT.value}
    return Answer(400, _status(400, "INVALID_ARGUMENT", message, [violation, own]))


def _status(status: int, code: str, message: str, details: list[dict[str, Any]]) -> bytes:
    error: dict[str, Any] = {"code": status, "message": message, "status": code}
    if details:
        error["details"] = details
    return msgspec.json.encode({"error": error})
