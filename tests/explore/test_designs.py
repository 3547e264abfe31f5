"""Designs that are worth a look: they fit, none beats another, and their options give them back."""

from __future__ import annotations

import pytest
from networks import CELLS, random_chain, random_network

from ffhw.boards.catalogue import board
from ffhw.explore.designs import described, grid, over, spread
from ffhw.hdl.plan.chain import fold
from ffhw.hdl.plan.choose import choose, fits, steps_a_second


@pytest.mark.parametrize("name", ["icebreaker", "ulx3s-85f", "icestick"])
@pytest.mark.parametrize("bits", [2, 6])
def test_they_fit_and_no_one_beats_another(name, bits):
    network, device = random_network(1, inputs=12, units=(16,), outputs=9, bits=bits), board(name).device
    found = spread(network, device, 5)
    assert len(found) <= 5
    for design in found:
        assert fits(network, design.foldings, device)
        assert not any(other.beats(design) for other in found)
        told = described(network, design, device)
        assert fold(network, tuple(told["lanes"]), tuple(told["simd"])) == design.foldings
        assert told["over"] == []
    speeds = [design.steps_per_second for design in found]
    assert speeds == sorted(speeds)
    if found:
        fastest = steps_a_second(network, choose(network, device), device)
        assert speeds[-1] >= fastest
    else:
        assert name == "icestick"


def test_all_kinds_are_told_by_their_options():
    device = board("ulx3s-85f").device
    for kinds in (*(f"j{kind}d" for kind in CELLS), "kjd", "jvyd", "qjd", "jbd", "ejsa"):
        network = random_chain(2, kinds)
        for design in spread(network, device, 3):
            told = described(network, design, device)
            assert fold(network, tuple(told["lanes"]), tuple(told["simd"])) == design.foldings, kinds


def test_a_grid_has_what_does_not_fit_as_well():
    network, device = random_network(1, inputs=12, units=(32,), outputs=9, bits=8), board("icebreaker").device
    found = grid(network, device, (1, 2, 32, 64), (1,))
    # 64 lanes are cut to the 32 units there are
    assert [design.foldings[0].lanes for design in found] == [1, 2, 32]
    assert not over(found[0], device)
    assert any(line.startswith("multipliers ") and line.endswith(" of 8") for line in over(found[2], device))


def test_what_takes_more_for_the_same_speed_is_left_out(monkeypatch):
    """Twenty units are two groups with ten lanes as with twelve."""
    network, device = random_network(1, units=(20,)), board("ulx3s-85f").device
    foldings = [fold(network, lanes, 1) for lanes in (1, 10, 12)]
    monkeypatch.setattr("ffhw.explore.designs.paces", lambda _: foldings)
    assert [design.foldings for design in spread(network, device, 9)] == foldings[:2]
