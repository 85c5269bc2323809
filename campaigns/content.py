"""What a push says: texts by language, picture, buttons, sound, and what differs by platform. Values and their own checks.

They are read from JSON strictly, and written without what is as usual (`campaigns.definition`).

Whether the texts hold as templates, and whether all of it fits into a push, is asked by `campaigns.wording`.
"""

import re
from collections.abc import Mapping, Sequence
from math import isclose
from typing import Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from campaigns.errors import DraftIncomplete

LANGUAGES = ("ja", "en")
"""Languages a text can be written in, the first one first."""

Platform: TypeAlias = Literal["ios", "android", "web"]
PLATFORMS: tuple[Platform, ...] = ("ios", "android", "web")

MOST_BUTTONS = 3
"""Android shows three; a browser may show fewer."""
LONGEST_LABEL = 40
LARGEST_BADGE = 9_999
MOST_VARIANTS = 5
LONGEST_NAME = 20
"""Characters of a variant's name, of a button's id, of a sound file, channel or category."""

_BUTTON_ID = re.compile(r"[a-z0-9_-]{1,20}")
_VARIANT_NAME = re.compile(r"[A-Za-z0-9_-]{1,20}")
_RESOURCE = re.compile(r"[A-Za-z0-9_.-]{1,100}")


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Title and body in one language, as templates (see `campaigns.templates`)."""

    title: str
    body: str


class Button(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One button under a push.

    A browser shows it by itself. An Android app reads it out of the message's data (``buttons``) and shows it. iOS shows
    the buttons of a category that the app has registered: see `Content.category`.

    Attributes:
        id: what the app or the page learns when it is pressed, such as ``book``.
        ja: its label in Japanese; who reads a language without label gets the other one's.
        en: its label in English.
        link: where it leads; None leads where the push leads.
    """

    id: str
    ja: str | None = None
    en: str | None = None
    link: str | None = None

    def label(self, language: str) -> str:
        """The label for who reads ``language``."""
        return (self.en or self.ja or "") if language == "en" else (self.ja or self.en or "")


class Override(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What one platform gets in place of what all get; None leaves it as it is."""

    ja: Text | None = None
    en: Text | None = None
    link: str | None = None
    image: str | None = None
    sound: str | None = None


class Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What a push says. At least one language is there; a person without hers gets the first there is.

    Attributes:
        link: where a tap leads, https or the app's own scheme; None opens the app.
        coupon_id: the coupon it is about.
        image: https address of a picture.
        buttons: at most three; see `Button` for who shows them.
        sound: ``default``, the name of a sound file in the app, or None for silence. From Android 8 on the channel decides.
        badge: the number on the app's icon; None leaves it as it is.
        channel: Android's notification channel, None for the app's default one.
        category: iOS: the notification category whose buttons are shown.
        ios: what iPhones get in place of it.
        android: what Android phones get in place of it.
        web: what browsers get in place of it.
    """

    ja: Text | None = None
    en: Text | None = None
    link: str | None = None
    coupon_id: str | None = None
    image: str | None = None
    buttons: tuple[Button, ...] = ()
    sound: str | None = "default"
    badge: int | None = None
    channel: str | None = None
    category: str | None = None
    ios: Override | None = None
    android: Override | None = None
    web: Override | None = None

    def texts(self) -> dict[str, Text]:
        """The texts there are, by language, the first language first."""
        both = {language: self.text(language) for language in LANGUAGES}
        return {language: text for language, text in both.items() if text is not None}

    def text(self, language: str) -> Text | None:
        """The text in one of `LANGUAGES`, where there is one."""
        return self.ja if language == "ja" else self.en

    def language_for(self, wanted: str | None) -> str:
        """The language a person who speaks ``wanted`` (``en-GB``, None …) gets."""
        short = (wanted or "").lower().replace("_", "-").split("-")[0]
        if short in LANGUAGES and self.text(short) is not None:
            return short
        return next(language for language in LANGUAGES if self.text(language) is not None)

    def overrides(self) -> dict[Platform, Override]:
        """What differs, by platform."""
        every: dict[Platform, Override | None] = {"ios": self.ios, "android": self.android, "web": self.web}
        return {platform: override for platform, override in every.items() if override is not None}

    def on(self, platform: str | None) -> "Content":
        """What a phone of ``platform`` gets: this content with what differs there put in its place."""
        override = getattr(self, platform) if platform in PLATFORMS else None
        if override is None:
            return self
        return replace(
            self,
            ja=override.ja or self.ja,
            en=override.en or self.en,
            link=override.link or self.link,
            image=override.image or self.image,
            sound=override.sound or self.sound,
            ios=None,
            android=None,
            web=None,
        )


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One of several contents that are compared.

    Attributes:
        name: ``A``, ``B`` …; reports call it so.
        share: percent of the treated who get it; all shares add up to 100.
    """

    name: str
    share: float
    content: Content


def content_of(name: str | None, variants: Sequence[Variant], usual: Content) -> Content:
    """What a person of a variant gets; without variants, and for a name there is not, the usual content."""
    return next((each.content for each in variants if each.name == name), usual)


def check_shape(content: Content, *, field: str = "content") -> None:
    """Refuse content that cannot stand, whatever its texts say.

    Args:
        content: what is asked about.
        field: where it stands in the draft.

    Raises:
        DraftIncomplete: naming the field.
    """
    if not content.texts():
        raise DraftIncomplete("write a title and a body in at least one language", field=field)
    _check_parts(content, field)
    for platform, override in content.overrides().items():
        missing = {"ja": override.ja, "en": override.en}.keys() - content.texts().keys()
        for language in sorted(missing):
            if getattr(override, language) is not None:
                raise DraftIncomplete(
                    "write this language for every platform first", field=f"{field}.{platform}.{language}"
                )
        _check_parts(content.on(platform), f"{field}.{platform}")
    _check_buttons(content.buttons, field)
    if content.badge is not None and not 0 <= content.badge <= LARGEST_BADGE:
        raise DraftIncomplete(f"the badge is between 0 and {LARGEST_BADGE}", field=f"{field}.badge")
    for name, value in (("channel", content.channel), ("category", content.category)):
        _check_resource(value, f"{field}.{name}")


def _check_parts(content: Content, field: str) -> None:
    check_link(content.link, field=f"{field}.link")
    if content.image is not None and not (content.image.startswith("https://") and _is_one_word(content.image)):
        raise DraftIncomplete("a picture is an address that begins with https://", field=f"{field}.image")
    _check_resource(content.sound, f"{field}.sound")


def _check_resource(value: str | None, field: str) -> None:
    if value is not None and not _RESOURCE.fullmatch(value):
        raise DraftIncomplete("write a name of letters, digits, dots, - and _", field=field)


def _check_buttons(buttons: Sequence[Button], field: str) -> None:
    if len(buttons) > MOST_BUTTONS:
        raise DraftIncomplete(f"a push has at most {MOST_BUTTONS} buttons", field=f"{field}.buttons")
    for place, button in enumerate(buttons):
        where = f"{field}.buttons[{place}]"
        if not _BUTTON_ID.fullmatch(button.id) or button.id in [other.id for other in buttons[:place]]:
            raise DraftIncomplete(
                "a button's id has small letters, digits, - and _, and is its own", field=f"{where}.id"
            )
        for language in LANGUAGES:
            if not 1 <= len(button.label(language).strip()) <= LONGEST_LABEL:
                raise DraftIncomplete(
                    f"a button's label has 1 to {LONGEST_LABEL} characters", field=f"{where}.{language}"
                )
        check_link(button.link, field=f"{where}.link")


def check_link(link: str | None, *, field: str) -> None:
    """Refuse a link that leads nowhere a phone should go.

    Raises:
        DraftIncomplete: naming the field.
    """
    if link is None:
        return
    scheme, separator, _ = link.partition("://")
    refused = scheme.lower() in ("http", "javascript", "data", "file", "vbscript")
    if not separator or not scheme or refused or not _is_one_word(link):
        raise DraftIncomplete("a link begins with https:// or the app's own scheme, such as myshop://", field=field)


def _is_one_word(address: str) -> bool:
    return not any(character.isspace() for character in address)


def check_variants(variants: Sequence[Variant]) -> None:
    """Refuse variants that cannot be compared.

    Raises:
        DraftIncomplete: naming the field.
    """
    if not variants:
        return
    if not 2 <= len(variants) <= MOST_VARIANTS:  # noqa: PLR2004 - fewer than two compare nothing
        raise DraftIncomplete(f"compare 2 to {MOST_VARIANTS} variants", field="variants")
    for place, variant in enumerate(variants):
        if not _VARIANT_NAME.fullmatch(variant.name) or variant.name in [other.name for other in variants[:place]]:
            raise DraftIncomplete("a variant has a short name of its own, such as A", field=f"variants[{place}].name")
        if not 0 < variant.share < 100:  # noqa: PLR2004 - percent
            raise DraftIncomplete("a variant's share is above 0 and below 100 %", field=f"variants[{place}].share")
        check_shape(variant.content, field=f"variants[{place}].content")
    if not isclose(sum(variant.share for variant in variants), 100, abs_tol=0.005):
        raise DraftIncomplete("the shares of the variants add up to 100 %", field="variants")


def shares(variants: Sequence[Variant]) -> Mapping[str, float]:
    """Percent of the treated by variant."""
    return {variant.name: variant.share for variant in variants}
