"""Device families and devices: what a design can take of each."""

from __future__ import annotations

import dataclasses

# Lookup tables: the share of a device's that a design may take. A device filled to the brim routes slowly, if at all.
MOST_LUTS = 0.7
# Of each bit of a factor times each of the other: yosys' products of 3 x 8 to 17 x 16 bits take 2.0 to 3.0 on iCE40.
PRODUCT_LUTS = 2.8


@dataclasses.dataclass(frozen=True)
class Family:
    """A device family's building blocks.

    Parameters
    ----------
    multiplier_bits: widest signed factors of one multiplier block; 0 of a family that has none.
    block_shapes: (width, depth) that one memory block can take.
    timed: whether the tools' timing model covers the multipliers, so that Fmax can be relied on.
    clock: Fmax of the smallest design in MHz, and what each multiplier costs of it; fitted by ``benchmarks/clock.py``
        to what was placed and routed.
    clock_error: share by which a run differed at most from a fit that did not know it.
    """

    name: str
    multiplier_bits: int
    block_shapes: tuple[tuple[int, int], ...]
    clock: tuple[float, float]
    clock_error: float
    timed: bool = True

    def fmax_mhz(self, multipliers: int) -> float:
        """Fmax to expect of a design with so many multipliers."""
        smallest, loss = self.clock
        return max(smallest / 4, smallest - loss * multipliers)

    def blocks(self, width: int, depth: int) -> int:
        """Memory blocks that a memory of this shape takes."""
        return min(-(-width // w) * -(-depth // d) for w, d in self.block_shapes)

    def multipliers(self, a: int, b: int) -> int:
        """Multiplier blocks that a product of these signed widths takes; none for a factor of one or two bits."""
        if min(a, b) <= 2 or not self.multiplier_bits:
            return 0
        return -(-a // self.multiplier_bits) * -(-b // self.multiplier_bits)

    def product_luts(self, a: int, b: int) -> int:
        """Lookup tables that a product of these signed widths takes of a family without multipliers, an estimate."""
        return 0 if self.multiplier_bits or min(a, b) <= 2 else round(PRODUCT_LUTS * a * b)


@dataclasses.dataclass(frozen=True)
class Device:
    """A device: its family, and how much of everything it has.

    title: name for people. multipliers: those that place and route can be expected to fill.
    """

    title: str
    family: Family
    luts: int
    multipliers: int
    blocks: int

    def available(self) -> dict[str, int]:
        """What a design may take of it."""
        return {"multipliers": self.multipliers, "blocks": self.blocks, "luts": round(MOST_LUTS * self.luts)}


_ICE40_BLOCKS = ((16, 256), (8, 512), (4, 1024), (2, 2048))
ICE40 = Family("ice40", 16, _ICE40_BLOCKS, (43.7, 0.198), 0.1)
# those without multipliers: products are lookup tables; the clock is that of one design of 5,800 of them
ICE40_HX = Family("ice40", 0, _ICE40_BLOCKS, (92.0, 0.0), 0.2)
_BLOCKS = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
ECP5 = Family("ecp5", 18, _BLOCKS, (117.1, 0.407), 0.12)
GOWIN = Family("gowin", 18, _BLOCKS, (116.0, 0.789), 0.17, timed=False)

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
