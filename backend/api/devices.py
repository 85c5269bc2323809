"""Devices for server programs: push addresses of customers, registered, moved and given up."""

from typing import Annotated, Literal

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.openapi.spec import Example
from litestar.params import BodyKwarg

from backend.api.guards import requires
from backend.api.parameters import TEXT, CustomerNumber, Text
from backend.api.statements import Accepted, Telling, Whom, tells
from backend.services.people import People
from campaigns.person import Device
from segments import statements
from segments.statements import PhoneWord


class AddressOf(Whom, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A push address and whose it is.

    Attributes:
        address: the FCM registration token, or the Firebase installation id.
        kind: which of the two.
    """

    address: Annotated[str, msgspec.Meta(min_length=1, max_length=2000, pattern=TEXT)]
    kind: Literal["token", "fid"] = "token"


class NewDevice(AddressOf, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is known of a device. What is left out stays as it is.

    Attributes:
        device_id: the installation's own id, if you have one: a newer address of the same one replaces the older.
        permission: what the person decided in the phone's settings; consent is another matter.
    """

    device_id: Text | None = None
    platform: Literal["ios", "android", "web"] | None = None
    app_version: Text | None = None
    locale: Text | None = None
    time_zone: Text | None = None
    permission: Literal["granted", "denied"] | None = None


_NEW = Example(
    value={
        "user_id": "M-1001",
        "address": "fcm-registration-token",
        "kind": "token",
        "platform": "ios",
        "app_version": "2.4.0",
        "locale": "ja-JP",
        "time_zone": "Asia/Tokyo",
        "permission": "granted",
    }
)
_OLD = Example(value={"user_id": "M-1001", "address": "fcm-registration-token"})


class DeviceController(Controller):
    """Push addresses. The addresses themselves are never told: whoever has one can send to it."""

    tags = ("devices",)

    @get("/customers/{customer_id:int}/devices", guards=[requires("devices:read")], summary="List a customer's devices")
    async def list_devices(self, people: NamedDependency[People], customer_id: CustomerNumber) -> list[Device]:
        """Those that pushes go to first; with state, platform, version, language, zone, permission and last seen."""
        return list(await people.devices(customer_id))

    @tells("/devices", scope="devices:write", summary="Register a device")
    async def register_device(
        self,
        *,
        data: Annotated[NewDevice, BodyKwarg(media_type=RequestEncodingType.JSON, examples=[_NEW])],
        tell: NamedDependency[Telling],
    ) -> Accepted:
        """The customer can be reached at this address from then on; whoever had it before no longer is."""
        return await tell(data, lambda about: statements.device(about, _phone(data)))

    @tells("/devices/sign-out", scope="devices:write", summary="Give up a device")
    async def sign_out_device(
        self,
        *,
        data: Annotated[AddressOf, BodyKwarg(media_type=RequestEncodingType.JSON, examples=[_OLD])],
        tell: NamedDependency[Telling],
    ) -> Accepted:
        """The customer signed out there: nothing is sent to this address until somebody is seen at it again."""
        return await tell(
            data, lambda about: statements.sign_out(about, PhoneWord(address=data.address, kind=data.kind))
        )


def _phone(data: NewDevice) -> PhoneWord:
    return PhoneWord(
        address=data.address,
        kind=data.kind,
        device_id=data.device_id,
        platform=data.platform,
        app_version=data.app_version,
        locale=data.locale,
        time_zone=data.time_zone,
        permission=data.permission,
    )
