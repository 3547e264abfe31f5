"""The `ffhw export` command that gives a design."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path

from ffhw.numbers.scales import Widths


def width_options(widths: Widths) -> list[str]:
    """Options of the widths, those left out that are as they are without them."""
    options = ["--bits", str(widths.bits)]
    for field in dataclasses.fields(widths)[1:]:
        value = getattr(widths, field.name)
        # the widths in front of this one, which its default comes from
        before = {name: getattr(widths, name) for name in ("bits", "state_bits") if name != field.name}
        if value != getattr(Widths(**before), field.name):
            options += ["--" + field.name.replace("_", "-"), str(value)]
    return options


def export_command(
    model: Path, data: Path | None, widths: Widths, lanes: Sequence[int], simd: Sequence[int], output: str = "build/"
) -> str:
    """For a shell, in the folder in which the exploration was started.

    Parameters
    ----------
    data: as it was given; None where it was not. lanes, simd: one a layer that can be folded.
    """
    words = ["ffhw", "export", str(model), *width_options(widths)]
    words += [] if data is None else ["--data", str(data)]
    for option, wish in (("--lanes", lanes), ("--simd", simd)):
        if wish:
            words += [option, ",".join(map(str, wish)) if len(set(wish)) > 1 else str(wish[0])]
    return shlex.join([*words, "-o", output])
