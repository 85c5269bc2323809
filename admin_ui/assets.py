"""Where the built scripts and styles are: Vite writes a manifest, pages ask it for addresses."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

DIST = Path(__file__).parent / "assets" / "dist"
"""What `npm run build` writes."""

MISSING = "The admin pages' scripts are not built. Run: make assets"


class _Chunk(msgspec.Struct, frozen=True):
    file: str
    css: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Assets:
    """Addresses of the entry script and of its style sheets."""

    script: str
    styles: tuple[str, ...]


@cache
def built() -> Assets:
    """The assets of this build.

    Raises:
        FileNotFoundError: when nothing was built yet; the message says what to run.
    """
    manifest = DIST / ".vite" / "manifest.json"
    if not manifest.is_file():
        raise FileNotFoundError(MISSING)
    chunks = msgspec.json.decode(manifest.read_bytes(), type=dict[str, _Chunk])
    entry = chunks["admin_ui/assets/scripts/main.js"]
    return Assets(script=f"/assets/{entry.file}", styles=tuple(f"/assets/{name}" for name in entry.css))
