"""The last decision before a push goes out: what the database says under lock, turned into a message or a reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from campaigns.campaign import Content
from campaigns.fields import clean
from campaigns.gates import Standing, recheck
from campaigns.message import (
    LONGEST_LIFE,
    PAYLOAD_LIMIT,
    AddressKind,
    Press,
    PushMessage,
    campaign_tag,
    is_too_large,
)
from campaigns.reasons import Reason
from campaigns.templates import MissingField, TextTooLong, fill
from campaigns.terms import SendingRules, Terms


class Candidate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One claimed delivery with everything the last check and the text need.

    Attributes:
        values: merge fields saved at launch together with the private ones read now.
        platform: of the device: ``ios``, ``android`` or ``web``; None where that is not known.
        occurrence: of the campaign; with the step it names the message.
        step: of a journey.
    """

    delivery_id: int
    standing: Standing
    address: str
    address_kind: AddressKind
    language: str | None
    values: Mapping[str, Any]
    expires_at: datetime
    platform: str | None = None
    occurrence: int = 1
    step: int = 0


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a claimed delivery is not sent now; ``not_before`` is there when it is only deferred."""

    reason: Reason
    not_before: datetime | None = None


def prepare(
    candidate: Candidate, *, campaign_id: int, content: Content, rules: SendingRules, terms: Terms, now: datetime
) -> PushMessage | Stop:
    """The message to send, or the first gate in the declared order that stops it; quiet hours that hold put it off."""
    said = recheck(candidate.standing, rules=rules, terms=terms, now=now, expires_at=candidate.expires_at, again=True)
    if said.reason is not None:
        return Stop(said.reason)
    if said.not_before > now:
        return Stop(Reason.QUIET_HOURS, said.not_before)
    try:
        return compose(candidate, campaign_id=campaign_id, content=content, now=now, currency=rules.currency)
    except MissingField:
        return Stop(Reason.MISSING_FIELD)
    except TextTooLong:
        return Stop(Reason.TOO_LONG)


def compose(
    candidate: Candidate, *, campaign_id: int, content: Content, now: datetime, currency: str = "JPY"
) -> PushMessage:
    """The message for one device; amounts are of the shop's ``currency``.

    Raises:
        MissingField: the text shows a field that the person lacks.
        TextTooLong: the filled-in text does not fit into a push.
    """
    content = content.on(candidate.platform)
    language = content.language_for(candidate.language)
    text = fill(content.texts()[language], clean(candidate.values), language=language, currency=currency)
    data = {
        "campaign_id": str(campaign_id),
        "delivery_id": str(candidate.delivery_id),
        "message_id": f"{campaign_id}-{candidate.occurrence}-{candidate.step}",
    }
    if content.coupon_id:
        data["coupon_id"] = content.coupon_id
    message = PushMessage(
        delivery_id=candidate.delivery_id,
        address=candidate.address,
        address_kind=candidate.address_kind,
        title=text.title,
        body=text.body,
        link=content.link,
        image=content.image,
        buttons=tuple(Press(button.id, button.label(language), button.link) for button in content.buttons),
        sound=content.sound,
        badge=content.badge,
        channel=content.channel,
        category=content.category,
        data=data,
        ttl_seconds=int(min(candidate.expires_at - now, LONGEST_LIFE).total_seconds()),
        tag=campaign_tag(campaign_id, occurrence=candidate.occurrence, step=candidate.step),
        label=f"campaign-{campaign_id}",
    )
    if is_too_large(message):
        raise TextTooLong(f"the message is larger than {PAYLOAD_LIMIT} bytes")
    return message
