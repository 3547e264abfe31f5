"""The command `ffhw synth`."""

from __future__ import annotations

from pathlib import Path

import typer


def run(
    bundle: Path = typer.Argument(help="Bundle folder."),
    board: str = typer.Option(..., help="Board, such as icebreaker; ffhw board list names all."),
    seed: int = typer.Option(1, help="Seed of the placement. Fmax varies with it: quote medians of several."),
    check: bool = typer.Option(True, help="Simulate the netlist against the golden model before there is a bitstream."),
    clock_mhz: float = typer.Option(None, min=1.0, help="Clock of the core; else the highest that closes timing."),
    baud: int = typer.Option(1_000_000, min=1, help="Bits a second on the serial link."),
    bare: bool = typer.Option(False, help="The core alone, in a wrapper of two pins that nobody can talk to."),
) -> None:
    """Synthesize, place and route the RTL for a board, to a bitstream, with open tools from Python packages.

    The core stands behind the board's serial port, clocked by the device's PLL. The netlist of this top level is
    simulated against the golden model; if it differs, there is no bitstream and the exit code is 3. A clock that
    is not reached is an error as well. Figures come from the tools' own reports.
    """
    from ffhw.boards import catalogue
    from ffhw.boards.flow import LinkOptions, synthesize
    from ffhw.cli.console import Steps, console
    from ffhw.sim.netlist import check_netlist

    if not check:
        console.print("warning: the netlist is not checked: the bitstream may not compute the network", markup=False)
    link = None if bare else LinkOptions(clock_mhz, baud)
    with Steps() as steps:
        result = synthesize(
            bundle, catalogue.board(board), seed, steps, steps.note, check=check_netlist if check else None, link=link
        )
    if result["netlist"]["equal"]:
        console.print(f"netlist: {result['netlist']['codes']:,} codes, all equal to the golden model's")
    for difference in result["differences"]:
        console.print(f"note: {difference}", markup=False)
    for name, count in result["utilisation"].items():
        console.print(f"{name.replace('_', ' ')}: {count['used']} of {count['available']}")
    if result["luts_per_neuron"] is not None:
        console.print(
            f"lookup tables a neuron: {result['luts_per_neuron']}, all of the core's over the units of all layers"
        )
    note = "" if result["fmax_reliable"] else " (not reliable: the tools do not time this family's multipliers)"
    console.print(f"Fmax: {result['fmax_mhz']} MHz{note}")
    if link is not None:
        console.print(f"clock: {result['clock_mhz']:g} MHz, {result['clock_margin']:.1%} below Fmax")
        if not result["fmax_reliable"]:
            console.print(
                "warning: nobody knows whether this clock is reached, only that margin was left", markup=False
            )
    console.print(f"{result['cycles_per_step']} cycles a step: {result['steps_per_second']:,.0f} steps a second")
    console.print(f"wrote {result['file']}, {result['bitstream']} and logs beside it", markup=False)
