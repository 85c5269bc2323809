"""The inbox of an app: what of the ledger an app shows, and in which words."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.campaign import Draft, Variant
from campaigns.content import Button, Content, Text
from campaigns.definition import to_json
from campaigns.inbox import Kept, Key, Reader, content_at, message_of, read_key

AT = datetime(2026, 11, 22, 3, tzinfo=UTC)
TEA = Content(
    ja=Text("{{ 姓 }}様へ", "{{ ポイント | default('0') }}ポイント"),
    en=Text("Tea", "For you"),
    link="myshop://tea",
    image="https://shop.example/tea.png",
    buttons=(Button(id="book", ja="予約", en="Book", link="myshop://book"),),
    coupon_id="TEA10",
)
SATO = Reader(language="ja-JP", family_name="佐藤", given_name=None)


def kept(content: Content = TEA, **values: Any) -> Kept:
    return Kept(key=Key(7, 1, 0), sent_at=AT, content=content, values=values, read_at=None)


def test_a_message_is_filled_in_for_its_reader() -> None:
    message = message_of(kept(points=120), SATO)
    assert message is not None
    assert (message.id, message.title, message.body) == ("7-1-0", "佐藤様へ", "120ポイント")
    assert [(each.label, each.link) for each in message.buttons] == [("予約", "myshop://book")]
    assert (message.link, message.image, message.coupon_id) == ("myshop://tea", TEA.image, "TEA10")
    english = message_of(kept(), Reader(language="en", family_name=None, given_name=None))
    assert english is not None
    assert (english.title, english.buttons[0].label) == ("Tea", "Book")


def test_who_lacks_a_field_that_the_text_shows_finds_no_gap() -> None:
    assert message_of(kept(), Reader(language="ja", family_name=None, given_name=None)) is None


def test_a_message_is_the_variant_and_the_step_that_the_person_got() -> None:
    other = Content(en=Text("Coffee", "B"))
    tested = Draft(
        name="x",
        segment_id=1,
        content=TEA,
        variants=(Variant(name="A", share=50, content=TEA), Variant(name="B", share=50, content=other)),
    )
    assert content_at(to_json(tested), step=0, variant="B") == other
    assert content_at(to_json(tested), step=0, variant="A") == TEA
    assert content_at(to_json(tested), step=0, variant=None) == TEA  # left out before anybody was drawn
    assert content_at(to_json(Draft(name="x", segment_id=1, content=TEA)), step=0, variant=None) == TEA


@given(st.integers(0, 2**31 - 1), st.integers(0, 10**18 - 1), st.integers(0, 2**15 - 1))
def test_a_key_reads_back(campaign: int, occurrence: int, step: int) -> None:
    key = Key(campaign, occurrence, step)
    assert read_key(str(key)) == key


@pytest.mark.parametrize("text", ["", "1-2", "1-2-3-4", "a-1-2", "-1-2-3", "1-2-99999", "9999999999-1-1", "1-2-³"])
def test_anything_else_is_no_key(text: str) -> None:
    assert read_key(text) is None
