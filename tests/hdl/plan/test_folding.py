from __future__ import annotations

import pytest
from networks import random_network

from ffhw.boards.catalogue import board
from ffhw.errors import FitError, InputError
from ffhw.hdl.engines.plans.jk import JKPlan
from ffhw.hdl.plan.chain import fold
from ffhw.hdl.plan.choose import CLOSE, MARGIN, choose, fits, needs, steps_a_second
from ffhw.hdl.plan.folding import Folding, schedule
from ffhw.hdl.plan.weighted import tree_stages


@pytest.mark.parametrize(
    ("units", "inputs", "lanes", "simd", "cycles"),
    [
        (64, 16, 1, 1, 5120),
        (64, 16, 4, 1, 1280),
        (64, 16, 16, 1, 320),
        (32, 12, 8, 1, 176),
        (7, 5, 3, 2, 21),
        (1, 1, 1, 1, 2),
    ],
)
def test_ideal_cycles_follow_the_formula(units, inputs, lanes, simd, cycles):
    layer = random_network(1, inputs=inputs, units=(units,)).layers[0]
    assert schedule(layer, Folding(lanes, simd)).ideal_cycles == cycles


@pytest.mark.parametrize(("simd", "stages"), [(1, 0), (2, 1), (4, 1), (5, 2), (16, 2), (17, 3)])
def test_tree_stages(simd, stages):
    assert tree_stages(simd) == stages


@pytest.mark.parametrize(("inputs", "units", "lanes"), [(16, 64, 16), (3, 32, 8), (12, 32, 8), (9, 4, 4), (6, 16, 13)])
def test_drain_is_hidden_behind_other_work(inputs, units, lanes):
    """With L - 1 or more words between a step's begin and the last group's first state, no cycle is lost."""
    layer = random_network(1, inputs=inputs, units=(units,)).layers[0]
    plan = JKPlan(layer, Folding(lanes, 1))
    assert inputs + units - lanes >= plan.drain_latency - 1
    assert plan.drain_stall == 0
    assert plan.cycles == plan.schedule.ideal_cycles


def test_drain_shows_where_nothing_hides_it():
    layer = random_network(1, inputs=1, units=(4,)).layers[0]
    plan = JKPlan(layer, Folding(4, 1))
    assert plan.drain_stall == plan.drain_latency - 1 - 1


def test_foldings_are_cut_to_the_layer():
    network = random_network(1, inputs=3, units=(5,), outputs=2)
    assert fold(network, 64, 64) == (Folding(5, 5, 5), Folding(2, 5, 2))


@pytest.mark.parametrize(("lanes", "simd", "option"), [(0, 1, "--lanes"), (1, 0, "--simd"), (True, 1, "--lanes")])
def test_foldings_below_one_are_refused(lanes, simd, option):
    with pytest.raises(InputError, match=rf"^{option} must be a whole number of at least 1, not "):
        fold(random_network(1), lanes, simd)


def test_finishers_divide_all_widths_they_meet():
    network = random_network(1, inputs=4, units=(24, 12), outputs=6)
    for lanes in (1, 2, 3, 4, 6, 12, 24):
        for simd in (1, 2, 3, 4, 6, 8):
            foldings = fold(network, lanes, simd)
            for folding, after in zip(foldings, [*foldings[1:], None], strict=True):
                assert folding.lanes % folding.finishers == 0
                assert after is None or after.simd % folding.finishers == 0


@pytest.mark.parametrize("name", ["icebreaker", "ulx3s-85f", "tangnano9k"])
def test_choice_fits_and_nothing_smaller_is_faster(name):
    network = random_network(1, inputs=12, units=(32,), outputs=9, bits=8)
    foldings = choose(network, board(name).device)
    assert fits(network, foldings, board(name).device)
    device = board(name).device
    best, size = steps_a_second(network, foldings, device), needs(network, foldings, device)["multipliers"]
    for lanes in (1, 2, 4, 8, 16, 32):
        other = fold(network, lanes, 1)
        if fits(network, other, device):
            rate = steps_a_second(network, other, device)
            assert (1 - CLOSE) * rate <= best
            # of those that come close, none is smaller
            assert needs(network, other, device)["multipliers"] >= size or rate < best


@pytest.mark.parametrize("name", ["icebreaker", "ulx3s-85f", "tangnano9k"])
def test_a_rate_gets_the_smallest_design_that_holds_it(name):
    network = random_network(1, inputs=12, units=(32,), outputs=9, bits=8)
    device = board(name).device
    fastest = choose(network, device)
    most = steps_a_second(network, fastest, device)
    before = 0
    for share in (0.1, 0.3, 0.5, 0.8):
        rate = share * most
        found = choose(network, device, rate=rate)
        assert steps_a_second(network, found, device) >= (1 + MARGIN) * rate
        multipliers = needs(network, found, device)["multipliers"]
        assert before <= multipliers <= needs(network, fastest, device)["multipliers"]
        before = multipliers
        for lanes in (1, 2, 3, 4, 6, 8, 11, 16, 32):
            other = fold(network, lanes, 1)
            if fits(network, other, device) and needs(network, other, device)["multipliers"] < multipliers:
                assert steps_a_second(network, other, device) < (1 + MARGIN) * rate
    with pytest.raises(FitError, match=r"^no design for .* holds .* steps a second with a margin of 15%: the fastest"):
        choose(network, device, rate=2 * most)


def test_choice_gives_the_readout_no_more_than_it_needs():
    network = random_network(1, inputs=12, units=(32,), outputs=9, bits=8)
    jk, dense = choose(network, board("icebreaker").device)
    assert dense.lanes == 1
    assert jk.lanes > 1


def test_a_network_beyond_a_device_says_what_overflows():
    network = random_network(1, inputs=200, units=(200,), bits=8)
    with pytest.raises(
        FitError, match=r"^no folding fits iCEBreaker .*: one lane already takes blocks \d+ of 30; use fewer"
    ):
        choose(network, board("icebreaker").device, board("icebreaker").title)


def test_needs_grow_with_the_lanes():
    network = random_network(1, inputs=12, units=(32,), bits=8)
    few, many = (needs(network, fold(network, lanes, 1), board("ulx3s-85f").device) for lanes in (1, 8))
    assert few["multipliers"] == 2 + 2 + 1
    assert many["multipliers"] == 16 + 2 + 2


def test_each_layer_may_have_a_wish_of_its_own():
    network = random_network(1, inputs=3, units=(6,), outputs=2)
    assert fold(network, (3, 1), 1) == (Folding(3, 1, 1), Folding(1, 1, 1))
    assert fold(network, (3,), (2, 1)) == fold(network, 3, (2, 1))
    with pytest.raises(InputError, match=r"^--lanes takes one number for all layers, or one for each of 2, not 3$"):
        fold(network, (1, 2, 3), 1)
    with pytest.raises(InputError, match=r"^--simd must be a whole number of at least 1, not 0$"):
        fold(network, 1, (1, 0))
