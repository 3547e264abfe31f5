"""The command `ffhw demo`."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import typer


def run(
    output: Path = typer.Option(Path("demo"), "--output", "-o", help="Folder for the model and its bundle."),
    board: str = typer.Option("ulx3s-85f", help="Board to place and route for."),
    lanes: int = typer.Option(8, help="Units worked on at once."),
) -> None:
    """Walk the whole road once on real data: train, export at 8 bits, simulate, place and route, report.

    JapaneseVowels, nine speakers told apart by a single vowel, by 32 flip-flop neurons. Takes about five minutes on two
    cores, the tools' first-use compilation included.
    """
    from ffhw.cli import export, report, sim, synth, train
    from ffhw.cli.console import console
    from ffhw.errors import MismatchError, OutputError
    from ffhw.system import has_libpython

    try:
        output.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {output}: {error.strerror}") from None
    model, bundle = output / "vowels.keras", output / "build"

    def call(command: Callable[..., None], **given: Any) -> None:
        """A command as the command line calls it: what is not given has its default."""
        options = {name: getattr(p.default, "default", p.default) for name, p in signature(command).parameters.items()}
        command(**{**options, **given})

    def title(number: int, text: str) -> None:
        console.print(f"\n[bold blue]{number}/5 {text}[/bold blue]")

    title(1, "train 32 flip-flop neurons on JapaneseVowels")
    call(train.run, task="japanese-vowels", output=model, cell="jk", seed=1)
    title(2, "export at 8 bits")
    call(export.run, model=model, output=bundle, bits=8, lanes=str(lanes))
    title(3, "simulate the RTL against the golden model: cocotb, then the whole test split")
    for every in (False, True):
        if not every and not has_libpython():
            console.print("left out: cocotb, which needs this Python's shared library (ffhw doctor says its package)")
            continue
        call(sim.run, bundle=bundle, sim="verilator", every=every, stalls=0.3, seed=1, internals=every)
    title(4, f"place and route for {board}")
    call(synth.run, bundle=bundle, board=board, seed=1)
    title(5, "report")
    report.run(bundle)
    _summary(bundle, MismatchError)


def _summary(bundle: Path, failure: type[Exception]) -> None:
    """The road in five lines, and a failure if the promised accuracy was not reached."""
    from ffhw.bundle import Bundle
    from ffhw.cli.console import console, percent

    opened = Bundle.open(bundle)
    accuracy = opened.json("accuracy.json")
    before, after = accuracy["float"]["accuracy"], accuracy["quantized"]["accuracy"]
    console.print(f"\nfloat {percent(before)}, 8 bits {percent(after)} on {accuracy['sequences']} test sequences")
    if before < 0.97 or before - after > 0.005:
        raise failure("the demo promises at least 97 % in float and at most 0.5 points less at 8 bits")
