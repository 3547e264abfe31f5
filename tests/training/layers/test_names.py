"""Layers are imported from the room that they stand in, by name alone."""

from __future__ import annotations

import subprocess
import sys

import keras
import pytest

from ffhw.training import layers


def test_every_name_is_found_and_is_keras_own_kind():
    kinds = (keras.layers.Layer, keras.initializers.Initializer, keras.constraints.Constraint)
    for name in layers.__all__:
        assert issubclass(getattr(layers, name), kinds), name
    assert set(layers.__all__) <= set(dir(layers))


def test_everything_that_is_saved_under_a_name_of_ours_is_among_them():
    """Except parts that no user builds a model of."""
    saved = keras.saving.get_custom_objects().values()
    ours = {one.__name__ for one in saved if one.__module__.startswith("ffhw.training.layers.")}
    assert set(layers.__all__) <= ours
    assert ours - set(layers.__all__) <= {"Chain", "ConvGRU2DCell", "ConvJK2DCell", "WindowCell", "WindowRNN"}


def test_the_room_alone_loads_nothing():
    code = "import sys, ffhw.training.layers; assert 'keras' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_name_that_is_none():
    with pytest.raises(AttributeError, match=r"^module 'ffhw.training.layers' has no attribute 'KJ'$"):
        layers.KJ  # noqa: B018
