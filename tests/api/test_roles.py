"""What a server of each role loads and answers."""

import subprocess
import sys

import pytest

from backend.asgi import create_app
from backend.errors import NotConfigured
from tests.api.conftest import Intake

HEAVY = ("polars", "pyarrow", "deltalake", "firebase_admin", "narwhals", "admin_ui")

PROGRAM = """
import asyncio, sys
from backend.asgi import create_app
from backend.settings import Settings
from backend.wiring import open_intake

async def main():
    async with open_intake(Settings(database_url=sys.argv[1], role="intake")) as services:
        create_app(services, "intake")
        print(sorted({name.partition(".")[0] for name in sys.modules}))

asyncio.run(main())
"""


def test_an_intake_process_loads_neither_the_frame_nor_the_pages(dsn: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, dsn], capture_output=True, text=True, check=True)
    assert "'litestar'" in done.stdout
    assert not [name for name in HEAVY if f"'{name}'" in done.stdout]


async def test_an_intake_server_knows_no_page(intake: Intake) -> None:
    for path in ("/", "/sign-in", "/api/v1/segments", "/schema", "/api/v1/schema/openapi.json"):
        assert (await intake.client.get(path)).status_code == 404


def test_there_is_no_other_role(intake: Intake) -> None:
    for role in ("everything", "admin"):
        with pytest.raises(NotConfigured):
            create_app(intake.services, role)
