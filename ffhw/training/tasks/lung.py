"""Lung volume in computed tomography: masks of the lungs, slice by slice, read in both directions (paper, table 8)."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks.base import Preset, Task, TaskData, Trained
from ffhw.training.tasks.pixels import as_loss, cross_entropy

# what is shown as black and as white, in Hounsfield units
_LOW, _HIGH = -1000.0, 400.0


@dataclasses.dataclass(frozen=True)
class LungPreset(Preset):
    """Sizes of lung volume. ``units`` are the maps of the first recurrent layer, the second has twice as many.

    Parameters
    ----------
    stacks: of slices; a fifth are the test split. slices: of a stack. size: rows and columns of a slice.
    momentum: of the normalizations.
    """

    stacks: int = 400
    slices: int = 16
    size: int = 64
    momentum: float = 0.99


@dataclasses.dataclass(frozen=True)
class LungData(TaskData):
    """Slices ``[stack, slice, size, size, 1]`` and masks of the same shape.

    voxel_ml: volume of a voxel in each test stack ``[stack]``. true_ml: volume of the lungs in each test stack.
    """

    voxel_ml: NDArray[np.float64]
    true_ml: NDArray[np.float64]


def phantom(preset: LungPreset, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any], float, float]:
    """A thorax of ellipsoids: Hounsfield units, mask ``[slice, size, size]``, a voxel's and the lungs' volume in ml.

    The lungs are two whole ellipsoids, so that their volume is ``4/3 pi a b c`` each, exactly. Around the body, in the
    windpipe and in the bowel there is air too, which a threshold cannot tell from the lungs.
    """
    shape = (preset.slices, preset.size, preset.size)
    millimetres = np.array([280.0 / preset.slices, 380.0 / preset.size, 380.0 / preset.size])
    centres = [(np.arange(n) + 0.5 - n / 2) * step for n, step in zip(shape, millimetres, strict=True)]
    z, y, x = np.meshgrid(*centres, indexing="ij")

    def inside(at: Any, radii: Any) -> NDArray[np.bool_]:
        return sum(((v - m) / r) ** 2 for v, m, r in zip((z, y, x), at, radii, strict=True)) < 1

    shift = rng.uniform(-8, 8, 3)
    hounsfield = np.full(shape, -1000.0)
    hounsfield[inside(shift, (1e6, rng.uniform(105, 125), rng.uniform(150, 175)))] = rng.uniform(0, 60)
    mask, volume = np.zeros(shape, bool), 0.0
    for side in (-1, 1):
        radii = rng.uniform((80, 55, 38), (125, 80, 52))
        lung = inside(shift + np.array([rng.uniform(-8, 8), rng.uniform(-8, 4), side * rng.uniform(66, 76)]), radii)
        hounsfield[lung] = rng.uniform(-880, -720)
        mask |= lung
        volume += 4 / 3 * np.pi * radii.prod() / 1000
    for _ in range(60):
        # vessels belong to the lungs
        at = shift + rng.uniform((-90, -60, -110), (90, 60, 110))
        vessel = inside(at, rng.uniform((4, 4, 4), (25, 9, 9)))
        hounsfield[vessel & mask] = rng.uniform(-300, 40)
    hounsfield[inside(shift + np.array([0, 70, 0]), (1e6, 18, 18))] = 400
    hounsfield[inside(shift + np.array([30, -25, 15]), (55, 35, 40)) & ~mask] = 40
    hounsfield[inside(shift + np.array([-120, 5, 0]), (70, 9, 9)) & ~mask] = -990
    for _ in range(3):
        bowel = inside(shift + rng.uniform((100, -60, -90), (140, 30, 90)), rng.uniform((12, 12, 12), (30, 30, 35)))
        hounsfield[bowel & ~mask] = -950
    hounsfield += rng.normal(0, 35, shape)
    return hounsfield, mask, float(millimetres.prod() / 1000), float(volume)


def as_pixels(hounsfield: NDArray[Any]) -> NDArray[np.uint8]:
    """Hounsfield units as bytes: 0 for -1000 and less, 255 for 400 and more."""
    return (np.clip((hounsfield - _LOW) / (_HIGH - _LOW), 0, 1) * 255).round().astype(np.uint8)


class LungTask(Task):
    """See the module."""

    name = "lung"
    title = "lung volume in computed tomography"
    sources: ClassVar = {"phantoms": "ellipsoids of a known volume", "chests": "two real chests, masks by threshold"}
    presets: ClassVar = {
        "quick": LungPreset("phantoms", 4, 12, 4, 1e-2, True, stacks=50, slices=8, size=32, momentum=0.8),
        "paper": LungPreset("phantoms", 16, 20, 16, 1e-3),
    }
    at_once = 4
    becomes_integers = True
    judged_by = "cross_entropy"
    loss = "binary_crossentropy"

    def examples(self, preset: LungPreset, seed: int) -> LungData:
        """Stacks of slices and their masks; of two real chests the second is the test split."""
        if preset.source == "chests":
            stacks, cut = _real(preset)
        else:
            rng = np.random.default_rng(seed)
            stacks, cut = [phantom(preset, rng) for _ in range(preset.stacks)], preset.stacks * 4 // 5
        x = np.stack([as_pixels(stack[0]) for stack in stacks])[..., None]
        y = np.stack([stack[1] for stack in stacks]).astype(np.uint8)[..., None] * np.uint8(255)
        voxel, volume = (np.array([stack[place] for stack in stacks[cut:]]) for place in (2, 3))
        lengths = np.full(len(stacks) - cut, preset.slices)
        return LungData(x[:cut], y[:cut], x[cut:], y[cut:], lengths, voxel, volume)

    def build(self, options: RecurrentOptions, preset: LungPreset, data: LungData, seed: int) -> Any:
        """BiConvFFNN."""
        from ffhw.training.networks.paper import lung

        hold = float(preset.slices) if options.hold_bias else None
        return lung(options.cell, hold, preset.units, preset.size, preset.momentum)

    def evaluate(self, trained: Trained) -> dict[str, float]:
        """Binary cross-entropy, overlap (Dice) and the mean error of the volume, as a share of it."""
        return _errors(trained.answers, trained.data)

    def baseline(self, data: LungData) -> dict[str, Any]:
        """All that is thinner than -400 Hounsfield units."""
        thin = data.x_test < as_pixels(np.array(-400.0))
        return {"name": "threshold of -400 HU", **_errors(np.where(thin, 1 - 1e-2, 1e-2), data)}

    def figures(self, trained: Trained) -> dict[str, Any]:
        """Slices of two test stacks with the true mask and the network's, and both volumes; the loss."""
        from ffhw.training.figures import ANSWER, BASELINE, curves, image, new_figure

        data, answers = trained.data, trained.answers
        places = np.unique(np.linspace(1, answers.shape[1] - 2, 6).astype(int))
        count = min(2, len(answers))
        figure, axes = new_figure(count, len(places), width=1.4 * len(places), height=1.9 * count)
        for stack in range(count):
            for column, place in enumerate(places):
                axis = axes[stack, column]
                image(axis, data.x_test[stack, place, ..., 0] / 255, f"slice {place + 1}")
                axis.contour(data.y_test[stack, place, ..., 0] > 127, [0.5], colors=BASELINE, linewidths=1.6)
                axis.contour(answers[stack, place, ..., 0], [0.5], colors=ANSWER, linewidths=0.8)
            found = (answers[stack] > 0.5).sum() * data.voxel_ml[stack]
            axes[stack, 0].set_ylabel(f"{data.true_ml[stack]:.0f} ml\nfound {found:.0f} ml", fontsize=8)
        return {"masks": figure, "loss": curves(trained.history, as_loss(trained.baseline))}


def _real(preset: LungPreset) -> tuple[list[tuple[Any, Any, float, float]], int]:
    """Stacks of the real chests, those of the first one first, and how many these are."""
    from ffhw.training.datasets.chests import chests, lung_mask

    stacks: list[tuple[Any, Any, float, float]] = []
    first = 0
    for number, chest in enumerate(chests()):
        mask = lung_mask(chest.hounsfield)
        step = max(chest.hounsfield.shape[1] // preset.size, 1)
        small = chest.hounsfield[:, ::step, ::step][:, : preset.size, : preset.size]
        small_mask = mask[:, ::step, ::step][:, : preset.size, : preset.size]
        for begin in range(0, len(small) - preset.slices + 1, preset.slices // 2):
            part = slice(begin, begin + preset.slices)
            true_ml = float(mask[part].sum() * chest.voxel_ml)
            stacks.append((small[part], small_mask[part], chest.voxel_ml * step * step, true_ml))
        if number == 0:
            first = len(stacks)
    return stacks, first


def _errors(answer: NDArray[Any], data: LungData) -> dict[str, float]:
    truth, found = data.y_test > 127, answer > 0.5
    overlap = 2 * (truth & found).sum() / max(truth.sum() + found.sum(), 1)
    volume = found.sum(axis=(1, 2, 3, 4)) * data.voxel_ml
    return {
        "cross_entropy": cross_entropy(answer, truth),
        "dice": float(overlap),
        "volume_error": float(np.mean(np.abs(volume - data.true_ml) / data.true_ml)),
    }


TASK = LungTask()
