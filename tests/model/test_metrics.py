from __future__ import annotations

import numpy as np
import pytest

from ffhw.model.metrics import score
from ffhw.reading.data import Data


def test_sign_accuracy_leaves_out_what_has_no_target():
    targets = np.array([[[0.0], [1.0], [-1.0], [-1.0], [np.nan]]])
    outputs = np.array([[[5.0], [0.2], [-3.0], [0.1], [9.0]]])
    data = Data(np.zeros((1, 5, 1)), np.array([5]), targets)
    result = score(outputs, data, every_step=True)
    assert result["sign_accuracy"] == pytest.approx(2 / 3)
    # a target of 0 is one, a target of NaN is none
    assert result["mse"] == pytest.approx((25 + 0.8**2 + 4 + 1.1**2) / 4)


def test_steps_past_a_sequences_end_do_not_count():
    data = Data(np.zeros((1, 3, 1)), np.array([2]), np.ones((1, 3, 1)))
    assert score(np.array([[[1.0], [1.0], [-7.0]]]), data, every_step=True) == {"mse": 0.0, "sign_accuracy": 1.0}


def test_classes_are_read_at_each_sequences_last_step():
    values = np.array([[[0.0, 1.0], [1.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]])
    data = Data(np.zeros((2, 2, 1)), np.array([1, 2]), np.array([1, 1]))
    assert score(values, data, every_step=True) == {"accuracy": 0.5}
