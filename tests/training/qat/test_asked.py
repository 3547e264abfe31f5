from __future__ import annotations

import numpy as np

from ffhw.training.qat.asked import asked_error

RNG = np.random.default_rng(1)
TARGET, ANSWER = RNG.normal(size=(2, 4, 5, 3)).astype(np.float32)


def test_where_all_is_asked_it_is_the_mean_square_error():
    assert np.allclose(np.asarray(asked_error(TARGET, ANSWER)), ((TARGET - ANSWER) ** 2).mean(axis=-1))


def test_what_is_not_asked_costs_nothing_and_has_no_gradient():
    import tensorflow as tf

    some = np.where(RNG.random(TARGET.shape) < 0.5, np.nan, TARGET)
    answer = tf.constant(ANSWER)
    with tf.GradientTape() as tape:
        tape.watch(answer)
        loss = tf.reduce_sum(asked_error(tf.constant(some, tf.float32), answer))
    slope = tape.gradient(loss, answer).numpy()
    wrong = np.nan_to_num(ANSWER - some)
    assert np.isclose(float(loss), (wrong**2).sum() / 3)
    assert np.allclose(slope, 2 * wrong / 3)
