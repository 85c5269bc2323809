"""No English sentence of a service stands on a Japanese page: every code that a page can meet has Japanese words."""

import ast
from pathlib import Path

import pytest

from admin_ui import coupon_views, error_words, import_views, token_views
from admin_ui.error_words import QUESTIONS, in_words, kept_words, question_words
from admin_ui.filters import actor
from admin_ui.i18n import Say
from admin_ui.pages import settings
from admin_ui.plan_form import PROBLEMS
from backend.errors import NotFound
from segments.errors import BadOption

ROOT = Path(__file__).parents[2]
BEHIND_PAGES = ("access", "coupons", "customer_tokens", "exports", "imports", "people", "privacy", "webhooks")
"""Packages of services whose refusals reach the pages of data, coupons, members, keys and settings."""
OF_THE_PROTOCOLS = {"bad_mode", "bad_state", "bad_limit", "file_exists", "not_an_app", "no_such_kind"}
OF_THE_PROTOCOLS |= {"bad_coupon", "bad_flag", "issue_not_found"}  # pages look at a coupon's form before they send it
"""Codes that only the API and the command line can meet: the pages offer no such choice."""
JA, EN = Say("ja"), Say("en")


def codes_in(source: str) -> set[str]:
    """The codes that a module gives to its errors."""
    return {
        keyword.value.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str)
    }


def raised() -> set[str]:
    services = ROOT / "backend" / "services"
    files = [path for name in BEHIND_PAGES for path in (services / name).rglob("*.py")]
    files += [services / f"{name}.py" for name in ("api_keys", "sources", "source_keys", "tracking_plans", "replays")]
    files += [*(ROOT / "backend" / "outbound").glob("*.py"), *(ROOT / "backend" / "store").glob("import_*.py")]
    return {code for path in files for code in codes_in(path.read_text())}


def test_every_code_that_a_page_can_meet_has_words() -> None:
    forms = set(import_views.TROUBLES) | set(token_views.FAULTS) | set(settings.REFUSALS) | set(PROBLEMS)
    forms |= set(coupon_views.REFUSALS)
    pickers = {"nothing_waits", "bad_overlap", "no_file", "no_sheets"} | OF_THE_PROTOCOLS
    assert len(raised()) > 40
    assert sorted(raised() - set(error_words.WORDS) - forms - pickers) == []


def test_a_refusal_is_told_in_the_readers_language() -> None:
    gone = NotFound("There is no upload 7.", code="upload_not_found")
    assert in_words(gone, EN) == "There is no upload 7."
    assert "取り込みはもうありません" in in_words(gone, JA)
    assert in_words(NotFound("There is no source 9."), JA) == ""


def test_every_reason_not_to_answer_a_question_has_words() -> None:
    sources = [path for folder in ("segments", "backend/services") for path in (ROOT / folder).rglob("*.py")]
    raisers = [path.read_text() for path in sources if "raise BadOption(" in path.read_text()]
    assert len(raisers) >= 4
    codes = {code for source in raisers for code in codes_in(source)} - set(error_words.WORDS)
    assert codes - set(QUESTIONS) == {"no_option"}


def test_a_question_is_refused_in_the_readers_language() -> None:
    error = BadOption("n is a whole number from 2 to 100, not x", code="out_of_range", option="n", low=2, high=100)
    assert question_words(error, EN, option="Times N") == "n is a whole number from 2 to 100, not x"
    assert question_words(error, JA, option="回数 N") == "「回数 N」は2〜100の整数です"
    assert (
        question_words(NotFound("There is no source 9."), JA) == "処理できませんでした。理由はサーバーのログにあります"
    )


@pytest.mark.parametrize("code", [None, "segment_not_found", "of_a_later_release"])
def test_what_a_worker_wrote_down_is_never_english_on_a_japanese_page(code: str | None) -> None:
    assert kept_words(code, "There is no segment 9.", EN) == "There is no segment 9."
    assert not kept_words(code, "There is no segment 9.", JA).isascii()


def test_people_stay_people_and_programs_get_words() -> None:
    told = [actor(who, JA) for who in ("command line", "API key 在庫", "hanako@example.jp", None)]
    assert told == ["コマンドライン", "APIキー「在庫」", "hanako@example.jp", ""]
