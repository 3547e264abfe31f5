"""The command `ffhw synth`."""

from __future__ import annotations

from pathlib import Path

import typer


def run(
    bundle: Path = typer.Argument(help="Bundle folder."),
    board: str = typer.Option(..., help="Board: icebreaker, ulx3s-85f or tangnano9k."),
    seed: int = typer.Option(1, help="Seed of the placement. Fmax varies with it: quote medians of several."),
) -> None:
    """Synthesize, place and route the RTL for a board, to a bitstream, with open tools from Python packages.

    The core stands in a test wrapper that uses the clock pin and one light. Figures come from the tools' own reports.
    """
    from ffhw.boards import catalogue
    from ffhw.boards.flow import synthesize
    from ffhw.cli.console import Steps, console

    with Steps() as steps:
        result = synthesize(bundle, catalogue.board(board), seed, steps)
    for name, count in result["utilisation"].items():
        console.print(f"{name.replace('_', ' ')}: {count['used']} of {count['available']}")
    note = "" if result["fmax_reliable"] else " (not reliable: the tools do not time this family's multipliers)"
    console.print(f"Fmax: {result['fmax_mhz']} MHz{note}")
    console.print(f"{result['cycles_per_step']} cycles a step: {result['steps_per_second']:,.0f} steps a second")
    console.print(f"wrote {result['file']} and {result['bitstream']}", markup=False)
