"""A board in simulation: the top level that is placed with an ideal clock for its PLL, its serial pins at a socket."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ffhw.boards.catalogue import Board
from ffhw.boards.plan import settings_of
from ffhw.bundle import Bundle
from ffhw.errors import ToolError
from ffhw.processes import kept_folder, running
from ffhw.sim.verilated import compile_program

_DRIVER = Path(__file__).with_name("serial.cpp")
# Seconds for the program to open its port.
_START_S = 20.0


class ServedBoard:
    """The top level of a board, compiled.

    Parameters
    ----------
    clock_mhz: that its PLL would make. baud: bits a second on the wire.

    Attributes
    ----------
    baud: as it was built.

    Raises
    ------
    InputError: the link cannot run at this rate. ToolError: a tool is missing or fails.
    """

    def __init__(self, bundle: Bundle, board: Board, clock_mhz: float, baud: int) -> None:
        settings = settings_of(bundle, board, round(clock_mhz * 1e6), baud)
        self.baud = baud
        self.folder = kept_folder(self, "served")
        files = top_verilog(settings)
        for name, text in files.items():
            (self.folder / name).write_text(text)
        for path in bundle.rtl.iterdir():
            (self.folder / path.name).write_bytes(path.read_bytes())
        program = compile_program(self.folder, ["board_top.v", f"{bundle.top}.v"], "board_top", _DRIVER)
        self.program, self.cycles = program, settings.cycles

    @contextlib.contextmanager
    def serve(self, port: int = 0) -> Iterator[Served]:
        """The board under power; any free port if 0.

        Raises
        ------
        ToolError: it cannot listen there.
        """
        with served((self.program, str(port), str(self.cycles)), self.folder) as board:
            yield board


class Served:
    """A simulated board that runs.

    Attributes
    ----------
    url: for :class:`ffhw.boards.Device`. process: the program; folder: that it runs in.
    """

    def __init__(self, process: Any, folder: Path, port: int) -> None:
        self.process = process
        self.folder = folder
        self.url = f"socket://localhost:{port}"


@contextlib.contextmanager
def served(command: Sequence[str | Path], folder: Path) -> Iterator[Served]:
    """Run a program that serves serial pins, as ``serial.h`` does.

    Raises
    ------
    ToolError: it cannot listen at its port.
    """
    log = folder / "serial.log"
    with running(command, cwd=folder, log=log) as process:
        end = time.monotonic() + _START_S
        while not (lines := log.read_text().splitlines()) or not lines[0].isdigit():
            if process.poll() is not None or time.monotonic() > end:
                raise ToolError(f"the simulated board does not start: {(lines or ['no message'])[-1]}")
            time.sleep(0.01)
        yield Served(process, folder, int(lines[0]))


def top_verilog(settings: Any) -> dict[str, str]:
    """Verilog of a board's top level without its core, by file name: ``board_top.v`` and its memories."""
    from amaranth.back import rtlil
    from amaranth.hdl import Fragment

    from ffhw.boards.top import BoardTop
    from ffhw.hdl.verilog import from_rtlil

    top = BoardTop(settings)
    text = rtlil.convert(Fragment.get(top, platform=None), name="board_top", ports=top.ports, emit_src=False)
    return from_rtlil(text, "board_top")
