from __future__ import annotations

import numpy as np

from ffhw.training.batches import Batches, as_floats


def test_an_epochs_order_comes_from_its_number():
    x = np.arange(10, dtype=np.int32)[:, None]
    batches = Batches(x, x[:, 0], 4, seed=1)
    epochs = []
    for epoch in range(3):
        batches.begin(epoch)
        parts = [batches[index] for index in range(len(batches))]
        assert [len(y) for _, y in parts] == [4, 4, 2]
        assert all(np.array_equal(a[:, 0], b) for a, b in parts)
        epochs.append(np.concatenate([y for _, y in parts]))
    assert all(sorted(order) == list(range(10)) for order in epochs)
    assert not np.array_equal(epochs[0], epochs[1])
    late = Batches(x, x[:, 0], 4, seed=1)
    late.begin(2)
    assert np.array_equal(np.concatenate([late[index][1] for index in range(3)]), epochs[2])


def test_bytes_become_values_from_0_to_1():
    floats = as_floats({"a": np.array([0, 51, 255], np.uint8), "b": np.array([7], np.int32)})
    assert floats["a"].dtype == np.float32
    assert np.allclose(floats["a"], [0, 0.2, 1])
    assert floats["b"].dtype == np.int32
