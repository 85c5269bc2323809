"""The editor's fields of one content: texts by language, link, picture, buttons, sound, and what differs by platform.

An editor can hold several contents: those of variants, and those of a journey's steps. Each has its slot, the end of its
fields' names: ``ja_title`` belongs to the first one, ``ja_title.1`` to the second.
"""

import re
from collections.abc import Mapping

from campaigns.content import LANGUAGES, MOST_BUTTONS, PLATFORMS, Button, Content, Override, Text

Fields = dict[str, str]
"""What was typed, by field."""

FIRST = ""
"""The slot of the only content, and of the first of several."""

SOUNDS = ("default", "silent", "named")

_TEXTS = tuple(f"{language}_{part}" for language in LANGUAGES for part in ("title", "body"))
_BUTTON_PARTS = ("id", "ja", "en", "link")
_OVERRIDE_PARTS = (*_TEXTS, "link", "image", "sound")

BLANK: Mapping[str, str] = {
    **dict.fromkeys(_TEXTS, ""),
    "link": "",
    "coupon_id": "",
    "image": "",
    "sound": "default",
    "sound_name": "",
    "badge": "",
    "channel": "",
    "category": "",
    "shown": "",
    **{f"button{place}_{part}": "" for place in range(MOST_BUTTONS) for part in _BUTTON_PARTS},
    **{f"{platform}_{part}": "" for platform in PLATFORMS for part in _OVERRIDE_PARTS},
}
"""Every field of a content with what stands in it at first; ``shown`` is the language whose tab is open."""

_TEXT = re.compile(r"(?:(?P<platform>ios|android|web)\.)?(?P<language>ja|en)(?:\.(?P<part>title|body))?")
_OF_PLATFORM = re.compile(r"(?P<platform>ios|android|web)\.(?P<part>link|image|sound)")
_OF_BUTTON = re.compile(r"buttons\[(?P<place>\d+)\]\.(?P<part>\w+)")


def blank(slot: str) -> Fields:
    """The fields of a new content."""
    return {f"{name}{slot}": value for name, value in BLANK.items()}


def read(fields: Mapping[str, str], slot: str) -> Content:
    """The content that was typed; a badge that is no number is none, see `wrong`."""
    typed = {name: fields.get(f"{name}{slot}", value) for name, value in BLANK.items()}
    return Content(
        ja=_text(typed, "ja"),
        en=_text(typed, "en"),
        link=typed["link"] or None,
        coupon_id=typed["coupon_id"] or None,
        image=typed["image"] or None,
        buttons=_buttons(typed),
        sound={"default": "default", "silent": None}.get(typed["sound"], typed["sound_name"] or "default"),
        badge=int(typed["badge"]) if typed["badge"].isdecimal() else None,
        channel=typed["channel"] or None,
        category=typed["category"] or None,
        ios=_override(typed, "ios"),
        android=_override(typed, "android"),
        web=_override(typed, "web"),
    )


def wrong(fields: Mapping[str, str], slot: str) -> list[str]:
    """Fields whose text is none of what they hold."""
    badge = fields.get(f"badge{slot}", "")
    return [f"badge{slot}"] if badge and not (badge.isascii() and badge.isdecimal() and len(badge) <= 4) else []  # noqa: PLR2004 - the largest badge has four digits


def write(content: Content, slot: str) -> Fields:
    """The fields of a content."""
    named = content.sound not in (None, "default")
    found = blank(slot)
    found |= {
        f"{name}{slot}": value
        for name, value in {
            **_texts(content, ""),
            "link": content.link or "",
            "coupon_id": content.coupon_id or "",
            "image": content.image or "",
            "sound": "silent" if content.sound is None else "named" if named else "default",
            "sound_name": (content.sound or "") if named else "",
            "badge": "" if content.badge is None else str(content.badge),
            "channel": content.channel or "",
            "category": content.category or "",
        }.items()
    }
    for place, button in enumerate(content.buttons[:MOST_BUTTONS]):
        found |= {f"button{place}_{part}{slot}": getattr(button, part) or "" for part in _BUTTON_PARTS}
    for platform, override in content.overrides().items():
        parts = {**_texts(override, ""), **{part: getattr(override, part) or "" for part in ("link", "image", "sound")}}
        found |= {f"{platform}_{part}{slot}": value for part, value in parts.items()}
    return found


def field_of(path: str) -> str:
    """The field, without its slot, for a place within a content, such as ``ja.title`` or ``buttons[0].link``."""
    if text := _TEXT.fullmatch(path):
        begin = f"{text['platform']}_" if text["platform"] else ""
        return f"{begin}{text['language']}_{text['part'] or 'title'}"
    if of_platform := _OF_PLATFORM.fullmatch(path):
        return f"{of_platform['platform']}_{of_platform['part']}"
    if button := _OF_BUTTON.fullmatch(path):
        return f"button{button['place']}_{button['part']}"
    return path if path in BLANK else "content"


def folded(fields: Mapping[str, str], slot: str, part: str) -> bool:
    """Whether a folded part of the form (``buttons``, ``sound``, ``platforms``) has nothing in it."""
    prefixes = {"buttons": ("button",), "sound": ("sound", "badge", "channel", "category")}
    begin = prefixes.get(part, tuple(f"{platform}_" for platform in PLATFORMS))
    mine = (name for name in BLANK if name.startswith(begin))
    return all(fields.get(f"{name}{slot}", BLANK[name]) == BLANK[name] for name in mine)


def _text(typed: Mapping[str, str], language: str, platform: str = "") -> Text | None:
    title, body = (typed[f"{platform}{language}_{part}"] for part in ("title", "body"))
    return Text(title, body) if title or body else None


def _texts(of: Content | Override, begin: str) -> Fields:
    texts = {"ja": of.ja, "en": of.en}
    return {
        f"{begin}{language}_{part}": getattr(text, part) if text else ""
        for language, text in texts.items()
        for part in ("title", "body")
    }


def _buttons(typed: Mapping[str, str]) -> tuple[Button, ...]:
    """The buttons of which anything was typed; one without an id gets one of its own place."""
    found: list[Button] = []
    for place in range(MOST_BUTTONS):
        parts = {part: typed[f"button{place}_{part}"] for part in _BUTTON_PARTS}
        if any(parts.values()):
            found.append(
                Button(
                    id=parts["id"] or f"button{place + 1}",
                    ja=parts["ja"] or None,
                    en=parts["en"] or None,
                    link=parts["link"] or None,
                )
            )
    return tuple(found)


def _override(typed: Mapping[str, str], platform: str) -> Override | None:
    override = Override(
        ja=_text(typed, "ja", f"{platform}_"),
        en=_text(typed, "en", f"{platform}_"),
        link=typed[f"{platform}_link"] or None,
        image=typed[f"{platform}_image"] or None,
        sound=typed[f"{platform}_sound"] or None,
    )
    return None if override == Override() else override
