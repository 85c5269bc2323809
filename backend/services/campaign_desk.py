"""Where marketers work on campaigns: draft, check, schedule, stop, look at the result."""

from datetime import datetime

from campaigns.campaign import Draft
from campaigns.overview import CampaignDetail, CampaignReport, CampaignSummary, DryRun, TestSend


class CampaignDesk:
    """What a person can do with campaigns. Every change is audited under the name in ``by``.

    Raises throughout: NotFound for an unknown campaign, Conflict where its state or revision does not allow the
    action, BadInput (with ``field``) where a draft does not stand.
    """

    async def list(self) -> tuple[CampaignSummary, ...]:
        """All campaigns, the last changed first."""
        raise NotImplementedError

    async def get(self, campaign_id: int) -> CampaignDetail:
        """One campaign."""
        raise NotImplementedError

    async def create(self, draft: Draft, *, by: str) -> CampaignDetail:
        """Keep a new draft."""
        raise NotImplementedError

    async def edit(self, campaign_id: int, draft: Draft, *, revision: int, by: str) -> CampaignDetail:
        """Replace the draft that ``revision`` names; a scheduled campaign becomes a draft again."""
        raise NotImplementedError

    async def dry_run(self, campaign_id: int) -> DryRun:
        """What a launch now would do."""
        raise NotImplementedError

    async def schedule(self, campaign_id: int, *, at: datetime, revision: int, by: str) -> CampaignDetail:
        """Launch at ``at``."""
        raise NotImplementedError

    async def send_now(self, campaign_id: int, *, revision: int, by: str) -> CampaignDetail:
        """Launch as soon as a worker is free."""
        raise NotImplementedError

    async def pause(self, campaign_id: int, *, by: str) -> CampaignDetail:
        """Stop sending; what is on its way stays on its way."""
        raise NotImplementedError

    async def resume(self, campaign_id: int, *, by: str) -> CampaignDetail:
        """Go on sending."""
        raise NotImplementedError

    async def cancel(self, campaign_id: int, *, by: str) -> CampaignDetail:
        """Stop for good."""
        raise NotImplementedError

    async def test_send(self, campaign_id: int, *, customer_id: int, by: str) -> TestSend:
        """Send it now to one customer's live devices, past quiet hours and cap."""
        raise NotImplementedError

    async def report(self, campaign_id: int) -> CampaignReport:
        """Its figures."""
        raise NotImplementedError
