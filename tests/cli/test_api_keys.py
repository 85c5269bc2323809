"""`joren api-key`: a key that was made opens the API, a revoked one does not."""

import httpx
import pytest

from tests.fixtures.installation import Installation

pytestmark = pytest.mark.timeout(180)


def test_a_key_opens_the_api_until_it_is_revoked(installation: Installation) -> None:
    key = installation.ask("api-key", "create", "warehouse", "--scope", "segments:read")["key"]
    installation.start_server()

    def status(key: str) -> int:
        address = f"{installation.url}/api/v1/segments"
        return httpx.get(address, headers={"Authorization": f"Bearer {key}"}, timeout=60).status_code

    assert status(key) == 200
    assert status("guessed") == 401
    assert [each["name"] for each in installation.ask("api-key", "list")] == ["warehouse"]
    installation.joren("api-key", "revoke", "warehouse")
    assert status(key) == 401


def test_a_key_has_scopes_an_end_and_a_limit(installation: Installation) -> None:
    installation.ask("api-key", "create", "warehouse", "--scope", "exports:read", "--expires", "90d")
    installation.joren("api-key", "limit", "warehouse", "600")
    (key,) = installation.ask("api-key", "list")
    assert (key["scopes"], key["request_limit"], key["expires_at"] > key["created_at"]) == (["exports:read"], 600, True)
