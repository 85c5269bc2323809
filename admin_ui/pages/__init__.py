"""One module a noun; each lists its handlers in ``ROUTES``."""

from admin_ui.pages import campaigns, home, preferences, segments, sign_in

ROUTES = (*sign_in.ROUTES, *preferences.ROUTES, *home.ROUTES, *segments.ROUTES, *campaigns.ROUTES)
"""Every handler of the admin pages."""
