"""Registers that a synthesis tool must leave alone."""

from __future__ import annotations

# Attributes of a register of a product that is added to another registered product. yosys' `synth_ice40 -dsp` packs
# products, their registers and the adder behind them into one multiplier block; where two such products meet in one
# adder and the registers' enable is constant, it drops one of them. A register that it has to keep it does not pack.
KEEP = {"keep": 1}
