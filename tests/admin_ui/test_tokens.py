"""Colours meet WCAG AA in both themes, wherever they meet."""

import re
from pathlib import Path

import pytest

STYLES = Path(__file__).parents[2] / "admin_ui" / "assets" / "styles"
TOKENS = dict(
    re.findall(
        r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)".replace("(#\\w{6}), (#\\w{6})", "([^)]*)"),
        (STYLES / "tokens.css").read_text(),
    )
)
TEXT, PART = 4.5, 3.0

PAIRS = [
    *(
        (ink, paper, TEXT)
        for ink in ("ink", "ink-soft", "ink-faint", "indigo", "pine", "yamabuki", "vermilion")
        for paper in ("paper", "surface", "raised")
    ),
    *((ink, "sunk", TEXT) for ink in ("ink", "ink-soft", "indigo-deep")),
    *((each, f"{each}-wash", TEXT) for each in ("pine", "yamabuki", "vermilion")),
    ("indigo-deep", "indigo-wash", TEXT),
    ("ink", "indigo-wash", TEXT),
    ("ink-soft", "indigo-wash", TEXT),
    ("on-indigo", "indigo", TEXT),
    ("on-indigo", "indigo-deep", TEXT),
    ("on-vermilion", "vermilion", TEXT),
    *(("heat-ink-low", f"heat-{step}", TEXT) for step in range(6)),
    *(("heat-ink-high", f"heat-{step}", TEXT) for step in range(6, 10)),
    *((f"series-{number}", "surface", PART) for number in range(1, 7)),
    ("rule-strong", "surface", PART),
    ("rule-strong", "paper", PART),
]


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "paper", "least"), PAIRS)
def test_it_can_be_read(ink: str, paper: str, least: float, theme: int) -> None:
    over, under = (TOKENS[name].split(", ")[theme] for name in (ink, paper))
    assert contrast(over, under) >= least


def test_colours_stand_in_one_file() -> None:
    allowed = re.compile(r"light-dark\(|#0000|#fff|linear-gradient|\.phone")
    for file in STYLES.glob("*.css"):
        if file.name == "tokens.css":
            continue
        stray = [line for line in file.read_text().splitlines() if re.search(r"#[0-9a-f]{3,8}\b", line)]
        assert [line for line in stray if not allowed.search(line)] == [], file.name


def test_contrast_is_computed_as_wcag_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
