"""The inbox that an app shows: every push a customer was meant to get, kept, whether or not a phone could show it.

Whom a campaign left out for want of consent to pushes or of a phone finds it here all the same; who is control, capped or
excluded does not, or the comparison and the cap would be worth nothing. Texts are filled in when they are read.

Nothing here may load Polars: intake processes serve the inbox.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from campaigns.content import Content
from campaigns.fields import clean
from campaigns.templates import MissingField, TextTooLong, fill

KEPT = timedelta(days=90)
"""How long a message is shown."""

SHOWN_THOUGH_LEFT_OUT = ("address", "consent", "expiry", "quiet_hours")
"""Reasons for which no push went out that say nothing against reading the message in the app: the ledger keeps its fields for them too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Whose inbox it is: what texts may say about the person."""

    language: str | None
    family_name: str | None
    given_name: str | None
    currency: str = "JPY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One message as the ledger keeps it.

    Attributes:
        key: its number; see `read_key`.
        sent_at: the planned moment.
        values: merge fields as they were when the message was planned.
        read_at: when the customer read it.
    """

    key: "Key"
    sent_at: datetime
    content: Content
    values: Mapping[str, Any]
    read_at: datetime | None


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Which message of a customer: of what campaign, occurrence and step."""

    campaign_id: int
    occurrence: int
    step: int

    def __str__(self) -> str:
        return f"{self.campaign_id}-{self.occurrence}-{self.step}"


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """A button of a message.

    Attributes:
        link: where it leads; None leads where the message leads.
    """

    id: str
    label: str
    link: str | None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message as an app shows it.

    Attributes:
        id: tells it from others; the push's data carries the same as ``message_id``.
        link: where a tap leads; None opens the app.
        coupon_id: the coupon that it is about.
    """

    id: str
    title: str
    body: str
    image: str | None
    link: str | None
    buttons: tuple[Action, ...]
    coupon_id: str | None
    sent_at: datetime
    read_at: datetime | None


def read_key(text: str) -> Key | None:
    """The key that `Key.__str__` wrote; None for anything else."""
    parts = text.split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 18 for part in parts):  # noqa: PLR2004 - its three numbers
        return None
    campaign_id, occurrence, step = map(int, parts)
    return Key(campaign_id, occurrence, step) if campaign_id < 2**31 and step < 2**15 else None


def content_at(definition: Mapping[str, Any], *, step: int, variant: str | None) -> Content:
    """The content that somebody got, out of the version of the campaign's JSON that held for her.

    Args:
        definition: as `campaigns.definition` writes it.
        step: of a journey; 0 where the campaign is none.
        variant: the name of hers; None where there is but one content, and of who was left out before the draw: she reads the first one.
    """
    steps = definition.get("steps")
    sent: Mapping[str, Any] = steps[step] if steps else definition
    compared = sent.get("variants", ())
    chosen = next((each for each in compared if each["name"] == variant), compared[0] if compared else sent)
    return msgspec.convert(chosen["content"], Content)


def message_of(kept: Kept, reader: Reader) -> Message | None:
    """What the app shows; None where the text needs a field that the customer lacks, as no push would have gone out."""
    language = kept.content.language_for(reader.language)
    values = {**kept.values, "family_name": reader.family_name, "given_name": reader.given_name}
    try:
        filled = clean(values)
        text = fill(kept.content.texts()[language], filled, language=language, currency=reader.currency)
    except (MissingField, TextTooLong):
        return None
    content = kept.content
    return Message(
        id=str(kept.key),
        title=text.title,
        body=text.body,
        image=content.image,
        link=content.link,
        buttons=tuple(Action(id=each.id, label=each.label(language), link=each.link) for each in content.buttons),
        coupon_id=content.coupon_id,
        sent_at=kept.sent_at,
        read_at=kept.read_at,
    )
