"""What a campaign may say: names on a locked phone, and the size of a push, in every text of it."""

from typing import Any

import pytest

from campaigns.campaign import Content, Draft, Text
from campaigns.content import Button, Override, Variant
from campaigns.errors import DraftIncomplete
from campaigns.steps import Send
from campaigns.templates import fields_of, required_fields
from campaigns.wording import check_words

PLAIN = Content(ja=Text("お茶", "入荷しました"))
NAMED = Content(ja=Text("お茶", "{% if 姓 %}{{ 姓 }}様へ{% endif %}"))


def refusal(content: Content = PLAIN, **more: Any) -> tuple[str, str] | None:
    """Field and code of what is refused."""
    try:
        check_words(Draft(name="Tea", segment_id=1, content=content, **more))
    except DraftIncomplete as error:
        return error.field, error.code
    return None


def test_names_are_for_unlocked_phones_unless_allowed() -> None:
    assert refusal() is None
    assert refusal(NAMED) == ("content.ja.body", "name_on_lock_screen")
    assert refusal(NAMED, names_on_lock_screen=True) is None
    given = Content(ja=Text("お茶", "b"), en=Text("Dear {{ given_name }}", "b"))
    assert refusal(given, names_on_lock_screen=True) == ("content.en.title", "name_on_lock_screen")


def test_every_text_of_a_campaign_is_looked_at() -> None:
    on_ios = Content(ja=Text("お茶", "b"), ios=Override(ja=Text("{{ 姓 }}", "b")))
    assert refusal(on_ios) == ("content.ios.ja.title", "name_on_lock_screen")
    both = (Variant(name="A", share=50, content=PLAIN), Variant(name="B", share=50, content=NAMED))
    assert refusal(variants=both) == ("variants[1].content.ja.body", "name_on_lock_screen")
    assert refusal(steps=(Send(content=PLAIN), Send(content=NAMED))) is not None
    bad = Content(ja=Text("{{ 性 }}", "b"))
    assert refusal(Content(ja=Text("お茶", "b"), web=Override(ja=bad.ja))) == (
        "content.web.ja.title",
        "draft_incomplete",
    )


@pytest.mark.parametrize("room", [True, False])
def test_a_push_holds_4096_bytes_with_everything_in_it(*, room: bool) -> None:
    link = "https://shop.example/" + "x" * (600 if room else 1100)
    long = Content(ja=Text("お茶", "あ" * 800), link=link, buttons=(Button(id="go", ja="行く"),), coupon_id="tea10")
    assert refusal(long) == (None if room else ("content.ja.body", "payload"))


def test_samples_fill_the_fields_before_the_size_is_looked_at() -> None:
    link = "https://shop.example/" + "x" * 390
    fits = [n for n in range(1050, 1250) if refusal(Content(ja=Text("お茶", "あ" * n), link=link)) is None]
    assert refusal(Content(ja=Text("お茶", "あ" * max(fits)), link=link)) is None
    filled = Text("お茶", "{{ よく買うカテゴリー }}" + "あ" * max(fits))
    assert refusal(Content(ja=filled, link=link)) == ("content.ja.body", "payload")


def test_what_cannot_be_kept_is_refused() -> None:
    assert refusal(Content(ja=Text("お茶", "a\x00b"))) == ("content", "draft_incomplete")
    assert refusal(Content(ja=Text("お茶", "a\\u0000b"))) is None


def test_fields_of_every_platform_are_needed() -> None:
    content = Content(ja=Text("お茶", "{{ rank }}"), ios=Override(ja=Text("お茶", "{{ store }}")))
    assert required_fields(content) == {"ja": {"rank", "store"}}
    assert fields_of(content) == {"rank", "store"}
