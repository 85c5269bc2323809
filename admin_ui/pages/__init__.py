"""One module a noun; each lists its handlers in ``ROUTES``."""

from admin_ui.pages import analysis, campaigns, data, home, members, preferences, segments, settings, sign_in

ROUTES = tuple(
    handler
    for module in (sign_in, preferences, home, analysis, members, segments, campaigns, data, settings)
    for handler in module.ROUTES
)
"""Every handler of the admin pages."""
