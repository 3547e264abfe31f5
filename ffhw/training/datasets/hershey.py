"""The Hershey fonts: letters of pen strokes, digitised by A. V. Hershey about 1967, from the package of that name.

A glyph is a line: number, count of pairs, then pairs of letters that are coordinates around ``R``. The first pair is
where the glyph begins and ends along the line; ``' R'`` lifts the pen. Glyphs follow the order of ASCII from the blank.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import dataclasses
import io
import re
import tarfile
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ffhw.errors import InputError
from ffhw.training.datasets.archives import Archive, fetch

HERSHEY = Archive(
    "Hershey-Fonts==2.1.0", "e53ef56bdef231f10f0576a6570f49fcc8442e45115028bc52a7ade15d824581", "HersheyFonts"
)
SCRIPTS = ("scripts", "scriptc", "cursive", "futural", "rowmans")
_FONTS = re.compile(r"__compressed_fonts_base64 = B'''(.*?)'''", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Glyph:
    """A letter: its width, and its strokes, each ``[points, 2]``: x to the right from its left edge, y downwards."""

    width: float
    strokes: Sequence[NDArray[np.float64]]


Font = dict[str, Glyph]


def fonts(names: Sequence[str] = SCRIPTS) -> list[Font]:
    """Fonts by their names in the package.

    Raises
    ------
    ToolError: the package is not to be had. InputError: it does not hold such fonts.
    """
    # the fonts stand in the module as a string; nothing of it is executed
    source = fetch(HERSHEY, "HersheyFonts.py").read_text()
    found = _FONTS.search(source)
    if not found:
        raise InputError("HersheyFonts.py holds no fonts")
    try:
        with tarfile.open(fileobj=io.BytesIO(bz2.decompress(base64.b64decode(found[1])))) as archive:
            files = [archive.extractfile(name) for name in names]
            return [read_font(file.read().decode("ascii")) for file in files if file is not None]
    except (KeyError, OSError, binascii.Error, tarfile.TarError, UnicodeDecodeError) as error:
        raise InputError(f"HersheyFonts.py holds no such fonts: {error}") from None


def read_font(text: str) -> Font:
    """Glyphs of a font file by their characters.

    Raises
    ------
    InputError: a line is no glyph.
    """
    lines = [line for line in text.split("\n") if line and not line.startswith("#")]
    return {chr(code): _glyph(line) for code, line in enumerate(lines, start=32)}


def _glyph(line: str) -> Glyph:
    pairs = [line[at : at + 2] for at in range(8, len(line), 2)]
    if not pairs or not line[5:8].strip().isdigit() or len(pairs) != int(line[5:8]) or len(pairs[-1]) != 2:
        raise InputError(f"{line[:20]!r} is no glyph of a Hershey font")
    left, right = (ord(letter) - ord("R") for letter in pairs[0])
    strokes: list[list[tuple[int, int]]] = [[]]
    for pair in pairs[1:]:
        if pair == " R":
            strokes.append([])
        else:
            strokes[-1].append((ord(pair[0]) - ord("R") - left, ord(pair[1]) - ord("R")))
    return Glyph(right - left, [np.array(stroke, np.float64) for stroke in strokes if stroke])
