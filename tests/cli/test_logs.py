"""What a process says: facts as JSON lines, from a level on, but for events that are meant to happen."""

import json
import subprocess
import sys

SAYING = """
import structlog
from backend import log
log.configure(json=True, level="warning", unsaid=["campaign_paused"])
said = structlog.get_logger()
said.info("looked")
said.error("campaign_paused", campaign_id=6)
said.error("campaign_failed", campaign_id=7)
"""


def test_only_what_is_not_meant_to_happen_is_said() -> None:
    ended = subprocess.run([sys.executable, "-c", SAYING], capture_output=True, text=True, check=True)
    (line,) = ended.stderr.splitlines()
    told = json.loads(line)
    assert (told["event"], told["level"], told["campaign_id"]) == ("campaign_failed", "error", 7)
