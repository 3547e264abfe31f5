"""The estimate of Fmax is what ``benchmarks/clock.py`` fitted, and says how wrong it can be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ffhw.hdl.plan.devices import ECP5, GOWIN, ICE40

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
