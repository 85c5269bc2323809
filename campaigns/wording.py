"""Whether what a campaign says can go out: as templates, within a push's size, and fit to be read on a locked phone."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from campaigns.campaign import Draft
from campaigns.content import Content, Text
from campaigns.definition import to_json
from campaigns.dispatch import Candidate, compose
from campaigns.errors import DraftIncomplete
from campaigns.fields import PRIVATE, samples
from campaigns.gates import Standing
from campaigns.message import PAYLOAD_LIMIT, AddressKind, PushMessage, payload_bytes
from campaigns.templates import TextTooLong, check_content, compile_template

SHOWN_WHERE_ALLOWED = "family_name"
"""The one name that a text may show where the campaign allows names; given names never stand on a lock screen."""

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_ANYBODY = Standing(
    customer_id=0, gone=False, consented=True, excluded=False, address_live=True, sent_day=0, sent_week=0
)
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_LARGEST_NUMBER, _LARGEST_CAMPAIGN, _LARGEST_STEP = 2**63 - 1, 2**31 - 1, 2**15 - 1


def check_words(draft: Draft) -> None:
    """Refuse a draft with a text that could not go out.

    Raises:
        DraftIncomplete: naming the field; ``code`` is ``name_on_lock_screen`` or ``payload`` for these.
    """
    if _NUL.search(msgspec.json.encode(to_json(draft))):
        raise DraftIncomplete("a text holds the character NUL, which cannot be kept", field="content")
    for field, content in draft.contents():
        for place, one in _everywhere(field, content):
            check_content(one, field=place)
            for language in one.texts():
                _check_text(one, language, place, names=draft.names_on_lock_screen)


def complaints_about_words(draft: Draft) -> Iterator[DraftIncomplete]:
    """What `check_words` refuses: the first thing of each content on each platform."""
    for field, content in draft.contents():
        for place, one in _everywhere(field, content):
            try:
                check_content(one, field=place)
                for language in one.texts():
                    _check_text(one, language, place, names=draft.names_on_lock_screen)
            except DraftIncomplete as error:
                yield error


def _check_text(content: Content, language: str, place: str, *, names: bool) -> None:
    _check_names(content.texts()[language], f"{place}.{language}", allowed=names)
    _check_size(content, language, f"{place}.{language}.body")


def _everywhere(field: str, content: Content) -> Iterator[tuple[str, Content]]:
    """What phones get that nothing differs for, and what those of a platform get."""
    yield field, content
    for platform in content.overrides():
        yield f"{field}.{platform}", content.on(platform)


def _check_names(text: Text, field: str, *, allowed: bool) -> None:
    for part, source in (("title", text.title), ("body", text.body)):
        names = compile_template(source).fields & PRIVATE
        refused = names - {SHOWN_WHERE_ALLOWED} if allowed else names
        if not refused:
            continue
        reason = (
            "a given name never stands on a lock screen; the family name can"
            if allowed
            else "whoever looks at a locked phone reads this name; take it out, or allow names_on_lock_screen"
        )
        raise DraftIncomplete(reason, field=f"{field}.{part}", code="name_on_lock_screen")


def weight(content: Content) -> int | None:
    """Bytes of the largest push that this makes, in any language and on any platform; None where one outgrows a push.

    Raises:
        TemplateError: a text is no template.
    """
    try:
        every = [one for _, one in _everywhere("", content)]
        return max(payload_bytes(_largest(one, language)) for one in every for language in one.texts())
    except TextTooLong:
        return None


def _check_size(content: Content, language: str, field: str) -> None:
    try:
        _largest(content, language)
    except TextTooLong as error:
        reason = f"with everything filled in, it outgrows the {PAYLOAD_LIMIT:,} bytes of a push"
        raise DraftIncomplete(reason, field=field, code="payload") from error


def _largest(content: Content, language: str) -> PushMessage:
    """With the longer of the samples in every field, and the largest numbers."""
    candidate = Candidate(
        delivery_id=_LARGEST_NUMBER,
        standing=_ANYBODY,
        address="",
        address_kind=AddressKind.FID,
        language=language,
        values={name: max(value, samples("en")[name], key=_size) for name, value in samples("ja").items()},
        expires_at=_NOW + timedelta(hours=1),
        occurrence=_LARGEST_NUMBER,
        step=_LARGEST_STEP,
    )
    return compose(candidate, campaign_id=_LARGEST_CAMPAIGN, content=content, now=_NOW)


def _size(value: object) -> int:
    return len(str(value).encode())
