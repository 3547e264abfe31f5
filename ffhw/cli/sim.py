"""The command `ffhw sim`."""

from __future__ import annotations

from pathlib import Path

import typer


def run(
    bundle: Path = typer.Argument(help="Bundle folder."),
    sim: str = typer.Option("verilator", "--sim", help="Simulator: verilator or icarus."),
    every: bool = typer.Option(False, "--all", help="Stream the whole data set through the compiled batch driver."),
    stalls: float = typer.Option(0.3, help="Share of cycles in which source and sink make the design wait."),
    seed: int = typer.Option(1, help="Seed of the stalls."),
    internals: bool = typer.Option(False, help="Also compare every gate and state inside the JK layers."),
    level: str = typer.Option(
        "rtl", help="rtl, or gates: the netlist of a board's top level, through its serial pins."
    ),
    board: str = typer.Option(None, help="Board whose netlist to simulate, with --level gates."),
    waves: bool = typer.Option(
        False, help="Write waveforms, of a short run (FST with icarus); on a mismatch they are written anyway."
    ),
) -> None:
    """Simulate the RTL and compare every output code with the golden model.

    The bundle's test vectors run twice under cocotb: with both sides always ready, which also measures the cycles, and
    with random stalls. A stream monitor watches the protocol. A mismatch ends in exit code 3, with step, signal,
    expected and got code, and a wave file.
    """
    from ffhw.cli.console import Steps, console
    from ffhw.errors import InputError
    from ffhw.sim.check import Check, simulate

    if level not in ("rtl", "gates") or (level == "gates") != (board is not None):
        raise InputError("--level must be rtl, or gates with --board NAME")
    if level == "gates":
        _gates(bundle, board, every)
        return
    check = Check(simulator=sim, every=every, stalls=stalls, seed=seed, internals=internals, waves=waves)
    with Steps() as steps:
        result = simulate(bundle, check, steps)
    console.print(
        f"equal: {result['compared']:,} codes of {result['sequences']} sequences, {result['cycles']:,} cycles simulated"
    )
    measured, predicted = result["cycles_per_step"], result["predicted_cycles_per_step"]
    if measured is not None:
        console.print(f"cycles a step: {measured} measured, {predicted} predicted")
    console.print(f"wrote {result['file']}", markup=False)


def _gates(bundle: Path, board: str, every: bool) -> None:
    """The netlist of a board; with ``every`` ten thousand steps of it."""
    from ffhw.boards.catalogue import board as board_of
    from ffhw.cli.console import Steps, console
    from ffhw.sim.gates import simulate_gates

    with Steps() as steps:
        result = simulate_gates(bundle, board_of(board), 10_000 if every else 0, steps, steps.note)
    console.print(
        f"netlist: {result['codes']:,} codes equal to the golden model's, {result['cycles']:,} cycles simulated"
    )
    console.print(f"wrote {result['file']}", markup=False)
