"""Age bands: the same for figures and for rules."""

from itertools import pairwise

AGES = ("-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70-")
"""Codes of the bands, youngest first."""

LIMITS = (20, 30, 40, 50, 60, 70)
"""The ages at which a band ends and the next begins."""

AGE_WORDS: dict[str, dict[str, str]] = {
    AGES[0]: {"ja": f"{LIMITS[0]}歳未満", "en": f"under {LIMITS[0]}"},
    **{f"{low}-{high - 1}": {"ja": f"{low}代", "en": f"{low}–{high - 1}"} for low, high in pairwise(LIMITS)},
    AGES[-1]: {"ja": f"{LIMITS[-1]}歳以上", "en": f"{LIMITS[-1]} and over"},
}
"""What the bands are called."""
