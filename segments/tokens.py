"""Customer tokens: what a signed word of the shop about who is signed in proves of an event, and what it does not. Pure.

The shop's own server signs a token that says "this is customer u1" and gives it to the app, which sends it along. A token
proves *who*, never *what*: it vouches for the person and his phone, and for what he may say about himself. That an order,
a rank, points or a coupon's use happened is for the shop to say. See docs/decisions/0011-customer-tokens.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from segments.events import BY_NAME, EventName

LONGEST_TOKEN = 4096
"""Characters of a token; a longer one is not looked at."""

LONGEST_LIFE = timedelta(hours=24)
"""From a token's beginning to its end."""

LEEWAY = timedelta(seconds=60)
"""How far the shop's clock may be from ours."""

LATE = timedelta(days=7)
"""For so long after its end a token still proves what happened before its end: phones are offline for days."""

UNVERIFIED = "unverified_"
"""Codes of failed events begin so where a token would have been needed; the verdict follows."""


class TokenMode(StrEnum):
    """What a source asks of events that name a customer."""

    OFF = "off"
    """Tokens are taken out and not looked at."""
    REPORT = "report"
    """Every event is taken; how many lacked a good token is counted, and good ones prove."""
    ENFORCE = "enforce"
    """An event that names a customer without a good token of his is kept as a failed event."""


class Verdict(StrEnum):
    """What became of an event that had to prove its customer."""

    VALID = "valid"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    ALGORITHM = "algorithm"
    UNKNOWN_KEY = "unknown_key"
    RETIRED_KEY = "retired_key"
    SIGNATURE = "signature"
    AUDIENCE = "audience"
    LIFETIME = "lifetime"
    TOO_MANY = "too_many"
    PERSON = "person"
    NOT_YET = "not_yet"
    EXPIRED = "expired"


REASONS: dict[Verdict, str] = {
    Verdict.MISSING: "The event names a customer, or moves money or reward, and came without a customer token.",
    Verdict.UNREADABLE: "The customer token is not a JWT with sub, aud, exp and iat or nbf, of at most 4,096 characters.",
    Verdict.ALGORITHM: "The customer token is not signed as its key demands (ES256, EdDSA or RS256).",
    Verdict.UNKNOWN_KEY: "The customer token names a key (kid) that this source does not have.",
    Verdict.RETIRED_KEY: "The customer token is signed with a key that was retired.",
    Verdict.SIGNATURE: "The signature of the customer token is wrong.",
    Verdict.AUDIENCE: "The customer token was made for another source: its aud must be this source's name.",
    Verdict.LIFETIME: "The customer token is valid for more than 24 hours.",
    Verdict.TOO_MANY: "The request carried too many different customer tokens; this one was not checked any more.",
    Verdict.PERSON: "The customer token speaks for another customer than the event.",
    Verdict.NOT_YET: "The customer token begins in the future.",
    Verdict.EXPIRED: "The event happened after the customer token's end, or came more than 7 days after it.",
}
"""One sentence for each verdict that is none of a good token. No ids: a failed event's reason outlives an erasure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token with a right signature says.

    Attributes:
        subject: the user id it speaks for.
        begins: the later of ``iat`` and ``nbf``.
        ends: ``exp``.
    """

    subject: str
    begins: datetime
    ends: datetime


Read = Callable[[str], Claims | Verdict]
"""Checks a token's signature and form: what it claims, or why it proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCheck:
    """What a source asks of the events of one request.

    Attributes:
        mode: report or enforce.
        read: checks a token; asked once for each event that must prove its customer, so it should remember.
        shared: the token of the whole request: the batch's context's, else the header's.
    """

    mode: TokenMode
    read: Read
    shared: object = None

    def judge(
        self, own: object, *, user_id: str | None, name: str, occurred_at: datetime, received_at: datetime
    ) -> Verdict | None:
        """Whether an event proves its customer; None where it has none to prove.

        Args:
            own: the event's own token, which goes before the request's.
            user_id: whom the event names.
            name: the event of a track call, else the type of the call.
            occurred_at: the event's corrected time.
            received_at: when it came.
        """
        if user_id is None:
            return Verdict.MISSING if is_weighty(name) else None
        token = self.shared if own is None else own
        if token is None or token == "":
            return Verdict.MISSING
        if not isinstance(token, str) or len(token) > LONGEST_TOKEN:
            return Verdict.UNREADABLE
        claims = self.read(token)
        if isinstance(claims, Verdict):
            return claims
        return judge_claims(claims, user_id=user_id, occurred_at=occurred_at, received_at=received_at)


def judge_claims(claims: Claims, *, user_id: str, occurred_at: datetime, received_at: datetime) -> Verdict:
    """Whether a token with a right signature proves an event's customer.

    Its end is held against the event's own time, as a phone that was offline sends late. An event cannot have happened
    after it was received, whatever its clock says. There is no lower bound: a token proves who sends, and he may tell
    what he did before he fetched it.
    """
    if claims.subject != user_id:
        return Verdict.PERSON
    if claims.begins > received_at + LEEWAY:
        return Verdict.NOT_YET
    if min(occurred_at, received_at) > claims.ends + LEEWAY or received_at > claims.ends + LATE + LEEWAY:
        return Verdict.EXPIRED
    return Verdict.VALID


def is_weighty(name: str) -> bool:
    """Whether an event of this name moves money or reward."""
    known = BY_NAME.get(name)
    return known is not None and known.weighty


def may_state(name: str) -> bool:
    """Whether a customer's own word is enough for an event of this name: not for money, reward, or Joren's own facts."""
    return not is_weighty(name) and name != EventName.ADDRESS_RETIRED
