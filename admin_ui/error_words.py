"""Refusals of the services in the page's language: chosen by their code, so that no English sentence stands on a Japanese page."""

import re

from admin_ui.i18n import Say, mark
from backend.errors import JorenError
from segments.errors import BadOption, FactsError

SOMETHING = mark("It was not possible. The log of the server says why.")
NOT_POSSIBLE = mark("This export is not possible as it was chosen.")

WORDS = {
    "bad_description": mark("A description is one line of at most 200 characters."),
    "bad_email": mark("This is not a mail address."),
    "bad_expiry": mark("The key would have expired already."),
    "bad_export": NOT_POSSIBLE,
    "bad_name": mark("A name has 1 to 100 characters."),
    "bad_order": mark("The list cannot be ordered like this."),
    "bad_page": mark("The list has no such page. Begin again at its first one."),
    "bad_plan": mark("The tracking plan cannot be read."),
    "bad_scope": mark("Choose what the key may do."),
    "bad_types": mark("Choose at least one thing to be told of."),
    "bad_url": mark("Use an https address with port 443 or 8443 that leads to a public server."),
    "campaign_not_found": mark("There is no such campaign any more."),
    "column_twice": mark("Two columns have the same name. Rename one in the file."),
    "coupon_not_found": mark("There is no such coupon."),
    "customer_not_found": mark("There is no such member. Perhaps the member was erased."),
    "delivery_not_found": mark("There is no such delivery any more. The log is kept for 30 days."),
    "disk_full": mark("The disk is almost full. Make room and try again."),
    "email_taken": mark("This address already has an account."),
    "erasure_not_found": mark("There is no such erasure."),
    "export_not_found": mark("There is no such export."),
    "export_not_ready": mark("This export has no file to fetch: it is not finished, has failed, or its file was removed."),
    "file_removed": mark("The uploaded file was removed. Upload it again."),
    "history_dropped": mark("The raw history of the days that are asked about was dropped, as the settings say."),
    "import_under_way": mark("This import is under way."),
    "internal": SOMETHING,
    "last_administrator": mark("This is the last administrator. Make another one first."),
    "plan_changed": mark("Somebody else saved this plan meanwhile. Look at it again before you save."),
    "segment_archived": mark("This segment is archived. Restore it first."),
    "segment_not_found": mark("There is no such segment any more."),
    "source_revoked": mark("This source is revoked. Make another one."),
    "too_many_keys": mark("Too many keys are in force. Revoke one first."),
    "unavailable": mark("The database or the disk does not answer."),
    "upload_not_found": mark("There is no such import any more. Uploaded files are removed after 14 days, and when a person is erased."),
    "webhook_not_found": mark("There is no such endpoint any more."),
    "wrong_state": mark("In its present state this is not possible."),
}  # fmt: skip
"""What is said of a refusal, by its code. A code that only one form can meet has its words there."""

QUESTIONS = {
    "bad_option": mark("One of the choices cannot be read; filters are written like store=S1 or amount>=1000"),
    "out_of_range": mark("“%(option)s” is a whole number from %(low)s to %(high)s"),
    "not_a_choice": mark("“%(option)s” has no such choice"),
    "range_turned_round": mark("the range begins after it ends"),
    "beyond_horizon": mark("period n lies beyond the horizon H"),
    "bad_thresholds": mark("thresholds are four rising whole numbers like 30,60,90,180"),
    "no_breakdown": mark("figures cannot be broken down by this"),
    "no_window": mark("there is no window of this name"),
    "no_comparison": mark("figures cannot be compared with this"),
    "window_turned_round": mark("the last day lies before the first"),
}
"""Why a figure cannot be asked for, as a half-sentence, by code."""


def in_words(error: JorenError, say: Say) -> str:
    """One sentence about a refusal; empty where the page's own heading must do."""
    if say.language == "en":
        return error.message
    return say(WORDS[error.code]) if error.code in WORDS else ""


def text_words(message: str, say: Say) -> str:
    """Why a text of a push cannot be used."""
    if say.language == "en":
        return say("This text cannot be used: %(reason)s.", reason=message.rstrip("."))
    if unknown := re.search(r"there is no merge field ([^;]+)", message):
        return say("This text cannot be used: there is no merge field “%(name)s”.", name=unknown[1])
    return say("This text cannot be used: check its merge fields and its length.")


def question_words(error: FactsError | JorenError, say: Say, *, option: str = "") -> str:
    """Why a figure cannot be asked for, as a half-sentence; ``option`` is how the option at fault is called."""
    if say.language == "en":
        return str(error).rstrip(".")
    if isinstance(error, JorenError):
        return (in_words(error, say) or say(SOMETHING)).rstrip("。")
    values = error.values if isinstance(error, BadOption) else {}
    return say(QUESTIONS.get(error.code, QUESTIONS["bad_option"]), option=option, **values)


def kept_words(code: str | None, message: str, say: Say) -> str:
    """One sentence about a failure that was written down by a worker, with its code where it had one."""
    if say.language == "en":
        return message
    return say(WORDS.get(code or "", SOMETHING))
