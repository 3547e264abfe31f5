"""Sentiment: is a film review good or bad? (Paper, table 4.)"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ffhw.training.datasets.reviews import Reviews, numbered, padded, vocabulary
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks.base import Preset, Task, TaskData, Trained

_GOOD = ("great", "moving", "funny", "brilliant", "warm")
_BAD = ("dull", "clumsy", "awful", "boring", "cold")
_OTHER = ("the", "film", "plot", "actors", "and", "music", "scene", "was", "a", "story", "with", "its", "camera", "end")


@dataclasses.dataclass(frozen=True)
class SentimentPreset(Preset):
    """Sizes of sentiment.

    Parameters
    ----------
    reviews: how many, None for all; three of ten are the test split. length: words of a review, its last ones.
    words: of the vocabulary. embedding: width of a word's vector.
    """

    reviews: int | None = None
    length: int = 500
    words: int = 5000
    embedding: int = 32


def generate(reviews: int, seed: int) -> tuple[list[str], NDArray[np.int64]]:
    """Made-up reviews and their labels: three opinions among plain words, each turned round by a ``not`` before it."""
    rng = np.random.default_rng(seed)
    texts = []
    labels = rng.integers(0, 2, reviews)
    for good in labels:
        text = list(rng.choice(_OTHER, rng.integers(20, 60)))
        for at in sorted(rng.choice(len(text), 3, replace=False), reverse=True):
            turned = rng.random() < 0.3
            opinion = rng.choice(_GOOD if good != turned else _BAD)
            text[at:at] = ["not", opinion] if turned else [opinion]
        texts.append(" ".join(text))
    return texts, labels


class SentimentTask(Task):
    """See the module."""

    name = "sentiment"
    title = "sentiment of film reviews"
    sources: ClassVar = {"imdb": "IMDB, 25,000 reviews", "generated": "made-up reviews"}
    presets: ClassVar = {
        "quick": SentimentPreset("imdb", 16, 4, 64, 5e-3, True, reviews=8000, length=80, words=4000, embedding=16),
        "paper": SentimentPreset("imdb", 100, 10, 64, 1e-3),
    }
    at_once = 256
    becomes_hardware = True
    loss = "binary_crossentropy"
    metrics: ClassVar = ("accuracy",)

    def examples(self, preset: SentimentPreset, seed: int) -> TaskData:
        """Word numbers ``[review, length]``, 0 behind a review's end, and labels ``[review, 1]``."""
        from ffhw.training.datasets.reviews import imdb

        reviews: Reviews
        if preset.source == "imdb":
            reviews, labels = imdb()
        else:
            texts, labels = generate(preset.reviews or 10_000, seed)
            reviews = numbered(texts, vocabulary(texts))
        # the originals are sorted by class
        order = np.random.default_rng(seed).permutation(len(reviews))[: preset.reviews]
        x, lengths = padded([reviews[row] for row in order], preset.length, preset.words)
        y = labels[order, None].astype(np.float32)
        cut = len(x) * 7 // 10
        return TaskData(x[:cut], y[:cut], x[cut:], y[cut:], lengths[cut:])

    def build(self, options: RecurrentOptions, preset: SentimentPreset, data: TaskData, seed: int) -> Any:
        """BiFFNN behind an embedding."""
        from ffhw.training.networks.paper import sentiment

        hold = float(preset.length) if options.hold_bias else None
        return sentiment(options.cell, hold, preset.words, preset.units, preset.embedding)

    def evaluate(self, trained: Trained) -> dict[str, float]:
        """Accuracy on the test split."""
        return {"accuracy": float(np.mean((trained.answers > 0.5) == trained.data.y_test))}

    def baseline(self, data: TaskData) -> dict[str, Any]:
        """The larger class; and, for honesty, word counts: naive Bayes with add-one smoothing."""
        majority = float(data.y.mean() > 0.5)
        size = int(max(data.x.max(), data.x_test.max())) + 1
        seen = [np.bincount(data.x[data.y[:, 0] == label].ravel(), minlength=size) + 1.0 for label in (0, 1)]
        weight = np.log(seen[1] / seen[1][1:].sum()) - np.log(seen[0] / seen[0][1:].sum())
        weight[0] = 0.0
        prior = np.log(data.y.mean() / (1 - data.y.mean()))
        answers = weight[data.x_test].sum(axis=1) + prior > 0
        return {
            "name": "majority class",
            "accuracy": float((data.y_test == majority).mean()),
            "accuracy_of_naive_bayes": float((answers == data.y_test[:, 0]).mean()),
        }

    def figures(self, trained: Trained) -> dict[str, Any]:
        """What good and bad reviews of the test split are answered; loss and accuracy."""
        from ffhw.training.figures import ANSWER, BASELINE, curves, new_figure

        answers, labels = trained.answers[:, 0], trained.data.y_test[:, 0]
        figure, axes = new_figure(width=5, height=3)
        for label, name, color in ((0, "bad reviews", BASELINE), (1, "good reviews", ANSWER)):
            axes[0, 0].hist(answers[labels == label], bins=np.linspace(0, 1, 26), alpha=0.6, label=name, color=color)
        axes[0, 0].set_xlabel("answer: probability that a review is good")
        axes[0, 0].set_ylabel("reviews")
        axes[0, 0].legend(frameon=False)
        return {"answers": figure, "loss": curves(trained.history, trained.baseline)}


TASK = SentimentTask()
