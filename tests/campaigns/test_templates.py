"""Texts: what a marketer may write, what is refused and with which words, and that nothing can exhaust us."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.campaign import Content, Text
from campaigns.errors import DraftIncomplete, TemplateError
from campaigns.fields import BY_NAME, FIELDS, clean, samples
from campaigns.templates import (
    LONGEST_OUTPUT,
    MissingField,
    TextTooLong,
    check_content,
    compile_template,
    fields_of,
    fill,
    required_fields,
)

SATO: dict[str, str | int] = {
    "family_name": "佐藤",
    "points": 1280,
    "rank": "gold",
    "spend": 12800,
    "coupon_expiry": "2026-11-30",
}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ family_name }}様", "佐藤様"),
        ("{{ 姓 }}様、{{ ポイント | comma }}ポイント", "佐藤様、1,280ポイント"),
        ("{{ rank | upper }} {{ rank | upper | lower }}", "GOLD gold"),
        ("{{ favorite_category | default('お気に入り') }}", "お気に入り"),
        ("{{ favorite_category | default('tea') | upper }}", "TEA"),
        ("{% if points >= 1000 %}多い{% elif points > 0 %}ある{% else %}ない{% endif %}", "多い"),
        ("{% if rank == 'gold' and not store %}店舗なし{% endif %}", "店舗なし"),
        ("{% if store or 姓 == '佐藤' %}はい{% endif %}", "はい"),
        ("{% if orders > 3 or 3 < orders %}never{% else %}not known{% endif %}", "not known"),
        ("{% if store != '渋谷店' %}elsewhere{% endif %}", "elsewhere"),
        ("plain {# a note #}text", "plain text"),
        ("{{ 姓 | 様 }} {{ family_name | sama }} {{ store | 様('お客様') }}", "佐藤様 佐藤様 お客様"),
        ("{{ spend | money }} {{ 購入金額 | money | default('x') }}", "¥12,800 ¥12,800"),
        ("{{ クーポン期限 | date }} {{ coupon_expiry }}", "11月30日 2026-11-30"),
        ("{{ joined | default('いつか') | date }}", "いつか"),
        ("<b>{{ family_name }} & Co.</b>", "<b>佐藤 & Co.</b>"),
    ],
)
def test_what_a_marketer_may_write(source: str, text: str) -> None:
    assert compile_template(source).render(SATO) == text


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ family_nam }}", "did you mean family_name"),
        ("{{ nobody_knows }}", "there are"),
        ("{% for x in rank %}{% endfor %}", "loops"),
        ("{{ rank.__class__ }}", "a dot leads nowhere"),
        ("{{ rank['x'] }}", "brackets lead nowhere"),
        ("{{ rank() }}", "nothing can be called"),
        ("{{ rank * 999999 }}", "not available"),
        ("{{ rank ~ rank }}", "not available"),
        ("{{ [1] }}", "not available"),
        ("{% set a = 1 %}", "not available"),
        ("{% include 'x' %}", "not available"),
        ("{% macro m() %}{% endmacro %}", "not available"),
        ("{{ rank is defined }}", "not available"),
        ("{{ 'a' if rank else 'b' }}", r"\{% if"),
        ("{{ rank | center(99999999) }}", "default, upper, lower, comma, money, date and 様"),
        ("{{ points | money }}", "no amount of money"),
        ("{{ rank | default('x') | date }}", "rank is no date"),
        ("{{ 姓 | 様(rank) }}", "with one text"),
        ("{{ 姓 | 様('a', 'b') }}", "with one text"),
        ("{% if joined == '2026-01-01' %}a{% endif %}", "joined is a date"),
        ("{{ _currency }}", "no merge field _currency"),
        ("{{ rank | default(points) }}", "with one text"),
        ("{{ rank | upper(1) }}", "nothing in brackets"),
        ("{% if points > 'x' %}a{% endif %}", "compared with a number"),
        ("{% if rank == 3 %}a{% endif %}", "compared with a text"),
        ("{% if 1 < points < 3 %}a{% endif %}", "one merge field with one value"),
        ("{% if rank in 'abc' %}a{% endif %}", "one merge field with one value"),
        ("{{ rank", "unexpected end"),
        ("{% if rank %}", "Unexpected end|end of"),
        ("{% if rank %}" * 9 + "{% endif %}" * 9, "levels of if"),
        ("{{ " + "(" * 1500 + "rank" + ")" * 1500 + " }}", "simpler"),
        ("{{ " + "not " * 1000 + "rank }}", "not available|simpler"),
        ("あ" * 1400, "at most 4096 bytes"),
    ],
)
def test_what_is_refused_and_why(source: str, words: str) -> None:
    with pytest.raises(TemplateError) as refused:
        compile_template(source)
    assert re.search(words, refused.value.message, re.IGNORECASE), refused.value.message


def test_money_dates_and_names_are_of_the_language_and_the_shop() -> None:
    text = compile_template("{{ family_name | sama }}, {{ spend | money }}, {{ coupon_expiry | date }}")
    assert text.render(SATO, language="en") == "佐藤, ¥12,800, November 30"
    assert text.render(SATO, language="en", currency="GBP") == "佐藤, £128.00, November 30"
    assert text.required == {"family_name", "spend", "coupon_expiry"}
    assert compile_template("{{ family_name | sama('you') }}").required == frozenset()
    with pytest.raises(MissingField):
        text.render({"family_name": "佐藤"})


def test_days_are_kept_as_texts() -> None:
    assert clean({"joined": date(2026, 4, 1), "coupon_expiry": "2026-11-30"}) == {
        "joined": "2026-04-01",
        "coupon_expiry": "2026-11-30",
    }
    assert clean({"joined": "soon"}) == {}


def test_the_line_is_told() -> None:
    with pytest.raises(TemplateError) as refused:
        compile_template("one\ntwo {{ rank.x }}")
    assert refused.value.line == 2


def test_a_missing_field_skips_the_person_and_is_false_in_conditions() -> None:
    with pytest.raises(MissingField) as missing:
        compile_template("{{ store }}").render(SATO)
    assert missing.value.name == "store"
    assert compile_template("{% if store %}a{% else %}b{% endif %}").render(SATO) == "b"
    assert compile_template("{% if store == 'x' %}a{% else %}b{% endif %}").render(SATO) == "b"


def test_required_are_the_fields_shown_whatever_the_conditions() -> None:
    content = Content(
        ja=Text("{{ 姓 }}", "{% if points > 1 %}{{ store }}{% endif %}{{ rank | default('') }}"),
        en=Text("{{ given_name | upper }}", "x"),
    )
    assert required_fields(content) == {"ja": {"family_name"}, "en": {"given_name"}}
    assert fields_of(content) == {"family_name", "points", "store", "rank", "given_name"}


def test_a_text_cannot_outgrow_a_push() -> None:
    source = "{{ rank }}" * 300
    with pytest.raises(TextTooLong):
        compile_template(source).render({"rank": "x" * 200})
    with pytest.raises(TextTooLong):
        fill(Text("あ" * 700, "あ" * 700), {})


PIECES = st.sampled_from(
    ["{{", "}}", "{%", "%}", "if", "endif", "else", "rank", "姓", "points", "|", "upper", "default('x')", "(", ")", "==",
     "not", "and", "'a'", "1", ".", "[", "]", "for", "in", "*", "9999", "~", "x", "\n", "#}", "{#", "-", "set", "="]
)  # fmt: skip


@given(st.lists(PIECES, max_size=25).map(" ".join))
def test_anything_is_refused_or_renders_small(source: str) -> None:
    try:
        text = compile_template(source).render(samples("ja"))
    except (TemplateError, TextTooLong):
        return
    assert len(text.encode()) <= LONGEST_OUTPUT


def test_a_draft_with_a_bad_text_names_the_field() -> None:
    with pytest.raises(DraftIncomplete) as refused:
        check_content(Content(ja=Text("fine", "fine"), en=Text("fine", "{{ oops }}")))
    assert refused.value.field == "content.en.body"
    with pytest.raises(DraftIncomplete) as refused:
        check_content(Content(ja=Text(" ", "fine")))
    assert refused.value.field == "content.ja.title"


def test_values_cannot_break_out_of_their_line_or_be_read_as_templates() -> None:
    values = clean({"family_name": "a\n\x00b\u202e " + "c" * 500, "points": True, "rank": "", "nobody": "x"})
    assert set(values) == {"family_name"}
    assert str(values["family_name"]).isprintable()
    assert len(str(values["family_name"])) == 200
    assert compile_template("{{ 姓 }}").render({"family_name": "{{ rank }}"}) == "{{ rank }}"


def test_every_field_has_a_sample_of_its_kind_and_two_names() -> None:
    for field in FIELDS:
        assert all(
            isinstance(clean({field.name: sample})[field.name], int) is (field.kind is int) for sample in field.sample
        )
        assert clean({field.name: field.sample[0]}) == {field.name: field.sample[0]}
        assert BY_NAME[field.ja] is BY_NAME[field.name] is field
        assert field.ja.isidentifier()
