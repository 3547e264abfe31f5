from __future__ import annotations

from ffhw.training.networks.options import CELLS, RecurrentOptions
from ffhw.training.networks.recurrent import LAYERS


def test_every_cell_that_can_be_chosen_can_be_built():
    assert tuple(LAYERS) == CELLS


def test_what_is_plain():
    assert RecurrentOptions("lstm", 7, hold_bias=False).is_plain
    for option in ({"dale": 0.8}, {"density": 0.5}, {"self_connection": False}):
        assert not RecurrentOptions("jk", **option).is_plain
    assert not RecurrentOptions("ctrnn", tau_ms=30.0).is_plain
