"""The estimates of Fmax and of lookup tables are what ``benchmarks`` fitted, and say how wrong they can be."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from ffhw.hdl.plan.devices import ECP5, GOWIN, ICE40, ICE40_HX, UP5K
from ffhw.hdl.plan.memory import Memory
from ffhw.hdl.plan.weighted import ACCUMULATOR_BIT_LUTS, ADDER_BIT_LUTS, ENGINE_LUTS, FINISHER_BIT_LUTS, LUTS_ERROR

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
FITTED = json.loads((BENCHMARKS / "clock.json").read_text())
# designs of `resources.json` that are not built as predicted
EXCEPTIONS = [0, 27, 42, 47, 57]


@pytest.mark.parametrize("family", [ECP5, GOWIN, ICE40], ids=lambda family: family.name)
def test_the_line_is_the_fitted_one(family):
    line = FITTED[family.name]
    assert family.clock == pytest.approx((line["smallest_mhz"], line["mhz_a_multiplier"]), rel=0.01, abs=0.01)
    assert line["largest_error"] <= family.clock_error < line["largest_error"] + 0.05


def test_more_multipliers_are_never_faster():
    for family in (ECP5, GOWIN, ICE40):
        rates = [family.fmax_mhz(multipliers) for multipliers in range(0, 300, 10)]
        assert rates == sorted(rates, reverse=True)
        assert min(rates) > 0


def test_the_estimate_of_logic_is_the_fitted_one():
    fitted = json.loads((BENCHMARKS / "logic.json").read_text())
    numbers = (ENGINE_LUTS, ACCUMULATOR_BIT_LUTS, FINISHER_BIT_LUTS, ADDER_BIT_LUTS)
    names = ("engine", "accumulator_bit", "finisher_bit", "adder_bit")
    assert numbers == pytest.approx([fitted[name] for name in names], rel=0.02)
    assert fitted["largest_error"] <= LUTS_ERROR < fitted["largest_error"] + 0.05


def test_what_was_built_is_predicted(monkeypatch):
    """Multipliers and blocks to the number, but for the designs that are named; lookup tables within the error."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    from resources import Drawn, predicted

    rows = [row for row in json.loads((BENCHMARKS / "resources.json").read_text())["rows"] if row["built"]]
    assert len(rows) >= 58
    wrong = []
    for row in rows:
        found, built = predicted(Drawn(*(row[name] for name in Drawn._fields))), row["built"]
        assert abs(found["luts"] - built["luts"]) <= LUTS_ERROR * built["luts"], row
        if (found["multipliers"], found["block_rams"]) != (built["multipliers"], built["block_rams"]):
            wrong.append(row["number"])
    # products that yosys narrows, and constants of a few more words than a power of two
    assert wrong == EXCEPTIONS


def test_products_are_multipliers_where_yosys_makes_them():
    """Its own rules: of iCE40, products of 11 bits and more; of Gowin, factors of four and more; of ECP5 of two."""
    assert [ICE40.multipliers(*widths) for widths in ((8, 2), (9, 2), (6, 4), (6, 5), (16, 16), (17, 10), (18, 9))] == [
        0, 1, 0, 1, 1, 1, 2,
    ]  # fmt: skip
    assert [GOWIN.multipliers(*widths) for widths in ((18, 3), (4, 4), (19, 18), (20, 20))] == [0, 1, 1, 1]
    assert [ECP5.multipliers(*widths) for widths in ((2, 2), (18, 18), (19, 2), (20, 20))] == [1, 1, 1, 4]
    assert ICE40_HX.multipliers(16, 16) == 0 < ICE40_HX.product_luts(16, 16)
    assert ICE40.product_luts(4, 4) > 0 == ICE40.product_luts(8, 8)


def test_memories_are_blocks_where_these_cost_less():
    weights, states = Memory(16, 64, trained=True), Memory(16, 4, written=True)
    assert [family.blocks(weights) for family in (ICE40, ECP5)] == [0, 0]
    assert [family.blocks(Memory(16, 65)) for family in (ICE40, ECP5)] == [1, 0]
    assert [family.blocks(Memory(18, 240)) for family in (ICE40, ECP5)] == [2, 1]
    # lookup tables of the larger families can be written
    assert [family.blocks(states) for family in (ICE40, ECP5)] == [0, 0]
    assert [family.blocks(Memory(16, 64, written=True)) for family in (ICE40, ECP5)] == [1, 0]
    # two words a cycle: two copies where a block gives one
    assert [family.blocks(Memory(8, 512, ports=2, fixed=1)) for family in (ICE40, ECP5)] == [2, 1]
    # what can be replaced stays where it is
    kept = dataclasses.replace(UP5K, kept=ICE40.block_shapes)
    assert (UP5K.memory_blocks(weights), kept.memory_blocks(weights), kept.memory_blocks(states)) == (0, 1, 0)
