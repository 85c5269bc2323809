"""配信 › テスト配信: to chosen phones of one member, before anybody else gets it."""

from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from admin_ui import campaign_sheet, trial_form
from admin_ui.forms import Form
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow


@post("/campaigns/{campaign_id:int}/test", opt={"allow": Allow.MARKETER}, status_code=200)
async def test_campaign(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    campaign_id: FromPath[int],
) -> Response[Any]:
    """Send it to phones of one member, past quiet hours and cap, and say so."""
    detail = await services.campaign_desk.get(campaign_id)
    typed = await trial_form.with_phones(page, services, form, trial_form.blank(detail.draft, page.say))
    trial = await trial_form.sent(page, services, campaign_id, typed)
    if page.fragment:
        return _fragment(page, "campaigns/_trial.html", campaign_id, trial)
    return await campaign_sheet.show(page, services, detail, trial=trial)


@post("/campaigns/{campaign_id:int}/test/phones", opt={"allow": Allow.MARKETER}, status_code=200)
async def list_phones(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    campaign_id: FromPath[int],
) -> Response[Any]:
    """The phones of the member whose number was typed, to choose from; nothing is sent."""
    detail = await services.campaign_desk.get(campaign_id)
    typed = await trial_form.with_phones(page, services, form, trial_form.blank(detail.draft, page.say))
    return _fragment(page, "campaigns/_phones.html", campaign_id, typed)


def _fragment(page: Page, template: str, campaign_id: int, trial: trial_form.TrialForm) -> Response[Any]:
    return page.show(
        template,
        status=422 if trial.errors else 200,
        campaign_id=campaign_id,
        trial=trial,
        outcomes=trial_form.OUTCOMES,
    )


ROUTES = (test_campaign, list_phones)
