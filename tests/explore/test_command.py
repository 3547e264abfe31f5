"""The command that is printed gives the widths that were meant."""

from __future__ import annotations

import itertools
import shlex
from pathlib import Path

from ffhw.explore.command import export_command, width_options
from ffhw.numbers.scales import Widths


def read_back(options):
    names = [name.removeprefix("--").replace("-", "_") for name in options[::2]]
    return Widths(**dict(zip(names, map(int, options[1::2]), strict=True)))


def test_options_give_the_widths_back():
    for each in itertools.product((4, 8), *[(None, 4, 8)] * 4):
        widths = Widths(*each)
        assert read_back(width_options(widths)) == widths
    assert width_options(Widths(4)) == ["--bits", "4"]
    assert width_options(Widths(8, state_bits=4)) == ["--bits", "8", "--state-bits", "4"]


def test_paths_survive_a_shell():
    command = export_command(Path("my model.keras"), Path("x;y.npz"), Widths(4), [8, 1], [2, 2])
    words = shlex.split(command)
    assert words == [
        "ffhw", "export", "my model.keras", "--bits", "4", "--data", "x;y.npz", "--lanes", "8,1", "--simd", "2",
        "-o", "build/",
    ]  # fmt: skip
    assert "--lanes" not in export_command(Path("m.keras"), None, Widths(4), [], [])
