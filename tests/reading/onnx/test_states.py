"""Final states of several layers in one tensor, taken apart."""

from __future__ import annotations

import pytest

from ffhw.errors import InputError
from ffhw.reading.onnx.states import taken
from ffhw.reading.onnx.values import Flow, States
from ffhw.reading.onnx.walk import Operator, Walk

SLICE = Operator("Slice", "cut", {}, 1, 20)
BOTH = tuple(Flow(("d", "b", "f"), 4, made, directions=2, final=made) for made in (1, 2))


def test_both_directions_of_the_last_layer():
    assert taken(Walk(), SLICE, States(BOTH), 0, slice(-2, None), True) == BOTH[1]


@pytest.mark.parametrize("places", [slice(3, 1, -1), slice(-1, -3, -1)])
def test_directions_in_another_order_are_refused(places):
    with pytest.raises(InputError, match=r"^operator Slice 'cut' takes the directions of a layer in another order"):
        taken(Walk(), SLICE, States(BOTH), 0, places, True)


@pytest.mark.parametrize("places", [slice(1, 3), slice(0, 4)])
def test_states_of_more_than_one_layer_are_refused(places):
    with pytest.raises(InputError, match=r"takes final states of more than one layer: only the last one's"):
        taken(Walk(), SLICE, States(BOTH), 0, places, True)
