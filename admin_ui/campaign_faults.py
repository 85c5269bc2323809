"""What is wrong with single fields of the campaign editor as they are left: by the rules of saving, field by field.

Saving names the first fault of a draft; here a field is told its own, whatever else is still to be written.
"""

from dataclasses import replace
from datetime import datetime

from admin_ui import content_form, journey_form, trigger_form, winner_form
from admin_ui.campaign_draft import built, wrong_fields
from admin_ui.campaign_form import OWN, Editor
from admin_ui.campaign_places import field_of, refused, sentence_of
from admin_ui.forms import Errors
from admin_ui.i18n import Say
from campaigns.campaign import complaints
from campaigns.errors import CampaignError
from campaigns.wording import complaints_about_words
from segments.errors import RuleError

_SOUND = {"name": "name", "segment_id": "1", "share": "50"}
"""What stands in for a field whose own text, and whose first one, is none of what it holds."""


def faults(
    editor: Editor, *, zone: str, currency: str, now: datetime, say: Say, begun: datetime | None = None
) -> Errors:
    """What is wrong with every field that something can be said of now."""
    wrong = wrong_fields(editor, zone=zone, now=now, begun=begun)
    found = {name: say(sentence_of(name)) for name in wrong}
    mended = _mended(editor, wrong)
    if wrong_fields(mended, zone=zone, now=now, begun=begun):
        return found
    try:
        draft = built(mended, zone=zone, currency=currency, begun=begun)
        refusals = [*complaints(draft), *complaints_about_words(draft)]
    except (CampaignError, RuleError):  # a filter that is not complete says so when it is saved
        return found
    for error in refusals:
        found.setdefault(field_of(error.field), refused(error.field, error.message, say, code=error.code))
    return found


def _mended(editor: Editor, wrong: list[str]) -> Editor:
    """The editor with something sound in the fields that are wrong, so that the others can be asked about."""
    fields = {**editor.fields, **{name: _sound(name) for name in wrong}}
    if {*wrong} & {*trigger_form.BLANK}:
        fields |= {**trigger_form.BLANK, "segment_id": fields["segment_id"] or _SOUND["segment_id"]}
    return replace(editor, fields=fields)


def _sound(name: str) -> str:
    plain = name.partition(".")[0]
    usual = {**content_form.BLANK, **journey_form.BLANK, **trigger_form.BLANK, **winner_form.BLANK, **OWN, **_SOUND}
    return usual.get(plain, "")
