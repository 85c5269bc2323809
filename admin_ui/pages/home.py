"""ホーム: how the shop is doing, and what needs doing."""

from typing import Any

from litestar import Response, get

from admin_ui.page import Page
from admin_ui.session import Allow


@get("/", opt={"allow": Allow.VIEWER})
async def show_home(page: Page) -> Response[Any]:
    """The dashboard."""
    return page.show("home/detail.html")


ROUTES = (show_home,)
