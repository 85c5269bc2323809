"""The shop's settings for server programs: what the settings page shows and changes."""

from typing import Any

from litestar import Controller, Request, get, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import JSONBody

from backend.api.guards import actor_of, requires
from backend.services.shop import Shop, ShopSettings

_READ = requires("shop:read")
_WRITE = requires("shop:write")


class ShopController(Controller):
    """Calendar, currency, quiet hours, caps, consent rule."""

    path = "/shop"
    tags = ("shop",)

    @get("/", summary="Read the shop's settings", guards=[_READ])
    async def get_shop(self, shop: NamedDependency[Shop]) -> ShopSettings:
        """All of them; defaults where nothing was chosen."""
        return await shop.get()

    @put("/", summary="Change the shop's settings", guards=[_WRITE])
    async def put_shop(
        self, request: Request[None, None, State], data: JSONBody[dict[str, Any]], shop: NamedDependency[Shop]
    ) -> ShopSettings:
        """Settings that the body leaves out stay as they are. A value that cannot be taken changes nothing."""
        return await shop.change(data, actor=actor_of(request))
