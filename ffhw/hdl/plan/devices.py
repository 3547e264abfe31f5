"""Device families and devices: what a design can take of each."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable

from ffhw.hdl.plan.memory import Memory

# Lookup tables: the share of a device's that a design may take. A device filled to the brim routes slowly, if at all.
MOST_LUTS = 0.7
# Of each bit of the wider factor, for each further bit of the other: yosys' products of 2 x 2 to 17 x 16 bits take
# 3.0 alone on iCE40, those of Gowin and those within a design more.
PRODUCT_LUTS = 3.6
# Of each bit of a word of constants: a lookup table holds 16 words; of fewer, some bits are equal or simple.
LEAST_CONSTANT_LUTS = 2 / 3
# Costs by which yosys' memory_libmap chooses a place, of which one is a bit that is written, in a flip-flop: so many
# constant bits; 16 x 4 bits of lookup-table RAM; a bit of what chooses among such pieces; and, about, what a block that
# is written needs around it.
CONSTANT_BITS, LUT_RAM_COST, CHOICE_COST, WRITTEN_BLOCK_COST = 16, 4, 0.5, 14


@dataclasses.dataclass(frozen=True)
class Family:
    """A device family's building blocks, and the rules by which yosys uses them.

    Parameters
    ----------
    multiplier_bits: widest factors of one multiplier block; 0 of a family that has none.
    least_factor, least_product: widths below which a product is made of lookup tables.
    block_shapes: (width, depth) that one memory block can take.
    block_ports: words that a block of constants gives a cycle.
    block_cost: of a block, where lookup tables and flip-flops could hold the same.
    lut_ram: whether lookup tables can be written.
    timed: whether the tools' timing model covers the multipliers, so that Fmax can be relied on.
    clock: Fmax of the smallest design in MHz, and what each multiplier costs of it; fitted by ``benchmarks/clock.py``
        to what was placed and routed.
    clock_error: share by which a run differed at most from a fit that did not know it.
    """

    name: str
    multiplier_bits: int
    least_factor: int
    least_product: int
    block_shapes: tuple[tuple[int, int], ...]
    block_ports: int
    block_cost: int
    lut_ram: bool
    clock: tuple[float, float]
    clock_error: float
    timed: bool = True

    def fmax_mhz(self, multipliers: int) -> float:
        """Fmax to expect of a design with so many multipliers."""
        smallest, loss = self.clock
        return max(smallest / 4, smallest - loss * multipliers)

    def multipliers(self, a: int, b: int) -> int:
        """Multiplier blocks that a product of these widths takes."""
        return sum(self._multiplied(*piece) for piece in self._pieces(a, b))

    def product_luts(self, a: int, b: int) -> int:
        """Lookup tables that a product of these widths takes besides its multiplier blocks, an estimate."""
        rest = [sorted(piece) for piece in self._pieces(a, b) if not self._multiplied(*piece)]
        return round(sum(PRODUCT_LUTS * wide * max(narrow - 1, 2 / 3) for narrow, wide in rest))

    def _pieces(self, a: int, b: int) -> list[tuple[int, int]]:
        """The products of parts that fit one multiplier block, of which a product is the sum."""
        most = self.multiplier_bits or max(a, b)
        parts_a, parts_b = ([most] * (bits // most) + [bits % most] * (bits % most > 0) for bits in (a, b))
        return list(itertools.product(parts_a, parts_b))

    def _multiplied(self, a: int, b: int) -> bool:
        return bool(self.multiplier_bits) and min(a, b) >= self.least_factor and a + b >= self.least_product

    def blocks(self, memory: Memory) -> int:
        """Memory blocks that a memory takes; none where lookup tables and flip-flops cost less."""
        copies = 1 if memory.written else -(-memory.ports // self.block_ports)
        count = copies * fewest(self.block_shapes, memory.varying, memory.depth)
        cost = count * self.block_cost + (WRITTEN_BLOCK_COST if memory.written else 0)
        return count if cost < self._without(memory) else 0

    def memory_luts(self, memory: Memory) -> int:
        """Lookup tables and flip-flops of a memory without a block, an estimate in the family's logic cells."""
        if not memory.written:
            return round(memory.ports * memory.varying * max(LEAST_CONSTANT_LUTS, memory.depth / 16))
        return round(self._without(memory) if self.lut_ram else 1.5 * memory.varying * memory.depth)

    def _without(self, memory: Memory) -> float:
        """Cost of a memory that has no block, as yosys counts it: whatever the ports."""
        bits, deep = memory.varying * memory.depth, -(-memory.depth // 16)
        if not memory.written:
            return bits // CONSTANT_BITS
        pieces = LUT_RAM_COST * -(-memory.varying // 4) * deep + CHOICE_COST * memory.varying * (deep - 1)
        return min(bits, pieces) if self.lut_ram else bits


def fewest(shapes: Iterable[tuple[int, int]], width: int, depth: int) -> int:
    """Blocks of one of these (width, depth) that hold a memory."""
    return min(-(-width // w) * -(-depth // d) for w, d in shapes)


@dataclasses.dataclass(frozen=True)
class Device:
    """A device: its family, and how much of everything it has.

    title: name for people. multipliers: those that place and route can be expected to fill.
    kept: shapes of the blocks that hold what was trained, whatever it is; none where synthesis is free to choose.
    """

    title: str
    family: Family
    luts: int
    multipliers: int
    blocks: int
    kept: tuple[tuple[int, int], ...] = ()

    def memory_blocks(self, memory: Memory) -> int:
        """Memory blocks that a memory takes."""
        return (
            fewest(self.kept, memory.width, memory.depth)
            if self.kept and memory.trained
            else self.family.blocks(memory)
        )

    def available(self) -> dict[str, int]:
        """What a design may take of it."""
        return {"multipliers": self.multipliers, "blocks": self.blocks, "luts": round(MOST_LUTS * self.luts)}


_ICE40_BLOCKS = ((16, 256), (8, 512), (4, 1024), (2, 2048))
ICE40 = Family("ice40", 16, 2, 11, _ICE40_BLOCKS, 1, 64, False, (43.7, 0.198), 0.1)
# those without multipliers: products are lookup tables; the clock is that of one design of 5,800 of them
ICE40_HX = Family("ice40", 0, 2, 11, _ICE40_BLOCKS, 1, 64, False, (92.0, 0.0), 0.2)
_BLOCKS = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
ECP5 = Family("ecp5", 18, 2, 4, _BLOCKS, 2, 128, True, (117.1, 0.407), 0.12)
GOWIN = Family("gowin", 18, 4, 8, _BLOCKS, 2, 128, True, (116.0, 0.789), 0.17, timed=False)

UP5K = Device("iCE40 UP5K", ICE40, luts=5280, multipliers=8, blocks=30)
HX1K = Device("iCE40 HX1K", ICE40_HX, luts=1280, multipliers=0, blocks=16)
HX8K = Device("iCE40 HX8K", ICE40_HX, luts=7680, multipliers=0, blocks=32)
# the die of a 25F, of which the tools use all
LFE5U_12F = Device("ECP5 LFE5U-12F", ECP5, luts=24288, multipliers=28, blocks=56)
LFE5U_25F = Device("ECP5 LFE5U-25F", ECP5, luts=24288, multipliers=28, blocks=56)
LFE5U_45F = Device("ECP5 LFE5U-45F", ECP5, luts=43848, multipliers=64, blocks=108)
# of 156 multipliers: with 140 nextpnr took eleven minutes, and the design was slower than a smaller one
LFE5U_85F = Device("ECP5 LFE5U-85F", ECP5, luts=83640, multipliers=94, blocks=208)
LFE5UM5G_85F = Device("ECP5 LFE5UM5G-85F", ECP5, luts=83640, multipliers=94, blocks=208)
# of 20 multipliers: nextpnr finds no legal placement once nearly all are taken
GW1NR_9 = Device("Gowin GW1NR-9", GOWIN, luts=8640, multipliers=16, blocks=26)
# of 48 multipliers, for the same reason
GW2AR_18 = Device("Gowin GW2AR-18", GOWIN, luts=20736, multipliers=40, blocks=46)
GW2A_18 = Device("Gowin GW2A-18", GOWIN, luts=20736, multipliers=40, blocks=46)
