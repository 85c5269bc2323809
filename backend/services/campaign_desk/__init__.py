"""Where marketers work on campaigns: draft, check, schedule, stop, look at the result."""

from backend.services.campaign_desk.desk import CampaignDesk
from backend.services.campaign_desk.reports import Facts

__all__ = ["CampaignDesk", "Facts"]
