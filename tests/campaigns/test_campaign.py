"""States and their moves; drafts that stand and drafts that do not."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.campaign import (
    TRANSITIONS,
    Action,
    Content,
    Draft,
    State,
    Text,
    allowed_actions,
    check_draft,
    next_state,
)
from campaigns.errors import DraftIncomplete, TransitionRefused

DRAFT = Draft(name="Tea", segment_id=1, content=Content(ja=Text("t", "b")))


@given(st.sampled_from(State), st.sampled_from(Action))
def test_what_is_not_in_the_table_is_refused(state: State, action: Action) -> None:
    if (state, action) in TRANSITIONS:
        assert next_state(state, action) is TRANSITIONS[state, action]
    else:
        with pytest.raises(TransitionRefused, match=f"{state} cannot {action}"):
            next_state(state, action)


@given(st.lists(st.sampled_from(Action), max_size=30))
def test_an_ended_campaign_never_comes_back(actions: list[Action]) -> None:
    state, ended = State.DRAFT, None
    for action in actions:
        if (state, action) in TRANSITIONS:
            state = next_state(state, action)
        if ended is not None:
            assert state is ended
        ended = state if state in (State.SENT, State.CANCELLED) else None


def test_the_way_of_a_campaign() -> None:
    state = State.DRAFT
    for action in (Action.EDIT, Action.SCHEDULE, Action.EDIT, Action.SCHEDULE, Action.LAUNCH, Action.PAUSE):
        state = next_state(state, action)
    assert state is State.PAUSED
    assert allowed_actions(state) == (Action.RESUME, Action.CANCEL)
    assert next_state(next_state(state, Action.RESUME), Action.FINISH) is State.SENT


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"content": Content()}, "content"),
        ({"holdout_percent": 91.0}, "holdout_percent"),
        ({"holdout_percent": -0.1}, "holdout_percent"),
        ({"conversion_event": " "}, "conversion_event"),
        ({"conversion_days": 0}, "conversion_days"),
        ({"conversion_days": 91}, "conversion_days"),
        ({"expires_after": timedelta(seconds=59)}, "expires_after"),
        ({"expires_after": timedelta(days=29)}, "expires_after"),
        ({"scheduled_at": datetime(2026, 1, 1)}, "scheduled_at"),  # noqa: DTZ001 - that is the fault
        ({"content": Content(ja=Text("t", "b"), link="javascript://x")}, "content.link"),
        ({"content": Content(ja=Text("t", "b"), link="https://a b")}, "content.link"),
        ({"content": Content(ja=Text("t", "b"), link="/relative")}, "content.link"),
    ],
)
def test_a_draft_that_cannot_stand_names_the_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(DraftIncomplete) as refused:
        check_draft(replace(DRAFT, **change))  # type: ignore[arg-type]  # values of many types
    assert refused.value.field == field


@pytest.mark.parametrize("link", [None, "https://shop.example/tea", "myshop://coupon/1"])
def test_a_draft_that_stands(link: str | None) -> None:
    check_draft(replace(DRAFT, content=Content(ja=Text("t", "b"), link=link)))


@pytest.mark.parametrize(
    ("wanted", "given_language"), [("ja-JP", "ja"), ("en_GB", "en"), ("EN", "en"), ("fr", "ja"), (None, "ja")]
)
def test_a_person_gets_her_language_or_the_first_there_is(wanted: str | None, given_language: str) -> None:
    both = Content(ja=Text("t", "b"), en=Text("t", "b"))
    assert both.language_for(wanted) == given_language
    assert Content(en=Text("t", "b")).language_for(wanted) == "en"
