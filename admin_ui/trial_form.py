"""The form of a test send: to whom, to which of the phones, and which of the things that a campaign says."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from admin_ui import filters
from admin_ui.error_words import SOMETHING, in_words, text_words
from admin_ui.forms import Errors, Form
from admin_ui.i18n import Say, mark
from admin_ui.member_views import PLATFORMS
from admin_ui.page import Page
from admin_ui.services import PageServices
from backend.errors import BadInput, Conflict, NotFound
from backend.services.campaign_desk.trials import Trial
from campaigns.campaign import Content, Draft
from campaigns.journey import sends
from campaigns.overview import TestSend
from campaigns.person import Device

_LIVE = "live"

OUTCOMES = {
    "accepted": (mark("Accepted by the push service"), "good"),
    "unknown": (mark("Outcome unknown"), "care"),
    "quota": (mark("Over the push service's quota: try again in a minute"), "care"),
    "not_sent": (mark("The push service was not reached: try again"), "care"),
    "unregistered": (mark("The app is gone from this phone"), "danger"),
    "invalid_argument": (mark("The push service cannot read this message"), "danger"),
    "sender_mismatch": (mark("The phone belongs to another Firebase project"), "danger"),
    "auth": (mark("The push service refused our credentials"), "danger"),
    "other": (mark("Refused"), "danger"),
}
"""What became of a test on one phone, and how it is drawn."""

_NO_PHONE = mark("This member has no phone that can be reached. Open the app there once, then try again.")


@dataclass(frozen=True, slots=True)
class Phone:
    """One phone to choose: whether it is chosen, and how it is called."""

    device_id: int
    label: str
    chosen: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialForm:
    """The form as it stands.

    Attributes:
        member: the number as it was typed.
        says: what can be tried, as the field's values and their words; one entry where there is nothing to choose.
        said: the chosen one of them.
        phones: of the member, once they were looked up.
        errors: by field.
        sent: what became of the last test.
    """

    says: Sequence[tuple[str, str]]
    said: str = ""
    member: str = ""
    phones: tuple[Phone, ...] = ()
    errors: Errors = field(default_factory=dict)
    sent: TestSend | None = None

    def called(self, device_id: int) -> str:
        """The words for a phone."""
        return next((phone.label for phone in self.phones if phone.device_id == device_id), f"#{device_id}")


def blank(draft: Draft, say: Say) -> TrialForm:
    """The form before anything was typed."""
    says = things_said(draft, say)
    return TrialForm(says=says, said=says[0][0] if says else "")


def things_said(draft: Draft, say: Say) -> list[tuple[str, str]]:
    """Everything a campaign can send, by ``step:variant``; empty where it sends nothing."""
    if not draft.steps:
        return [(f":{each.name}", say("Version %(name)s", name=each.name)) for each in draft.variants] or [(":", "")]
    found = []
    for place, step in sends(draft.steps):
        versions = [(each.name, each.content) for each in step.variants] or [("", step.content)]
        found += [
            (f"{place}:{name}", f"{place + 1}. {_title(content, say)}{f' ({name})' if name else ''}")
            for name, content in versions
        ]
    return found


def _title(content: Content, say: Say) -> str:
    texts = content.texts()
    return texts[say.language if say.language in texts else next(iter(texts))].title


async def with_phones(page: Page, services: PageServices, form: Form, blanks: TrialForm) -> TrialForm:
    """What was typed, with the member's phones; says on the field where there is no such member, or no phone."""
    typed = replace(blanks, member=form.text("member"), said=_chosen(form.text("said"), blanks))
    if not typed.member:
        return replace(typed, errors={"member": page.say("Enter a member number.")})
    try:
        devices = await services.people.devices(await services.people.find(typed.member))
    except NotFound:
        nobody = page.say("Nobody has the member number “%(number)s”.", number=typed.member)
        return replace(typed, errors={"member": nobody})
    ticked, listed = {*form.all("device")}, {*form.all("listed")}
    phones = tuple(
        Phone(each.device_id, _label(each, page), str(each.device_id) in ticked or str(each.device_id) not in listed)
        for each in devices
        if each.state == _LIVE
    )
    return replace(typed, phones=phones, errors={} if phones else {"member": page.say(_NO_PHONE)})


async def sent(page: Page, services: PageServices, campaign_id: int, typed: TrialForm) -> TrialForm:
    """The form after the test, or with what was wrong on its field."""
    if typed.errors:
        return typed
    chosen = tuple(phone.device_id for phone in typed.phones if phone.chosen)
    if not chosen:
        return replace(typed, errors={"device": page.say("Choose at least one phone.")})
    step, _, variant = typed.said.partition(":")
    trial = Trial(device_ids=chosen, variant=variant or None, step=int(step) if step else None)
    by = page.administrator.email
    try:
        customer_id = await services.people.find(typed.member)
        done = await services.campaign_desk.test_send(campaign_id, customer_id=customer_id, chosen=trial, by=by)
    except (NotFound, Conflict) as refused:
        said = _NO_PHONE if refused.code in ("no_live_device", "device_not_found") else None
        return replace(typed, errors={"member": page.say(said or in_words(refused, page.say) or SOMETHING)})
    except BadInput as refused:
        return replace(typed, errors={"said": text_words(refused.message, page.say)})
    return replace(typed, sent=done)


def _chosen(said: str, blanks: TrialForm) -> str:
    known = [value for value, _ in blanks.says]
    return said if said in known else blanks.said


def _label(device: Device, page: Page) -> str:
    parts = (PLATFORMS.get(device.platform or "", "—"), device.app_version or "")
    seen = page.say(
        "last seen %(when)s", when=filters.moment(device.last_seen, now=page.now, zone=page.shop.zone, say=page.say)
    )
    return f"{' '.join(part for part in parts if part)} · {seen}"
