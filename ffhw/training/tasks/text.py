"""Text generation: characters, one after the other (paper, table 6).

The paper's loss of 1.0641 nats a character cannot be one of text that was not seen: transformers of 10 million
parameters reach 1.46 on it. Here the last tenth of the text is held out and scored.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks.base import Preset, Task, TaskData, Trained

# number 0: a character that is not in the alphabet
UNKNOWN = "\ufffd"
_WORD = re.compile(r"[A-Za-z']+")


@dataclasses.dataclass(frozen=True)
class TextPreset(Preset):
    """Sizes of text generation.

    Parameters
    ----------
    characters: of the text, from its begin; None for all.
    window: characters of a training example. embedding: width of a character's vector.
    """

    characters: int | None = None
    window: int = 100
    embedding: int = 256


@dataclasses.dataclass(frozen=True)
class TextData(TaskData):
    """Character numbers ``[window, character]``, and the text itself.

    alphabet: the characters by number. train, test: both parts of the text.
    """

    alphabet: str
    train: str
    test: str


def encode(text: str, alphabet: str) -> NDArray[np.int32]:
    """Character numbers ``[characters]``; 0 for those that are not in the alphabet."""
    numbers = {character: number for number, character in enumerate(alphabet)}
    return np.array([numbers.get(character, 0) for character in text], np.int32)


def generate(characters: int, seed: int) -> str:
    """Text of a small grammar: sentences of a speaker, with agreement of number between subject and verb."""
    rng = np.random.default_rng(seed)
    speakers, names = ("ANNA", "BRUNO", "CLARA"), ("river", "lantern", "crow", "garden", "bell")
    verbs, places = ("wait", "sing", "burn", "turn"), ("by the wall", "at noon", "for a friend", "in the rain")
    parts: list[str] = []
    size = 0
    while size < characters:
        plural = rng.random() < 0.5
        subject = f"{'those' if plural else 'this'} {rng.choice(names)}{'s' if plural else ''}"
        line = f"{subject} {rng.choice(verbs)}{'' if plural else 's'} {rng.choice(places)}."
        head = f"{rng.choice(speakers)}:\n" if rng.random() < 0.3 else ""
        parts.append(f"{head}{line[0].upper()}{line[1:]}\n")
        size += len(parts[-1])
    return "".join(parts)[:characters]


def ngram_loss(train: NDArray[np.int32], test: NDArray[np.int32], size: int, order: int) -> float:
    """Nats a character of an n-gram model that backs off by interpolation (Witten & Bell 1991).

    Parameters
    ----------
    size: characters of the alphabet. order: characters of a gram, at least 1.
    """
    probability = np.full(len(test), 1.0 / size)
    for length in range(order):
        # a gram's number: its characters as digits
        place = size ** np.arange(length, -1, -1, dtype=np.int64)

        def grams(text: NDArray[np.int32], n: int = length, place: NDArray[np.int64] = place) -> NDArray[np.int64]:
            return np.lib.stride_tricks.sliding_window_view(text.astype(np.int64), n + 1) @ place

        seen, counts = np.unique(grams(train), return_counts=True)
        context, first = np.unique(seen // size, return_index=True)
        total = np.add.reduceat(counts, first)
        kinds = np.diff(np.append(first, len(seen)))
        asked = grams(test)
        at = np.minimum(np.searchsorted(context, asked // size), len(context) - 1)
        known = context[at] == asked // size
        gram = np.minimum(np.searchsorted(seen, asked), len(seen) - 1)
        count = np.where(seen[gram] == asked, counts[gram], 0)
        # P = (count + kinds * P of the shorter gram) / (total + kinds)
        mixed = (count + kinds[at] * probability[length:]) / (total[at] + kinds[at])
        probability[length:] = np.where(known, mixed, probability[length:])
    return float(-np.log(probability).mean())


def sample(
    model: Any,
    alphabet: str,
    length: int,
    prompt: str = "\n",
    temperature: float = 0.8,
    seed: int = 1,
    window: int = 100,
) -> str:
    """Text that the model writes behind a prompt, a character after the other.

    Parameters
    ----------
    window: how many characters back it reads; those of training. temperature: below 1 likelier characters, above it
        wilder ones.
    """
    rng = np.random.default_rng(seed)
    numbers = list(encode(prompt or "\n", alphabet))
    begin = len(numbers)
    for _ in range(length):
        # padding behind the end changes no answer before it, and keeps one shape
        recent = numbers[-window:]
        padded = np.zeros((1, window), np.int32)
        padded[0, : len(recent)] = recent
        logits = np.asarray(model.predict_on_batch(padded))[0, len(recent) - 1].astype(np.float64) / temperature
        weights = np.exp(logits - logits.max())
        numbers.append(int(rng.choice(len(weights), p=weights / weights.sum())))
    return "".join(alphabet[number] for number in numbers[begin:])


def misspelled(text: str, vocabulary: set[str]) -> tuple[int, int]:
    """Words that are not in the vocabulary, and all words; the first and the last one may be cut, and are left out."""
    words = [word.strip("'").lower() for word in _WORD.findall(text)[1:-1]]
    words = [word for word in words if word]
    return sum(word not in vocabulary for word in words), len(words)


def vocabulary(text: str) -> set[str]:
    """The words of a text, in small letters."""
    return {word.strip("'").lower() for word in _WORD.findall(text)}


class TextTask(Task):
    """See the module."""

    name = "text"
    title = "text generation: the next character"
    sources: ClassVar = {"shakespeare": "nine plays of Shakespeare", "generated": "sentences of a small grammar"}
    presets: ClassVar = {
        "quick": TextPreset("shakespeare", 128, 10, 32, 1e-2, cosine=True, characters=200_000, embedding=32),
        "paper": TextPreset("shakespeare", 1024, 100, 512, 1e-2),
    }
    becomes_hardware = True
    judged_by = "loss"
    metrics: ClassVar = ("accuracy",)

    def examples(self, preset: TextPreset, seed: int) -> TextData:
        """Windows of characters and of those that follow each; the last tenth of the text is the test split."""
        from ffhw.training.datasets.plays import shakespeare

        if preset.source == "shakespeare":
            text = shakespeare()[: preset.characters]
        else:
            text = generate(preset.characters or 500_000, seed)
        alphabet = UNKNOWN + "".join(sorted(set(text)))
        cut = len(text) * 9 // 10
        parts = (text[:cut], text[cut:])
        (x, y), (x_test, y_test) = (_windows(encode(part, alphabet), preset.window) for part in parts)
        return TextData(x, y, x_test, y_test, np.full(len(x_test), preset.window), alphabet, *parts)

    @property
    def loss(self) -> Any:  # type: ignore[override]
        """Cross-entropy in nats a character."""
        import keras

        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def build(self, options: RecurrentOptions, preset: TextPreset, data: TextData, seed: int) -> Any:
        """FFNN of one layer behind an embedding."""
        from ffhw.training.networks.paper import text

        hold = 32.0 if options.hold_bias else None
        return text(options.cell, hold, len(data.alphabet), preset.embedding, preset.units)

    def describe(self, data: TextData, preset: TextPreset) -> dict[str, Any]:
        """What sampling needs."""
        return {"alphabet": data.alphabet}

    def evaluate(self, trained: Trained) -> dict[str, float]:
        """Nats a character and accuracy on the held-out text; of the words in 1,000 written characters, how many the
        whole text does not have.
        """
        data = trained.data
        logits = trained.answers.astype(np.float64)
        shifted = logits - logits.max(axis=-1, keepdims=True)
        chosen = np.take_along_axis(shifted, data.y_test[..., None].astype(np.int64), axis=-1)[..., 0]
        loss = float((np.log(np.exp(shifted).sum(axis=-1)) - chosen).mean())
        wrong, words = misspelled(_written(trained, 1000), vocabulary(data.train + data.test))
        return {
            "loss": loss,
            "accuracy": float((logits.argmax(axis=-1) == data.y_test).mean()),
            "misspelled": wrong,
            "words": words,
        }

    def baseline(self, data: TextData) -> dict[str, Any]:
        """Nats a character of n-gram models, whose training took a second."""
        train, test = (encode(part, data.alphabet) for part in (data.train, data.test))
        losses = {order: ngram_loss(train, test, len(data.alphabet), order) for order in (2, 3, 4)}
        return {"name": "bigrams", "loss": losses[2], "loss_of_trigrams": losses[3], "loss_of_4_grams": losses[4]}

    def figures(self, trained: Trained) -> dict[str, Any]:
        """A page of what it writes; loss and accuracy."""
        from ffhw.training.figures import curves, new_figure

        figure, axes = new_figure(width=6.4, height=5)
        lines = _written(trained, 600).split("\n")[:26]
        axes[0, 0].text(0, 1, "\n".join(line[:76] for line in lines), family="monospace", fontsize=8, va="top")
        axes[0, 0].set_axis_off()
        return {"sample": figure, "loss": curves(trained.history, trained.baseline)}


def _windows(numbers: NDArray[np.int32], window: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Windows that follow each other, and each character's successor: both ``[windows, window]``."""
    count = (len(numbers) - 1) // window
    return numbers[: count * window].reshape(count, window), numbers[1 : count * window + 1].reshape(count, window)


def _written(trained: Trained, length: int) -> str:
    data, window = trained.data, trained.preset.window
    return sample(trained.model, data.alphabet, length, seed=trained.seed, window=window)


TASK = TextTask()
