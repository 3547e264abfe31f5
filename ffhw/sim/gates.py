"""The netlist of a board's top level, synthesized and simulated without placing it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ffhw.boards.catalogue import Board
from ffhw.boards.clocking import calculate
from ffhw.boards.plan import plan
from ffhw.boards.tools import Toolbox
from ffhw.bundle import Bundle
from ffhw.processes import scratch_folder
from ffhw.sim.netlist import check_netlist

Step = Callable[[str], None]


def simulate_gates(path: Path, board: Board, steps: int, step: Step, note: Step = lambda _: None) -> dict[str, Any]:
    """Synthesize a bundle for a board as `ffhw synth` does, and hold the netlist against the golden model.

    The result stands in ``results/gates-<board>.json``.

    Parameters
    ----------
    steps: of random sequences at least; more than `ffhw synth` takes the time for.
    step: told what begins. note: told now and then how far it is.

    Returns
    -------
    As :func:`ffhw.sim.netlist.check_netlist`, and ``file``.

    Raises
    ------
    MismatchError: the netlist does not compute the network. ToolError: a tool is missing or fails.
    """
    bundle = Bundle.open(path)
    with scratch_folder("gates") as folder:
        tools = Toolbox(folder, step, note)
        todo = plan(bundle, board, 1, calculate(board, board.clock_mhz, tools))
        for file, text in todo.files.items():
            (folder / file).write_text(text)
        program, arguments = todo.commands[0]
        tools.run(program, arguments, "synth.log")
        result = check_netlist(bundle, board, folder, step, todo.settings, steps=steps)
    result = {"board": board.name, "equal": True, **result}
    return {**result, "file": str(bundle.add_result(f"gates-{board.name}", result))}
