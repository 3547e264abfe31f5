"""A placed design whose memories' contents can be replaced: what is kept of it, and the replacement itself.

Place and route says where each block RAM is; the text that the packer reads has a section for each. So nothing has to
be looked for by what it holds, and equal or empty memories are as good as others.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from ffhw.boards.block_rams import BLOCK_RAMS, Bits
from ffhw.boards.catalogue import Board
from ffhw.boards.plan import PLACED, Plan
from ffhw.boards.tools import Toolbox
from ffhw.digests import digests
from ffhw.errors import InputError, MismatchError, ToolError

# Names in the folder of a result: the netlist, and the placed design as the packer reads it.
NETLIST, DESIGN = "netlist.json.gz", "placed.gz"
# Parameters of cells by cell, whose names end in these.
Contents = dict[str, dict[str, str]]
_SECTION = re.compile(r"^(?=\.)", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Text:
    """How a family's placed design is written and packed.

    Parameters
    ----------
    file: that the packer reads. pack, unpack: programs and arguments; unpack reads a bitstream and writes ``back``.
    place: the heading of a block RAM's section, from the attributes that place and route gave the cell.
    lines: that section's content, from the cell's parameters.
    """

    file: str
    pack: tuple[str, str]
    unpack: tuple[str, str]
    place: Callable[[dict[str, str]], str]
    lines: Callable[[dict[str, str]], str]


def _ice40_place(attributes: dict[str, str]) -> str:
    x, y = re.findall(r"\d+", attributes["NEXTPNR_BEL"])
    return f".ram_data {x} {y}"


def _ice40_lines(stored: dict[str, str]) -> str:
    """A line of 64 hexadecimal digits for each parameter."""
    return "".join(f"{int(digits, 2):064x}\n" for _, digits in sorted(stored.items()))


def _ecp5_lines(stored: dict[str, str]) -> str:
    """Words of 9 bits, eight a line; each 20 bits of a parameter hold two, from the lowest."""
    words = []
    for _, digits in sorted(stored.items()):
        for at in range(320, 0, -20):
            words += [int(digits[at - 9 : at], 2), int(digits[at - 18 : at - 9], 2)]
    return "".join(" ".join(f"{word:03x}" for word in words[n : n + 8]) + "\n" for n in range(0, len(words), 8))


TEXTS = {
    "ice40": Text(
        "top.asc",
        ("yowasp-icepack", "top.asc top.bin"),
        ("yowasp-iceunpack", "{bitstream} back"),
        _ice40_place,
        _ice40_lines,
    ),
    "ecp5": Text(
        "top.config",
        ("yowasp-ecppack", "--compress --input top.config --bit top.bit"),
        ("yowasp-ecpunpack", "--input {bitstream} --textcfg back"),
        lambda attributes: f".bram_init {int(attributes['WID'], 2)}",
        _ecp5_lines,
    ),
}


def contents(family: str, memories: Mapping[str, Bits]) -> Contents:
    """Parameters of the block RAMs of all these memories."""
    return {cell: p for name, bits in memories.items() for cell, p in BLOCK_RAMS[family].contents(name, bits).items()}


def sections(text: str) -> dict[str, str]:
    """The sections of a placed design, or of an unpacked bitstream, by heading."""
    parts = [part.partition("\n") for part in _SECTION.split(text) if part.startswith(".")]
    return {heading: "".join(f"{line}\n" for line in body.splitlines() if line) for heading, _, body in parts}


def keep(todo: Plan, board: Board, tools: Toolbox) -> tuple[dict[str, bytes], dict[str, Any]]:
    """What a later replacement needs of a build in the toolbox's folder; nothing where it has no such memories.

    Returns
    -------
    Files of the result; for the result the heading of each block RAM's section, ``memories``, and the files' digests.

    Raises
    ------
    ToolError: a memory is not where it must be, or does not hold what it must.
    """
    if not todo.memories:
        return {}, {}
    text, folder = TEXTS[board.family.name], tools.folder
    placed = json.loads((folder / PLACED).read_text())["modules"]["top"]["cells"]
    design = (folder / text.file).read_text()
    there, places = sections(design), {}
    for cell, stored in contents(board.family.name, todo.memories).items():
        # place and route marks the names of what it replaces
        found = [c["attributes"] for name, c in placed.items() if re.search(rf"\.{re.escape(cell)}(_RAM)?$", name)]
        if len(found) != 1 or there.get(heading := text.place(found[0])) != text.lines(stored):
            raise ToolError(f"the memory {cell} is not found in the placed design: its weights could never be replaced")
        places[cell] = heading
    netlist = (folder / "top.json").read_bytes()
    files = {NETLIST: gzip.compress(netlist, mtime=0), DESIGN: gzip.compress(design.encode(), mtime=0)}
    return files, {"memories": places, "kept_sha256": digests(files)}


def replace_in_netlist(netlist: dict[str, Any], new: Contents) -> None:
    """Put other contents into the memories of a netlist.

    Raises
    ------
    InputError: it does not have these very memories.
    """
    cells = netlist["modules"]["top"]["cells"]
    for cell, stored in new.items():
        found = [c for name, c in cells.items() if name.endswith(f".{cell}")]
        if len(found) != 1 or not stored.keys() <= found[0]["parameters"].keys():
            raise InputError(f"the netlist has no memory {cell}: run ffhw synth again")
        found[0]["parameters"] |= stored


def replace_in_design(design: str, places: Mapping[str, str], new: Contents, family: str) -> str:
    """A placed design with other contents in its memories."""
    text = TEXTS[family]
    lines = {places[cell]: text.lines(stored) for cell, stored in new.items()}

    def replaced(part: str) -> str:
        heading = part.partition("\n")[0]
        return f"{heading}\n{lines.pop(heading)}\n" if heading in lines else part

    result = "".join(replaced(part) for part in _SECTION.split(design))
    if lines:
        raise InputError(f"the placed design has no {next(iter(lines))}: run ffhw synth again")
    return result


def pack(board: Board, tools: Toolbox, design: str, bitstream: str) -> bytes:
    """The bitstream of a placed design; ``bitstream`` is the name of its file."""
    text = TEXTS[board.family.name]
    (tools.folder / text.file).write_text(design)
    program, arguments = text.pack
    tools.run(program, tuple(arguments.split()), "pack.log")
    return (tools.folder / bitstream).read_bytes()


def check_bitstream(
    board: Board, tools: Toolbox, old: bytes, new: bytes, places: Mapping[str, str], stored: Contents
) -> None:
    """Read a bitstream back: its memories hold what they must, and all else is as it was in the old one.

    Raises
    ------
    MismatchError: with the first difference.
    """
    before, after = (_unpacked(board, tools, content) for content in (old, new))
    for cell, heading in places.items():
        before.pop(heading, None)
        if after.pop(heading, "") != TEXTS[board.family.name].lines(stored[cell]):
            raise MismatchError(f"the bitstream for {board.title} does not hold the new weights in {cell}: not written")
    if before != after:
        where = next(heading for heading in before | after if before.get(heading) != after.get(heading))
        raise MismatchError(f"the bitstream for {board.title} differs from the old one in {where}: not written")


def _unpacked(board: Board, tools: Toolbox, content: bytes) -> dict[str, str]:
    (tools.folder / "read.bin").write_bytes(content)
    program, arguments = TEXTS[board.family.name].unpack
    tools.run(program, tuple(arguments.format(bitstream="read.bin").split()), "unpack.log")
    found = sections((tools.folder / "back").read_text())
    return {heading: body for heading, body in found.items() if not heading.startswith(".comment")}
