"""A C file under construction.

Each layer is two functions, ``<name>_step`` for each step that it is given and ``<name>_end`` behind a sequence's last
one; both call those of what follows, ``<sink>_step`` for each answer. What a layer keeps are members of one struct.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ffhw.arrays import narrow
from ffhw.numbers.tables import Table

_COLUMNS = 110


class Source:
    """Parts of a C file: constant arrays, members of the state, functions."""

    def __init__(self) -> None:
        self.arrays: list[str] = []
        self.members: list[str] = []
        self.resets: list[str] = []
        self.declarations: list[str] = []
        self.functions: list[str] = []
        self.states: dict[str, list[str]] = {}  # members that are a layer's state, by the layer's name here
        self._tables: set[str] = set()

    def array(self, name: str, values: Any) -> None:
        """Constant integers, laid out flat, in as few bytes each as they need."""
        flat = narrow(np.asarray(values).reshape(-1))
        lines, line = [], " "
        for text in (f"{value}," for value in flat.tolist()):
            if len(line) + len(text) > _COLUMNS:
                lines.append(line)
                line = " "
            line += " " + text
        body = "\n".join([*lines, line])
        self.arrays.append(f"static const {flat.dtype.name}_t {name}[{max(1, flat.size)}] = {{\n{body}\n}};")

    def member(self, declaration: str, reset: str = "") -> None:
        """Something that is kept from step to step; ``reset``: the statement that begins a sequence, of ``s``."""
        self.members.append(f"  {declaration};")
        if reset:
            self.resets.append(f"  {reset}")

    def function(self, name: str, lines: Sequence[str], x: bool = True, comment: str = "") -> None:
        """A function of the state ``s`` and, where ``x``, of a vector."""
        head = f"static void {name}(ffhw_net *s{', const num *x' if x else ''})"
        self.declarations.append(f"{head};")
        note = [f"/* {comment} */"] if comment else []
        self.functions.append("\n".join([*note, f"{head} {{", *(f"  {line}" for line in lines), "}"]))

    def passing(self, name: str, sink: str) -> None:
        """The end of a layer that has nothing to do there."""
        self.function(f"{name}_end", [f"{sink}_end(s);"], x=False)

    def table(self, table: Table) -> str:
        """Name of the function that gives a table's code of an index, which it saturates."""
        name = f"{table.name}_{table.bits}"
        if name not in self._tables:
            self._tables.add(name)
            self.array(f"{name}_half", table.half)
            reach = 1 << (table.index_bits - 1)
            half = f"{name}_half[~index]"
            # table[~index] is 1 - v of the sigmoid, -v of tanh
            mirrored = f"{int(table.mirror(np.array(0)))} - {half}"
            self.arrays.append(
                f"static inline num {name}(num index) {{\n  index = clip(index, -{reach}, {reach - 1});\n"
                f"  return index < 0 ? {mirrored} : {name}_half[index];\n}}"
            )
        return name


def plain(name: str) -> str:
    """A layer's name as a comment can hold it."""
    return re.sub(r"[^\w .:-]", "_", name)[:60]
