"""One module a noun; each lists its handlers in ``ROUTES``."""

from admin_ui.pages import (
    analysis,
    api_keys,
    campaigns,
    coupons,
    events,
    exports,
    failed_events,
    home,
    imports,
    life_cycle,
    lists,
    margins,
    members,
    plans,
    preferences,
    privacy,
    ranks,
    segment_building,
    segment_keeping,
    segment_overlap,
    segments,
    settings,
    sign_in,
    source_tokens,
    sources,
    webhooks,
)

ROUTES = tuple(
    handler
    for module in (
        sign_in,
        preferences,
        home,
        analysis,
        members,
        segment_building,
        segment_keeping,
        segment_overlap,
        segments,
        lists,
        campaigns,
        coupons,
        events,
        plans,
        failed_events,
        imports,
        exports,
        webhooks,
        sources,
        source_tokens,
        settings,
        ranks,
        life_cycle,
        margins,
        api_keys,
        privacy,
    )
    for handler in module.ROUTES
)
"""Every handler of the admin pages."""
