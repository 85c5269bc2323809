"""Every playbook makes a rule that stands and can be told, and a draft that could be launched as it is."""

from typing import Any

import polars as pl
import pytest

from campaigns.campaign import Content, check_draft
from campaigns.definition import from_json, to_json
from campaigns.errors import DraftIncomplete
from campaigns.journey_words import Words as JourneyWords
from campaigns.journey_words import describe as describe_steps
from campaigns.playbooks.library import BY_SLUG, PLAYBOOKS
from campaigns.playbooks.playbook import NEEDS, NUMBERS, Kind, Plan, Playbook, draft_of, read_answers
from campaigns.templates import fields_of, fill, required_fields
from campaigns.trigger import OnDate, OnEvent, OnSegment
from campaigns.wording import check_words
from segments.customers import ATTRIBUTES, BY_NAME
from segments.rules.compile import compile_rule
from segments.rules.describe import describe
from segments.rules.parse import dump, parse
from segments.rules.references import behaviours

EACH = pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda playbook: playbook.slug)
LANGUAGES = ("ja", "en")
HIRAGANA = 0x3040
NOBODY = pl.DataFrame(schema={name: attribute.dtype for name, attribute in BY_NAME.items()})
FILLED: dict[Kind, Any] = {Kind.STORE: "S01", Kind.COUPON: "SPRING", Kind.CATEGORY: "紅茶", Kind.TEXT: "秋の催し"}


def least(playbook: Playbook) -> dict[str, object]:
    """Only what has no usual answer."""
    return {ask.name: FILLED[ask.kind] for ask in playbook.asks if ask.usual is None}


def all_of_it(playbook: Playbook) -> dict[str, object]:
    """Everything, numbers at their least."""
    return {
        ask.name: ask.low if ask.kind in NUMBERS else (ask.choices[-1] if ask.choices else FILLED[ask.kind])
        for ask in playbook.asks
    }


def plans(playbook: Playbook) -> list[Plan]:
    return [playbook.plan(read_answers(playbook, given)) for given in (least(playbook), all_of_it(playbook))]


def said(plan: Plan) -> list[Content]:
    return [content for _, content in draft_of(plan, segment_id=7).contents()]


def test_there_is_one_for_each_moment_of_a_customers_life() -> None:
    assert len(BY_SLUG) == len(PLAYBOOKS) == 13


@EACH
def test_its_segment_is_a_rule_that_compiles_and_reads_back_in_both_languages(playbook: Playbook) -> None:
    for plan in plans(playbook):
        if plan.segment is None:
            assert isinstance(plan.trigger, OnEvent)
            continue
        rule = parse(plan.segment.rule)
        assert parse(dump(rule)) == rule
        assert NOBODY.select(compile_rule(rule, NOBODY.columns).alias("in")).schema == {"in": pl.Boolean()}
        sentences = {language: describe(rule, language) for language in LANGUAGES}
        assert all(sentences.values())
        assert sentences["ja"] != sentences["en"]
        assert all(one.event in ("Order Completed", "Store Visited") for one in behaviours(rule))


@EACH
def test_its_draft_could_be_launched_as_it_is(playbook: Playbook) -> None:
    for plan in plans(playbook):
        for language in LANGUAGES:
            draft = draft_of(
                plan, segment_id=7 if plan.segment else None, language=language, tag=playbook.tag(language)
            )
            check_draft(draft)
            check_words(draft)
            assert from_json(to_json(draft)) == draft
            assert draft.hypothesis
            assert draft.tags == (playbook.tag(language),)
            assert playbook.title.in_language(language).startswith(draft.tags)
            assert not draft.names_on_lock_screen


@EACH
def test_it_speaks_both_languages_and_skips_nobody_for_a_missing_field(playbook: Playbook) -> None:
    for plan in plans(playbook):
        for content in said(plan):
            assert set(content.texts()) == {"ja", "en"}
            assert not any(required_fields(content).values())
            for text in content.texts().values():
                filled = fill(text, {})
                assert 2 <= len(filled.title) <= 40
                assert 10 <= len(filled.body) <= 140
                assert "{" not in filled.title + filled.body
            assert not fields_of(content) & {"family_name", "given_name"}


@EACH
def test_a_trigger_by_segment_watches_the_one_that_is_made(playbook: Playbook) -> None:
    for plan in plans(playbook):
        draft = draft_of(plan, segment_id=7)
        if isinstance(plan.trigger, OnSegment):
            assert isinstance(draft.trigger, OnSegment)
            assert (draft.trigger.segment_id, draft.segment_id) == (7, None)
        else:
            assert draft.segment_id == 7


@EACH
def test_every_word_is_in_both_languages_and_says_what_it_needs(playbook: Playbook) -> None:
    words = [playbook.title, playbook.purpose, *(ask.words for ask in playbook.asks)]
    for plan in plans(playbook):
        words += [plan.name, plan.when, plan.hypothesis, *([plan.segment.name] if plan.segment else [])]
    assert all(one.ja and one.en and one.ja != one.en for one in words)
    assert all(max(map(ord, one.ja)) >= HIRAGANA for one in words)
    assert all(one.en.isascii() or "紅茶" in one.en or "秋" in one.en for one in words)
    assert all(need in NEEDS for need in playbook.needs)


def test_a_journey_reads_back_in_both_languages() -> None:
    for language in LANGUAGES:
        (plan, _) = plans(BY_SLUG["onboarding"])
        told = describe_steps(plan.steps, JourneyWords(language=language))
        assert len(told) == len(plan.steps) == 8


def test_dates_are_those_that_the_frame_knows() -> None:
    names = {attribute.name for attribute in ATTRIBUTES}
    dates = {
        plan.trigger.date for playbook in PLAYBOOKS for plan in plans(playbook) if isinstance(plan.trigger, OnDate)
    }
    assert dates == {"birthday", "coupon_expiry"}
    assert {"birth_month", "next_coupon_expiry"} <= names
    assert "life_cycle" in BY_NAME


@pytest.mark.parametrize(
    ("slug", "given", "field"),
    [
        ("second-purchase", {"days": "soon"}, "days"),
        ("second-purchase", {"days": 1}, "days"),
        ("second-purchase", {"days": True}, "days"),
        ("second-purchase", {"dyas": 30}, "dyas"),
        ("cross-sell", {"category": "tea"}, "goes_with"),
        ("cross-sell", {"category": "x" * 101, "goes_with": "tea"}, "category"),
        ("store-event", {"store": 5, "what": "Fair"}, "store"),
        ("feedback", {"begins_with": "Product Viewed"}, "begins_with"),
    ],
)
def test_answers_that_cannot_be_are_refused_by_name(slug: str, given: dict[str, object], field: str) -> None:
    with pytest.raises(DraftIncomplete) as caught:
        read_answers(BY_SLUG[slug], given)
    assert caught.value.field == field


def test_usual_answers_stand_in_for_what_is_left_out() -> None:
    assert read_answers(BY_SLUG["second-purchase"], {"days": "45"}) == {"days": 45, "category": "", "coupon": ""}


def test_the_interval_of_the_second_purchase_is_in_rule_name_and_sentence() -> None:
    playbook = BY_SLUG["second-purchase"]
    plan = playbook.plan(read_answers(playbook, {"days": 45, "category": "コーヒー"}))
    assert plan.segment is not None
    assert "45" in plan.segment.name.ja
    assert "45" in plan.when.en
    sentence = describe(parse(plan.segment.rule), "ja")
    assert "45" in sentence
    assert "コーヒー" in sentence


def test_a_braced_answer_is_refused_with_its_text() -> None:
    playbook = BY_SLUG["store-event"]
    plan = playbook.plan(read_answers(playbook, {"store": "S01", "what": "{{ oops }}"}))
    with pytest.raises(DraftIncomplete) as caught:
        check_words(draft_of(plan, segment_id=7))
    assert caught.value.field == "content.ja.title"
