"""Failed events in words: why, where, and what to do. And their bytes, safe to look at."""

from collections.abc import Sequence

from admin_ui.i18n import Say, mark
from segments.failures import FAILURES
from segments.tokens import UNVERIFIED
from segments.violations import WORDS, read_violation

SHOWN = 100_000
"""Characters of a failed event that a page shows."""

_FORM = mark("The app must send each event as one JSON object with a type such as track or identify. The SDKs do.")
_SMALLER = mark("Send less in one event: at most 32 KiB and 64 levels.")
_IDS = mark("Each event needs userId or anonymousId, texts of at most 255 characters. The SDKs do that by themselves.")
_NAMES = mark("A track call names its event, in at most 200 characters.")
_OBJECTS = mark("context, properties and traits must be JSON objects.")
_KNOWN = mark(
    "Events that Joren understands need these properties, because figures are made of them. Mend the app. If it speaks "
    "Google Analytics 4, let the source's tracking plan take GA4's names, then replay."
)

ADVICE = {
    "unreadable": _FORM,
    "not_an_object": _FORM,
    "missing_type": _FORM,
    "unknown_type": _FORM,
    "too_large": _SMALLER,
    "too_deep": _SMALLER,
    "bad_text": mark("The app must not send the character U+0000: no database can keep it."),
    "bad_message_id": mark("messageId is a text of at most 100 characters."),
    "missing_id": _IDS,
    "bad_id": _IDS,
    "missing_event": _NAMES,
    "bad_event": _NAMES,
    "bad_timestamp": mark("Times are written like 2026-04-01T09:30:00Z and are not older than history is kept."),
    "bad_context": _OBJECTS,
    "bad_properties": _OBJECTS,
    "missing_property": _KNOWN,
    "bad_property": _KNOWN,
    "plan_violation": mark("Mend the app, or loosen the source's tracking plan; then replay."),
    "batch_too_long": mark("These can be replayed as they are. From now on, send at most 2,500 events in a batch."),
    "not_storable": mark("This should not happen: report it. Replay after the next release."),
}
"""What to do, by code."""

_TOKENS = mark("Mend how customer tokens are made, or let the source only report them; then replay.")
_UNKNOWN = mark("Mend the cause, then replay.")


def why(code: str, say: Say) -> str:
    """A code of a failed event in words."""
    words = FAILURES.get(code)
    return say.pick({"ja": words[0], "en": words[1]}) if words else code


def what_to_do(code: str, say: Say) -> str:
    """What helps against failures of a code."""
    return say(_TOKENS if code.startswith(UNVERIFIED) else ADVICE.get(code, _UNKNOWN))


def broken_rules(violations: Sequence[str], say: Say) -> list[tuple[str, str]]:
    """Violations as words and path; one of a release that knew other rules goes by its code."""
    return [_rule(text, say) for text in violations]


def _rule(text: str, say: Say) -> tuple[str, str]:
    try:
        found = read_violation(text)
    except ValueError:
        return text.partition(":")[0], text.partition(":")[2]
    ja, en = WORDS[found.code]
    return say.pick({"ja": ja, "en": en}), found.path


def readable(raw: bytes) -> str:
    """Bytes as text that shows what is there: what is no UTF-8, unseen or turns the direction of writing is escaped."""
    text = raw.decode("utf-8", "backslashreplace")[:SHOWN]
    return "".join(each if each.isprintable() or each in "\n\t" else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04x}"
