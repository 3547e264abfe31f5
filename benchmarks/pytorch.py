"""A PyTorch LSTM down the road: trained on JapaneseVowels, exported by both exporters, at 8 bits, simulated whole.

PyTorch trains on whole batches of padded sequences and takes each one's own last step; the file that goes to hardware
answers with ``h_n[-1]``, since hardware sees no padding. Needs PyTorch (``make test-torch`` makes ``.venv-torch``).
Run from the repository: ``.venv-torch/bin/python benchmarks/pytorch.py`` (seven minutes on two cores).
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import save
from torch import nn

from ffhw.export import Options, export
from ffhw.model.floatnet import predict
from ffhw.numbers.scales import Widths
from ffhw.reading.onnx.model import read_onnx
from ffhw.sim.check import Check, simulate
from ffhw.training.datasets.aeon import japanese_vowels
from ffhw.training.datasets.labelled import Sequences, standardised, with_crops

UNITS, CLASSES, EPOCHS, BATCH, RATE, NOISE, SEED = 32, 9, 40, 32, 5e-3, 0.4, 1


class Classifier(nn.Module):
    """Scores of classes ``[batch, 9]`` from sequences ``[batch, time, 12]``, padded where lengths are given."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels, UNITS, batch_first=True)
        self.linear = nn.Linear(UNITS, CLASSES)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        steps, (h_n, _) = self.lstm(x)
        last = h_n[-1] if lengths is None else steps[torch.arange(len(x)), lengths - 1]
        return self.linear(last)


def train(x: np.ndarray, y: np.ndarray) -> Classifier:
    """A classifier of sequences that end where they are zero."""
    torch.manual_seed(SEED)
    model = Classifier(x.shape[2])
    lengths = torch.from_numpy((np.abs(x).max(axis=2) > 0).sum(axis=1))
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    rounds = EPOCHS * -(-len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, rounds)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(x)).split(BATCH):
            noisy = inputs[chosen] + NOISE * torch.randn_like(inputs[chosen])
            loss = nn.functional.cross_entropy(model(noisy, lengths[chosen]), targets[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def write(model: Classifier, path: Path, new: bool) -> None:
    """The file, as a user of PyTorch would write it."""
    x = torch.zeros(2, 20, 12)
    axes = {0: "batch", 1: "time"}
    if new:
        dims = {axis: torch.export.Dim(name) for axis, name in axes.items()}
        ways: dict[str, Any] = {"dynamo": True, "dynamic_shapes": (dims,), "external_data": False}
    else:
        ways = {"dynamo": False, "dynamic_axes": {"input": axes}}
    torch.onnx.export(model, (x,), path, input_names=["input"], verbose=False, **ways)


def road(model: Classifier, test: Sequences, folder: Path, new: bool) -> dict[str, Any]:
    """One exporter's file to simulated hardware."""
    path, data = folder / f"{'new' if new else 'old'}.onnx", folder / "test.npz"
    write(model, path, new)
    np.savez(data, x=test.x, lengths=test.lengths, y=test.y)
    with torch.no_grad():
        theirs = model(torch.from_numpy(test.x), torch.from_numpy(test.lengths)).numpy()
    ours = predict(read_onnx(path), test.x, test.lengths)
    bundle = export(path, folder / path.stem, Options(Widths(8), data=data, lanes=4), step=print)
    simulated = simulate(bundle.path, Check(every=True), print)
    accuracy = bundle.json("accuracy.json")
    return {
        "exporter": "dynamo=True" if new else "dynamo=False",
        "pytorch_accuracy": float((theirs.argmax(axis=1) == test.y).mean()),
        "largest_difference_of_floats": float(np.abs(ours - theirs).max()),
        "accuracy": {kind: accuracy[kind] for kind in ("float", "quantized")},
        "simulation": {name: simulated[name] for name in ("codes", "sequences", "cycles") if name in simulated},
    }


def main() -> None:
    learned, test = standardised(*japanese_vowels())
    model = train(*with_crops(learned, copies=3, shortest=0.7, seed=SEED))
    with tempfile.TemporaryDirectory() as folder:
        rows = [road(model, test, Path(folder), new) for new in (False, True)]
    found = {"pytorch": torch.__version__, "units": UNITS, "epochs": EPOCHS, "seed": SEED, "rows": rows}
    print(json.dumps(found, indent=2), file=sys.stderr)
    save("pytorch", found)


if __name__ == "__main__":
    main()
