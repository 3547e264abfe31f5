from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from ffhw.training.tasks.text import encode, generate, misspelled, ngram_loss, sample, vocabulary


def slow_loss(train, test, size, order):
    """Witten-Bell by dictionaries, one character at a time."""

    def probability(history, character):
        below = probability(history[1:], character) if history else 1.0 / size
        context = [
            train[i + len(history)] for i in range(len(train) - len(history)) if train[i : i + len(history)] == history
        ]
        counts = Counter(context)
        if not counts:
            return below
        return (counts[character] + len(counts) * below) / (sum(counts.values()) + len(counts))

    losses = [-math.log(probability(test[max(0, i - order + 1) : i], test[i])) for i in range(len(test))]
    return sum(losses) / len(losses)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_ngrams_against_dictionaries(order):
    alphabet = "?" + "".join(sorted(set(generate(400, 1) + generate(60, 2))))
    train, test = (encode(generate(n, seed), alphabet) for n, seed in ((400, 1), (60, 2)))
    fast = ngram_loss(train, test, len(alphabet), order)
    assert fast == pytest.approx(slow_loss(list(train), list(test), len(alphabet), order), rel=1e-9)


def test_misspelled_words():
    known = vocabulary("The cat sat; the dog's bone. Cat!")
    assert known == {"the", "cat", "sat", "dog's", "bone"}
    assert misspelled("xx the CAT szt the bonne yy", known) == (2, 5)


class Next:
    """A model that is sure of the next character of the alphabet."""

    def predict_on_batch(self, x):
        return 50.0 * np.eye(4)[(x + 1) % 4]


def test_sampling_goes_on_from_its_prompt():
    assert sample(Next(), "abcd", 6, prompt="ab", window=3) == "cdabcd"
