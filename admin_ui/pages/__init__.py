"""One module a noun; each lists its handlers in ``ROUTES``."""

from admin_ui.pages import home, preferences, sign_in

ROUTES = (*sign_in.ROUTES, *preferences.ROUTES, *home.ROUTES)
"""Every handler of the admin pages."""
