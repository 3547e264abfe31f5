"""What flip-flop neurons open their gates by: the sigmoid, or one that closes.

    sigmoid                    g = s(v)
    closing sigmoid            g = clip((1 + 2 c) s(v) - c, 0, 1)          c = STRETCH

Where a closing gate is clipped its slope is that of what was clipped (straight-through): a closed gate can still learn
to open.
"""

from __future__ import annotations

from typing import Any

from keras import ops

from ffhw.numbers.tables import STRETCH

_WIDTH = 1.0 + 2.0 * STRETCH


def gates_of(sums: Any, closing: bool) -> Any:
    """Gates of their sums, for a backend to differentiate."""
    return closing_sigmoid(sums) if closing else ops.sigmoid(sums)


def opened(smooth: Any, closing: bool) -> Any:
    """Gates of the sigmoid of their sums."""
    return ops.clip(_WIDTH * smooth - STRETCH, 0.0, 1.0) if closing else smooth


def slope(smooth: Any, closing: bool) -> Any:
    """Derivative of the gates by their sums, of the sigmoid of these."""
    # ds/dv = s (1 - s)
    by_sum = smooth - smooth * smooth
    return _WIDTH * by_sum if closing else by_sum


def closing_sigmoid(sums: Any) -> Any:
    """Gates that close, of their sums; with the slope above."""
    stretched = _WIDTH * ops.sigmoid(sums) - STRETCH
    # outside of [0, 1] both terms cancel exactly
    return stretched + ops.stop_gradient(ops.clip(stretched, 0.0, 1.0) - stretched)
