"""How choices, windows, comparisons and families of KPIs are called on the pages."""

from admin_ui.i18n import mark

CHOICES = {
    "days": mark("by day"),
    "receipts": mark("by receipt"),
    "store_days": mark("by store and day"),
    "first": mark("the first ever"),
    "every": mark("every one"),
    "events": mark("events"),
    "exact": mark("exactly then"),
    "range": mark("in a range"),
    "rolling": mark("then or later"),
    "day": mark("day"),
    "week": mark("week"),
    "month": mark("month"),
    "minutes": mark("minutes"),
    "hours": mark("hours"),
    "category": mark("category"),
    "product": mark("product"),
    "confidence": mark("confidence"),
    "lift": mark("lift"),
    "support": mark("support"),
    "customers": mark("customers"),
    "orders": mark("orders"),
    "visits": mark("visits"),
    "ranks": mark("ranks within the shop"),
    "thresholds": mark("fixed thresholds"),
}
"""How the choices of options are called."""

PERIODS = {
    "today": mark("Today"),
    "yesterday": mark("Yesterday"),
    "last_7_days": mark("Last 7 days"),
    "last_28_days": mark("Last 28 days"),
    "last_90_days": mark("Last 90 days"),
    "last_365_days": mark("Last 365 days"),
    "this_week": mark("This week"),
    "last_week": mark("Last week"),
    "this_month": mark("This month"),
    "last_month": mark("Last month"),
    "this_fiscal_quarter": mark("This fiscal quarter"),
    "last_fiscal_quarter": mark("Last fiscal quarter"),
    "this_fiscal_year": mark("This fiscal year"),
    "last_fiscal_year": mark("Last fiscal year"),
}
"""How windows are called."""

COMPARISONS = {
    "previous": mark("the period before"),
    "previous_year": mark("the year before, same dates"),
    "previous_year_same_weekday": mark("the year before, same weekdays"),
}
"""With what figures are compared, beside segments."""

FAMILY_NAMES = {
    "launch_rate": mark("Launches and reach"),
    "coupon_view_rate": mark("Coupons"),
    "rank_distribution": mark("Member ranks"),
    "retention": mark("Coming back"),
    "funnel": mark("Funnels"),
    "repeat_purchase_rate": mark("Purchases"),
    "cross_sell_rate": mark("Cross-sell and baskets"),
    "life_cycle_states": mark("Life cycle and lifetime value"),
    "rfm": mark("RFM"),
    "nps": mark("Voices"),
}
"""How families of KPIs are called, by the first KPI of each."""
