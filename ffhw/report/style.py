"""What the figures share: colours, axes, and how they become files."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.figure import Figure

BLUE, ORANGE, GREY, RED, INK = "#2b6cb0", "#dd8a2f", "#a0aec0", "#c53030", "#1a202c"
GRID = "#e2e8f0"
# Okabe & Ito's eight colours: told apart with any kind of colour vision
STATES = ("#000000", "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
CELLS = {
    "jk": BLUE,
    "sr": "#2c7a7b",
    "toggle": "#63b3ed",
    "lstm": ORANGE,
    "gru": "#009e73",
    "rnn": RED,
    "ctrnn": "#805ad5",
}
CELL_NAMES = {"jk": "JK", "sr": "SR", "toggle": "Toggle", "lstm": "LSTM", "gru": "GRU", "rnn": "RNN", "ctrnn": "CTRNN"}

_RC: Any = {
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "grid.color": GRID,
    "svg.hashsalt": "ffhw",
    "svg.fonttype": "path",
}


def figure(width: float, height: float) -> Figure:
    """Empty figure, sizes in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def state_colour(label: int) -> str:
    """Colour of an answer; grey for none."""
    return GREY if label < 0 else STATES[label % len(STATES)]


def styled() -> Any:
    """Context in which figures are made and saved."""
    import matplotlib

    return matplotlib.rc_context(_RC)


def svg(drawing: Figure, dpi: int = 160) -> str:
    """SVG text; equal figures give equal text. Clouds of points inside are pictures of ``dpi``."""
    buffer = io.StringIO()
    with styled():
        drawing.savefig(buffer, format="svg", dpi=dpi, metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def png(drawing: Figure, dpi: int = 160) -> bytes:
    """PNG content."""
    buffer = io.BytesIO()
    with styled():
        drawing.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()
