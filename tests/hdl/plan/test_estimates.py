"""The estimates of Fmax and of lookup tables are what ``benchmarks`` fitted, and say how wrong they can be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ffhw.hdl.plan.devices import ECP5, GOWIN, ICE40
from ffhw.hdl.plan.weighted import ACCUMULATOR_BIT_LUTS, ENGINE_LUTS, FINISHER_BIT_LUTS, LUTS_ERROR

FITTED = json.loads((Path(__file__).parents[3] / "benchmarks" / "clock.json").read_text())


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
    fitted = json.loads((Path(__file__).parents[3] / "benchmarks" / "logic.json").read_text())
    numbers = (ENGINE_LUTS, ACCUMULATOR_BIT_LUTS, FINISHER_BIT_LUTS)
    assert numbers == pytest.approx([fitted[name] for name in ("engine", "accumulator_bit", "finisher_bit")], rel=0.02)
    assert fitted["largest_error"] <= LUTS_ERROR < fitted["largest_error"] + 0.05
