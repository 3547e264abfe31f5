"""What the plan says of a memory: its shape, and what synthesis must know to give it a place."""

from __future__ import annotations

from typing import NamedTuple


class Memory(NamedTuple):
    """A memory before it exists.

    Parameters
    ----------
    width: bits of a word. depth: words.
    written: while the design runs; else it holds constants.
    trained: the constants are what was trained, others may come in their place (see :attr:`Device.kept`).
    ports: words that are read a cycle; of constants, two share what is stored.
    fixed: bits of a word that are the same in all words, which synthesis finds and leaves out.
    """

    width: int
    depth: int
    written: bool = False
    trained: bool = False
    ports: int = 1
    fixed: int = 0

    @property
    def varying(self) -> int:
        """Bits of a word that are not the same in all words."""
        return self.width - self.fixed

    @property
    def bits(self) -> int:
        """All that is stored."""
        return self.width * self.depth * -(-self.ports // 2)
