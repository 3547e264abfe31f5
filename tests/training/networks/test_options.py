from __future__ import annotations

import pytest

from ffhw.errors import InputError
from ffhw.training.networks.options import CELLS, RecurrentOptions
from ffhw.training.networks.recurrent import LAYERS


def test_every_cell_that_can_be_chosen_can_be_built():
    assert tuple(LAYERS) == CELLS


def test_what_is_plain():
    assert RecurrentOptions("lstm", 7, hold_bias=False).is_plain
    # as a flip-flop of the paper is anyway, and as an LSTM is anyway
    assert RecurrentOptions("jk", centered=True).is_plain
    assert RecurrentOptions("lstm", centered=False).is_plain
    for option in (
        {"dale": 0.8},
        {"density": 0.5},
        {"self_connection": False},
        {"recurrent_gates": False},
        {"centered": False},
    ):
        assert not RecurrentOptions("jk", **option).is_plain
    assert not RecurrentOptions("ctrnn", tau_ms=30.0).is_plain


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"cell": "lstm"}, "for jk, sr, toggle; lstm needs its states"),
        ({"density": 0.5}, "leaves no connections for --dale, --density"),
    ],
)
def test_what_gates_of_inputs_only_leave_no_room_for(options, reason):
    with pytest.raises(InputError, match=reason):
        RecurrentOptions(**options, recurrent_gates=False)
