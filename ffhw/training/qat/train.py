"""Training on integers behind a training in floats: widths in steps, each from where the one before ended."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from ffhw.errors import InputError
from ffhw.numbers.grids import codes_of, stored_bits, weights_of
from ffhw.numbers.scales import Widths
from ffhw.training.checkpoint import SUFFIX, Checkpoint, Progress, fit
from ffhw.training.pruning import keep_zeros
from ffhw.training.sparsity import measured
from ffhw.training.tasks.base import Task, Trained

# Of the float training's epochs, and of its rate; see rate_share.
EPOCHS_SHARE, RATE_SHARE, FEW_BITS = 0.5, 0.25, 4
# Codes jump while weights hardly move: that epoch is kept whose loss is least on the first so many training examples.
JUDGED = 512


@dataclasses.dataclass(frozen=True)
class Stages:
    """What a training on integers does.

    widths: of each stage. epochs: of each stage, half of the float training's if None.
    learn_scales: let training move the scales, in each stage from where calibration puts them.
    """

    widths: tuple[Widths, ...]
    epochs: int | None = None
    learn_scales: bool = False

    @classmethod
    def towards(
        cls, target: Widths, through: tuple[int, ...] = (), epochs: int | None = None, learn_scales: bool = False
    ) -> Stages:
        """Stages that end at ``target``, after stages of so many bits each in turn.

        Raises
        ------
        InputError: a width is out of range, or the stages do not become narrower.
        """
        wide = [_at_least(target, bits) for bits in through]
        falls = list(through) == sorted(set(through), reverse=True)
        if not falls or not all(_wider(stage, target) for stage in wide):
            shown = ", ".join(map(str, through))
            raise InputError(f"--through must fall, each stage wider than what is asked for at the end, not {shown}")
        if epochs is not None and epochs < 1:
            raise InputError(f"--qat-epochs must be at least 1, not {epochs}")
        return cls((*wide, target), epochs, learn_scales)

    def epochs_after(self, epochs: int) -> int:
        """Of each stage, behind a float training of ``epochs``."""
        return self.epochs or max(1, round(epochs * EPOCHS_SHARE))


def _at_least(target: Widths, bits: int) -> Widths:
    """The widths of ``target``, none below ``bits``, as weights of few codes are; but states of one bit from the first.

    A unit of one bit sets and resets within a step, where one of two bits adds up over many: another circuit, which
    weights that are still wide can find.
    """
    stage = Widths(*(bits if isinstance(value, str) else max(bits, value) for value in dataclasses.astuple(target)))
    return dataclasses.replace(stage, state_bits=1, cell_bits=target.cell_bits) if target.state_bits == 1 else stage


def _wider(stage: Widths, target: Widths) -> bool:
    """Whether no number of a stage has fewer codes than that of the target, and some have more."""

    def codes(widths: Widths) -> tuple[int, ...]:
        return codes_of(widths.weight_bits), widths.bits, widths.state_bits, widths.input_bits, widths.cell_bits

    pairs = list(zip(codes(stage), codes(target), strict=True))
    return all(wide >= narrow for wide, narrow in pairs) and any(wide > narrow for wide, narrow in pairs)


@dataclasses.dataclass(frozen=True)
class Checkpoints:
    """Those of a training in floats and of the stages behind it.

    first: of the float training, beside which those of the stages lie; None if there are none.
    seconds: least time between two.
    """

    first: Checkpoint | None = None
    seconds: float = 0.0
    stages: list[Checkpoint] = dataclasses.field(default_factory=list)

    def keep_first(self, model: Any, progress: Progress) -> None:
        """Let the float training's outlive its end: a command that is killed later goes on from there."""
        if self.first is not None:
            self.first.save(model, progress)

    def of_stage(self, settings: dict[str, Any]) -> Checkpoint | None:
        """Of the next stage."""
        if self.first is None:
            return None
        name = self.first.path.name.removesuffix(SUFFIX) + f".qat{len(self.stages)}{SUFFIX}"
        self.stages.append(Checkpoint(self.first.path.with_name(name), {**self.first.settings, **settings}))
        return self.stages[-1]

    def remove(self) -> None:
        """Remove them all: the training is done."""
        for checkpoint in (self.first, *self.stages):
            if checkpoint is not None:
                checkpoint.path.unlink(missing_ok=True)


def train_on_integers(
    chosen: Task,
    trained: Trained,
    stages: Stages,
    checkpoints: Checkpoints,
    progress: Callable[[int, int, dict[str, float]], None] = lambda *_: None,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Trained, list[dict[str, Any]]]:
    """The training with the model of the last stage, and of each stage what was measured.

    Parameters
    ----------
    trained: the float training. progress, say: as :func:`ffhw.training.train.train` has them.
    """
    import numpy as np

    from ffhw.training.batches import Batches, rows
    from ffhw.training.qat.convert import moved_scales, quantized

    sizes = trained.preset
    data, loss = chosen.on_integers(trained.data)
    judged = Batches(rows(data.x, slice(JUDGED)), data.y[:JUDGED], sizes.batch_size, trained.seed)
    epochs = stages.epochs_after(sizes.epochs)
    updates = epochs * -(-len(data.y) // sizes.batch_size)
    record = []
    for widths in stages.widths:
        say(f"training on integers: {weights_of(widths.weight_bits)}, {widths.state_bits}-bit states")
        rate = sizes.learning_rate * rate_share(widths)
        stage_sizes = dataclasses.replace(sizes, epochs=epochs, learning_rate=rate)
        model = quantized(trained.model, widths, np.asarray(trained.data.x), learn_scales=stages.learn_scales)
        before = chosen.evaluate(dataclasses.replace(trained, model=model))
        chosen.compile(model, stage_sizes, updates, loss)
        if sizes.prune:
            keep_zeros(model)
        about = {"widths": dataclasses.asdict(widths), "qat_epochs": epochs, "learn_scales": stages.learn_scales}
        checkpoint = checkpoints.of_stage(about)
        feed = chosen.feed(data, stage_sizes, trained.seed)
        judge = functools.partial(_loss, model, judged)
        done = fit(model, feed, epochs, checkpoint, checkpoints.seconds, progress, judge=judge)
        if checkpoint is not None:
            checkpoint.save(model, done)
        if loss is not None:
            # the file of the model names the task's own loss, which everyone has; without slots it would not load
            chosen.compile(model, stage_sizes, updates)
            model.optimizer.build(model.trainable_variables)
        # replaced after the fit as well: answers are remembered
        trained = dataclasses.replace(trained, model=model)
        after = chosen.evaluate(trained)
        record.append(
            {
                "widths": dataclasses.asdict(widths),
                "epochs": epochs,
                "learning_rate": rate,
                "kept_epoch": done.kept_epoch,
                "moved_scales": moved_scales(model),
                "quantized_only": before,
                "test": after,
                "sparsity": measured(chosen, trained),
                "history": done.history,
                "seconds": round(done.seconds, 1),
            }
        )
    return trained, record


def rate_share(widths: Widths) -> float:
    """Of the float training's rate: a weight of few bits has far to go to its next code, and keeps it."""
    return RATE_SHARE if stored_bits(widths.weight_bits) >= FEW_BITS else 1.0


def _loss(model: Any, batches: Any) -> float:
    """The model's loss, its weights as they are."""
    return float(model.evaluate(batches, verbose=0, return_dict=True)["loss"])
