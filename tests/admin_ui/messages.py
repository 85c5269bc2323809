"""Finds every text that the pages can say, for the tests of the translations."""

from pathlib import Path

from babel.messages.extract import extract_from_dir

PACKAGE = Path(__file__).parents[2] / "admin_ui"
KEYWORDS = {"_": None, "say": None, "mark": None, "plural": (1, 2), "ngettext": (1, 2)}


def used() -> set[str]:
    """The English texts in templates and modules that are translated when shown."""
    found: set[str] = set()
    methods = [("templates/**.html", "jinja2"), ("**.py", "python")]
    options = {"templates/**.html": {"trimmed": "true", "silent": "false"}}
    for _, _, message, _, _ in extract_from_dir(
        PACKAGE, method_map=methods, options_map=options, keywords=KEYWORDS, directory_filter=_not_built
    ):
        texts = message if isinstance(message, tuple) else (message,)
        found.update(text for text in texts if text)
    return found


def _not_built(folder: str) -> bool:
    return not {"assets", "locales", "__pycache__"} & set(Path(folder).parts[-1:])
