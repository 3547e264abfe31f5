"""Each head with each form of ``y``, against what Keras' own metrics say, or a refusal that names the forms."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ffhw.errors import InputError
from ffhw.layers.rhythm import Rhythm
from ffhw.model.data import Data, Signature
from ffhw.model.scores import read_targets, score


def rate(answers, y, head, *, every_step=False, lengths=None, outputs=None):
    """Score of answers whose sequences have these lengths."""
    answers = np.asarray(answers, float)
    steps = answers.shape[1] if every_step else 4
    lengths = np.full(len(answers), steps) if lengths is None else np.asarray(lengths)
    data = Data(np.zeros((len(answers), steps, 1)), lengths, np.asarray(y))
    signature = Signature(1, outputs or answers.shape[-1], head, Rhythm(once=not every_step))
    return score(answers, read_targets(data, signature, "d"), data, signature)


SOFT = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.2, 0.5, 0.3], [0.4, 0.3, 0.3]])
LABELS = np.array([0, 2, 0, 1])  # two of four


@pytest.mark.parametrize(
    "y", [LABELS, LABELS[:, None], LABELS.astype(float), LABELS.astype(np.uint8), np.eye(3)[LABELS]]
)
@pytest.mark.parametrize("head", ["softmax"])
def test_classes(y, head):
    assert rate(SOFT, y, head) == {"accuracy": 0.5}


def test_soft_classes_are_compared_by_their_largest():
    import keras

    y = np.eye(3)[LABELS] * 0.6 + 0.1
    expected = float(np.mean(keras.metrics.categorical_accuracy(y, SOFT)))
    assert rate(SOFT, y, "softmax") == {"accuracy": expected}


def test_logits_with_class_numbers_are_a_classifier():
    assert rate(np.log(SOFT), LABELS, "values") == {"accuracy": 0.5}


def test_an_argmax_head_answers_with_class_numbers():
    for y in (LABELS, np.eye(3)[LABELS]):
        assert rate([[0], [2], [1], [0]], y, "argmax", outputs=3) == {"accuracy": 0.5}


YES = np.array([1, 0, 1, 1])
SURE = np.array([[0.9], [0.4], [0.3], [0.51]])


@pytest.mark.parametrize("y", [YES, YES[:, None], YES.astype(float), YES.astype(bool), YES[:, None].astype(float)])
def test_a_sigmoid_is_right_or_wrong_at_one_half(y):
    import keras

    expected = float(np.mean(keras.metrics.binary_accuracy(YES[:, None], SURE)))
    assert rate(SURE, y, "sigmoid") == {"accuracy": expected} == {"accuracy": 0.75}


def test_several_sigmoids_are_several_questions():
    y = np.array([[1, 0], [1, 1]])
    assert rate([[0.9, 0.8], [0.7, 0.6]], y, "sigmoid") == {"accuracy": 0.75}


def test_each_step_may_be_asked_for_a_class():
    answers = np.array([[[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]]])
    y = np.array([[0, 1, 1], [0, 7, 7]])
    assert rate(answers, y, "softmax", every_step=True, lengths=[3, 1]) == {"accuracy": 0.5}
    # one class a sequence: the last step's answer
    assert rate(answers, [0, 0], "softmax", every_step=True, lengths=[3, 1]) == {"accuracy": 0.5}


def test_classes_are_read_at_each_sequences_last_step():
    values = np.array([[[0.0, 1.0], [1.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]])
    assert rate(values, [1, 1], "values", every_step=True, lengths=[1, 2]) == {"accuracy": 0.5}


def test_sign_accuracy_leaves_out_what_has_no_target():
    targets = np.array([[[0.0], [1.0], [-1.0], [-1.0], [np.nan]]])
    outputs = np.array([[[5.0], [0.2], [-3.0], [0.1], [9.0]]])
    result = rate(outputs, targets, "values", every_step=True)
    assert result["sign_accuracy"] == pytest.approx(2 / 3)
    # a target of 0 is one, a target of NaN is none
    assert result["mse"] == pytest.approx((25 + 0.8**2 + 4 + 1.1**2) / 4)


def test_zeros_and_ones_are_no_signs():
    assert set(rate([[0.4], [0.2]], [1.0, 0.0], "values")) == {"mse"}
    assert set(rate([[0.4], [0.2]], [1.0, -1.0], "values")) == {"mse", "sign_accuracy"}


def test_steps_past_a_sequences_end_do_not_count():
    answers, targets = np.array([[[1.0], [-1.0], [-7.0]]]), np.array([[[1.0], [-1.0], [1.0]]])
    assert rate(answers, targets, "values", every_step=True, lengths=[2]) == {"mse": 0.0, "sign_accuracy": 1.0}


def test_targets_of_one_output_need_no_last_axis():
    assert rate([[1.0], [2.0]], [1.0, 4.0], "values") == {"mse": 2.0}
    assert rate([[[1.0], [2.0]]], [[1.0, 4.0]], "values", every_step=True) == {"mse": 2.0}


@pytest.mark.parametrize(
    ("y", "head", "outputs", "message"),
    [
        ([1, 2, 3, 3], "softmax", 3, r"^d: y has classes 1 to 3, the model tells 0 to 2 apart: number classes from 0$"),
        ([-1, 0, 1, 2], "softmax", 3, r"^d: y has classes -1 to 2"),
        (
            [0.5, 0, 1, 2],
            "softmax",
            3,
            r"^d: y is float64 of shape \[4\]; understood are class numbers 0 to 2 of shape",
        ),
        (np.zeros((4, 2)), "softmax", 3, r"^d: y is float64 of shape \[4, 2\]; .* and one-hot of shape \[4, 3\]$"),
        (np.zeros((4, 5, 3)), "values", 3, r"understood are class numbers 0 to 2 of shape \[4\], and targets of shape"),
        ([0, 2, 1, 1], "sigmoid", 1, r"^d: y must be from 0 to 1 for a sigmoid output, found 0 to 2$"),
        (np.zeros((4, 7)), "sigmoid", 1, r"understood are 0 or 1 of shape \[4\] or \[4, 1\]$"),
        (["a"] * 4, "softmax", 3, r"^d: y must hold numbers, not <U1$"),
        ([1j] * 4, "softmax", 3, r"^d: y must hold numbers, not complex128$"),
    ],
)
def test_forms_that_are_not_understood(y, head, outputs, message):
    with pytest.raises(InputError, match=message):
        rate(np.zeros((4, outputs)), y, head)


def test_no_targets_give_no_score():
    data = Data(np.zeros((2, 3, 1)), np.full(2, 3))
    signature = Signature(1, 2, "softmax", Rhythm(once=True))
    assert read_targets(data, signature, "d") is None
    assert score(np.zeros((2, 2)), None, data, signature) == {}


@pytest.mark.parametrize("padding", [np.nan, -1, 7])
def test_y_past_the_end_carries_no_meaning(padding):
    answers = np.array([[[0.9], [0.4], [0.0]], [[0.2], [0.0], [0.0]]])
    y = np.array([[1, 1, padding], [0, padding, padding]])
    assert rate(answers, y, "sigmoid", every_step=True, lengths=[2, 1]) == {"accuracy": 2 / 3}
    classes = np.concatenate([1 - answers, answers], axis=-1)
    for form in (y, y[..., None]):
        assert rate(classes, form, "softmax", every_step=True, lengths=[2, 1]) == {"accuracy": 2 / 3}


@pytest.mark.parametrize("head", ["values", "softmax", "argmax"])
def test_one_hot_targets_of_a_linear_head_are_scored_as_values_and_told_so(head):
    y = np.eye(3)[[0, 2, 1, 1]]
    data = Data(np.zeros((4, 5, 1)), np.full(4, 5), y)
    signature = Signature(1, 3, head, Rhythm(once=True))
    targets = read_targets(data, signature, "d")
    assert targets.kind == ("values" if head == "values" else "classes")
    assert ("y is one-hot, but the head is not a softmax" in targets.note) == (head == "values")
    real = dataclasses.replace(data, y=y * 0.5)
    assert head != "values" or read_targets(real, signature, "d").note == ""
