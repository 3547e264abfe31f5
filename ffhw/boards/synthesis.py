"""The first command of a plan: yosys, and what goes around a fault of it that names of wires cause.

Amaranth calls an element of an array ``a`` of vectors ``a[7]``; yosys' abc9 calls bit 7 of a vector ``a`` the same.
Where both are inputs or outputs of the logic that it maps, ``abc_ops_reintegrate`` (of yosys 0.70) takes one for the
other: in one order of its tables it ends with the message below, in another the netlist would be wrong, which the
simulation of the netlist finds. Such wires are then given names of their own before the mapping, which is not done from
the beginning because other names make abc9 map, and place and route place, a little differently.
"""

from __future__ import annotations

import re

from ffhw.boards.plan import Plan
from ffhw.boards.tools import Toolbox, ToolFailed

LOG = "synth.log"
NAMES_COLLIDE = "Assert `GetSize(conn.first) == GetSize(conn.second)' failed"
# A synthesis command of the families that are mapped by abc9.
_MAPPED_BY_ABC9 = re.compile(r"^(synth_(?:ecp5|gowin) .*?)(-json \S+)$", re.MULTILINE)


def run_yosys(todo: Plan, tools: Toolbox) -> str:
    """All that yosys writes while it makes ``top.json`` of the plan's files in the toolbox's folder.

    Raises
    ------
    ToolError: yosys is missing. ToolFailed: it ended with an error.
    """
    program, arguments = todo.commands[0]
    try:
        return tools.run(program, arguments, LOG)
    except ToolFailed as failure:
        apart = with_names_apart(todo.files["top.ys"])
        if NAMES_COLLIDE not in failure.log or apart == todo.files["top.ys"]:
            raise
        (tools.folder / "top.ys").write_text(apart)
    tools.step("yosys takes two wires for one; once more with other names")
    return tools.run(program, arguments, LOG)


def with_names_apart(script: str) -> str:
    """A script in which no wire is called like a bit of another one when logic is mapped."""
    steps = r"\1-run begin:map_luts\nrename -hide top/w:*]\n\1-run map_luts: \2"
    return _MAPPED_BY_ABC9.sub(steps, script)
