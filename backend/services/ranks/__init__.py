"""Rank rules: versions kept and saved, looked at before they are saved, and one person's way through the ranks."""

from backend.services.ranks.desk import LONGEST_NOTE, RankDesk
from backend.services.ranks.values import Mover, PersonalRank, RankCount, RankPreview, SavedRules, told

__all__ = ["LONGEST_NOTE", "Mover", "PersonalRank", "RankCount", "RankDesk", "RankPreview", "SavedRules", "told"]
