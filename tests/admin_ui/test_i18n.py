"""Everything the pages say exists in Japanese, and nothing is said past the catalogue."""

import re
from collections import Counter
from html.parser import HTMLParser

import pytest
from jinja2 import Environment

from admin_ui.environment import TEMPLATES, make_environment
from admin_ui.i18n import Say, catalog, preferred
from tests.admin_ui.messages import used

PLACES = re.compile(r"%\((\w+)\)s")
SPOKEN_ATTRIBUTES = {"title", "aria-label", "placeholder", "alt", "data-tip", "data-confirm", "label"}
AS_IT_IS = {"日本語", "English", "utf-8", "noindex", "g", "h", "m", "s", "c"}
CODE = {"pre", "script", "style"}
NAMES = {"myshop://coupons", "Swift", "Kotlin", "React", "Native", "Python", "Node"}


def test_every_message_is_translated() -> None:
    japanese = catalog("ja")
    assert sorted(used() - japanese.keys()) == []


def test_no_translation_is_left_over() -> None:
    assert sorted(catalog("ja").keys() - used()) == []


def test_no_message_stands_twice() -> None:
    source = (TEMPLATES.parent / "locales" / "ja" / "messages.po").read_text()
    messages = Counter(re.findall(r'^msgid "(.+)"$', source, re.MULTILINE))
    assert len(messages) > 1000
    assert [message for message, times in messages.items() if times > 1] == []


def test_translations_keep_their_places() -> None:
    wrong = {
        english: text
        for english, text in catalog("ja").items()
        if set(PLACES.findall(text)) - set(PLACES.findall(english))
    }
    assert wrong == {}


def test_japanese_texts_are_japanese() -> None:
    latin = {text for text in catalog("ja").values() if not re.search(r"[ぁ-んァ-ヶ一-龠]", text)}
    assert latin <= {"CSV", "PNG", "SVG", "SMS", "%(what)s：%(name)s", "・"}


class _Bare(HTMLParser):
    """Collects text and spoken attributes that stand in a template outside any expression."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in CODE:
            self._inside.append(tag)
        self.found += [value for name, value in attrs if name in SPOKEN_ATTRIBUTES and value]

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.found += data.split()


def bare(environment: Environment, source: str) -> list[str]:
    """Words of a template that no expression says."""
    parser = _Bare()
    parser.feed("".join(value if token == "data" else " " for _, token, value in environment.lex(source)))
    return [
        text
        for text in parser.found
        if re.search(r"[^\W\d_]", text) and '="' not in text and text.strip() not in AS_IT_IS | NAMES
    ]


@pytest.mark.parametrize("name", sorted(str(p.relative_to(TEMPLATES)) for p in TEMPLATES.rglob("*.html")))
def test_no_template_holds_bare_text(name: str) -> None:
    assert bare(make_environment(), (TEMPLATES / name).read_text()) == []


def test_bare_text_is_found() -> None:
    source = '<p title="Hello">{{ _("fine") }} 会員</p><pre>code</pre>'
    assert bare(make_environment(), source) == ["Hello", "会員"]


@pytest.mark.parametrize(
    ("header", "language"),
    [("", "ja"), ("en-GB,en;q=0.9", "en"), ("fr,ja;q=0.5,en;q=0.4", "ja"), ("fr", "ja"), ("ja;q=0.1,en;q=x", "ja")],
)
def test_the_browser_is_asked_for_its_language(header: str, language: str) -> None:
    assert preferred(header) == language


def test_saying() -> None:
    assert Say("ja")("Saved.") == "保存しました。"
    assert Say("en").plural("%(n)s order", "%(n)s orders", 1) == "1 order"
    assert Say("en").plural("%(n)s order", "%(n)s orders", 2) == "2 orders"
    assert Say("en").pick({"ja": "会員", "en": "Member"}) == "Member"
    assert Say("ja")("Never translated %% of it") == "Never translated % of it"
