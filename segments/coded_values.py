"""Attributes whose values are codes, and what people call them: the same words in figures and in rules."""

from collections.abc import Mapping

from segments.ages import AGE_WORDS

CODE_WORDS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "age_band": AGE_WORDS,
    "gender": {
        "female": {"ja": "女性", "en": "Female"},
        "male": {"ja": "男性", "en": "Male"},
        "other": {"ja": "その他", "en": "Other"},
    },
    "platform": {"ios": {"ja": "iOS", "en": "iOS"}, "android": {"ja": "Android", "en": "Android"}},
    "language": {"ja": {"ja": "日本語", "en": "Japanese"}, "en": {"ja": "英語", "en": "English"}},
    "life_cycle": {
        "active": {"ja": "稼働", "en": "Active"},
        "returned": {"ja": "復帰", "en": "Returned"},
        "new": {"ja": "新規", "en": "New"},
        "at_risk": {"ja": "離反予備軍", "en": "At risk"},
        "dormant": {"ja": "休眠", "en": "Dormant"},
        "churned": {"ja": "離反", "en": "Churned"},
        "none": {"ja": "未購入", "en": "No purchase"},
    },
    "rfm_group": {
        "champions": {"ja": "最優良客", "en": "Champions"},
        "loyal": {"ja": "優良客", "en": "Loyal"},
        "cannot_lose": {"ja": "休眠優良客", "en": "Cannot lose"},
        "at_risk": {"ja": "離反注意客", "en": "At risk"},
        "new": {"ja": "新規客", "en": "New"},
        "promising": {"ja": "有望客", "en": "Promising"},
        "potential": {"ja": "優良候補客", "en": "Potential loyalists"},
        "attention": {"ja": "要フォロー客", "en": "Needing attention"},
        "about_to_sleep": {"ja": "休眠予備客", "en": "About to sleep"},
        "hibernating": {"ja": "休眠客", "en": "Hibernating"},
    },
}
"""By attribute and code, in both languages."""
