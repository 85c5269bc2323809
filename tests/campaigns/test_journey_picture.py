"""A journey in words and as a picture."""

from datetime import timedelta

import pytest

from campaigns.journey_picture import START, Arrow, Count, draw
from campaigns.journey_words import Words, describe
from campaigns.steps import Wait
from tests.campaigns.test_journey import ONBOARDING

JA, EN = Words(language="ja", coupons={"WELCOME": "初回500円引き"}), Words(language="en")


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (EN, {0: '1. Send "Welcome"', 1: "2. Wait for orders, 3 days at most; without it, go to 4",
              4: "5. Wait until 1 day after the next 10:00 on the person's clock", 7: '8. Give the coupon "WELCOME"',
              8: '9. Set the trait "onboarded" to "True"'}),
        (JA, {0: "1. 「ようこそ」を送る", 1: "2. 購入を最長3日間待つ。なければ4へ", 6: "7. 終了",
              7: "8. クーポン「初回500円引き」を発行する"}),
    ],
)  # fmt: skip
def test_every_step_has_a_line(words: Words, lines: dict[int, str]) -> None:
    told = describe(ONBOARDING, words)
    assert len(told) == len(ONBOARDING)
    assert {place: told[place] for place in lines} == lines


@pytest.mark.parametrize(("words", "line"), [(JA, "1. 3日間待つ"), (EN, "1. Wait 3 days")])
def test_a_wait_has_a_line(words: Words, line: str) -> None:
    assert list(describe((Wait(time=timedelta(days=3)),), words)) == [line]


def test_boxes_stand_below_what_leads_to_them_and_carry_people() -> None:
    counts = {1: Count(here=3, passed={"happened": 5, "late": 2}), 7: Count(aside=1)}
    picture = draw(ONBOARDING, EN, counts=counts, entered=10, left=6)
    boxes = {node.place: node for node in picture.nodes}
    assert set(boxes) == {START, *range(len(ONBOARDING) + 1)}
    assert (boxes[1].here, boxes[1].passed, boxes[7].aside, boxes[len(ONBOARDING)].here) == (3, 7, 1, 6)
    assert len({(node.row, node.column) for node in picture.nodes}) == len(picture.nodes), "no two in one place"
    assert all(boxes[arrow.ends].row > boxes[arrow.begins].row for arrow in picture.arrows)
    assert Arrow(begins=1, ends=3, text="time is over", people=2) in picture.arrows
    assert picture.rows > max(node.row for node in picture.nodes)
