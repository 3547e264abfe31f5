"""IAM-OnDB: lines of handwriting from a whiteboard (Liwicki & Bunke, ICDAR 2005), in its original files.

In the data folder under ``iam``: ``lineStrokes/a01/a01-000/a01-000u-01.xml``, points of pen strokes line by line, and
``ascii/a01/a01-000/a01-000u.txt``, where the lines of the text follow ``CSR:``. The data are free for research after
registration at their authors'.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ffhw.errors import InputError, ToolError
from ffhw.training.datasets.archives import data_folder

Line = tuple[str, list[NDArray[np.float64]]]
_POINT = re.compile(r"<Point\b([^>]*)/?>")
_NUMBER = re.compile(r'\b(x|y)="(-?[\d.]+)"')


def lines(folder: Path | None = None) -> list[Line]:
    """Text and strokes of every line whose transcript is there.

    Raises
    ------
    ToolError: there are none; says where to put them. InputError: a file is damaged.
    """
    folder = folder or data_folder() / "iam"
    found: list[Line] = []
    for path in sorted(folder.glob("lineStrokes/*/*/*.xml")):
        form, _, number = path.stem.rpartition("-")
        transcript = folder / "ascii" / path.parent.relative_to(folder / "lineStrokes") / f"{form}.txt"
        if transcript.exists():
            texts = read_transcript(transcript.read_text())
            if 0 < int(number) <= len(texts):
                found.append((texts[int(number) - 1], read_strokes(path)))
    if not found:
        raise ToolError(f"IAM-OnDB is not in {folder}: unpack lineStrokes/ and ascii/ there (or set FFHW_DATA)")
    return found


def read_transcript(text: str) -> list[str]:
    """The corrected lines of a transcript: those behind ``CSR:``."""
    _, _, behind = text.partition("CSR:")
    return [line.strip() for line in behind.splitlines() if line.strip()]


def read_strokes(path: Path) -> list[NDArray[np.float64]]:
    """Strokes ``[points, 2]`` of a ``WhiteboardCaptureSession``: x to the right, y downwards.

    Only strokes and their points are looked for, so that nothing in a file (entities, links) is followed.

    Raises
    ------
    InputError: there is no stroke in it.
    """
    parts = path.read_text(errors="replace").split("<Stroke ")[1:]
    strokes = []
    for part in parts:
        points = [dict(_NUMBER.findall(attributes)) for attributes in _POINT.findall(part)]
        strokes.append(np.array([(float(p["x"]), float(p["y"])) for p in points if p.keys() == {"x", "y"}]))
    strokes = [stroke for stroke in strokes if len(stroke)]
    if not strokes:
        raise InputError(f"{path.name} has no strokes of points: it is no line of IAM-OnDB")
    return strokes
