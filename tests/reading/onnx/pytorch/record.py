"""Records what PyTorch's own exporters write of small models, and what PyTorch answers.

``make test-torch`` makes the environment; then ``.venv-torch/bin/python tests/reading/onnx/pytorch/record.py`` writes
the files beside this one. Tests read them without PyTorch. Weights and data are seeded; another version of PyTorch may
write other operators.
"""

from __future__ import annotations

import dataclasses
import logging
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

HERE = Path(__file__).parent
INPUTS, UNITS, OUTPUTS = 3, 4, 2
# A file is traced with other sizes than it is asked with, unless it fixes them.
TRACED, ASKED = (2, 6), (3, 7)


class Model(nn.Module):
    """Modules by name, and what is made of them."""

    def __init__(self, answer, modules):
        super().__init__()
        self.answer = answer
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, x, *states):
        return self.answer(self, x, *states)


@dataclasses.dataclass(frozen=True)
class Case:
    """A model and how it is exported.

    open_axes: whether the file leaves batch and time open. states: first states that are inputs; rows: of each.
    """

    modules: Callable[[], dict[str, nn.Module]]
    answer: Callable[..., torch.Tensor | tuple[torch.Tensor, ...]]
    new: bool = False
    opset: int = 17
    batch_first: bool = True
    open_axes: bool = True
    states: tuple[str, ...] = ()
    rows: int = 1


def net(kind, *, head=None, **options):
    """A recurrent layer ``r`` and a dense one ``head``."""
    wide = UNITS * (1 + options.get("bidirectional", False))
    bias = options.get("bias", True)

    def modules():
        layer = getattr(nn, kind)(INPUTS, UNITS, **{"batch_first": True, **options})
        return {"r": layer, "head": nn.Linear(head or wide, OUTPUTS, bias=bias)}

    return modules


def every(m, x):
    return m.head(m.r(x)[0])


def step(m, x):
    return m.head(m.r(x)[0][:, -1])


def hidden(m, x):
    """h_n, whatever the layer gives beside it."""
    state = m.r(x)[1]
    return state[0] if isinstance(state, tuple) else state


def state(m, x):
    return m.head(hidden(m, x)[-1])


def pair(m, x):
    h = hidden(m, x)
    return m.head(torch.cat([h[-2], h[-1]], dim=1))


def from_zeros(m, x):
    h0, c0 = (torch.zeros(2, x.size(0), UNITS).to(x.device) for _ in range(2))
    return m.head(m.r(x, (h0, c0))[0][:, -1, :])


def viewed(m, x):
    h = hidden(m, x).view(2, 2, x.size(0), UNITS)[-1]
    return m.head(torch.cat([h[0], h[1]], dim=-1))


def last_two(m, x):
    return m.head(hidden(m, x)[-2:].transpose(0, 1).reshape(x.size(0), -1))


def halves(m, x):
    out = m.r(x)[0]
    return m.head(out[:, :, :UNITS] + out[:, :, UNITS:])


def learned(m, x):
    return m.head(m.r(x, torch.linspace(-1, 1, UNITS).expand(1, x.size(0), UNITS).contiguous())[0])


def constant(m, x):
    return m.head(m.r(x, torch.linspace(-1, 1, x.size(0) * UNITS).reshape(1, x.size(0), UNITS))[0])


def classifier():
    layers = [nn.Dropout(0.5), nn.Linear(UNITS, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, OUTPUTS)]
    layers[2].running_mean.normal_()
    layers[2].running_var.uniform_(0.5, 2)
    return {
        "r": nn.GRU(INPUTS, UNITS, num_layers=2, dropout=0.3, batch_first=True),
        "head": nn.Sequential(*layers, nn.LogSoftmax(dim=-1)),
    }


def convolution():
    return {
        "conv": nn.Conv1d(INPUTS, 5, 3),
        "r": nn.LSTM(5, UNITS, batch_first=True),
        "head": nn.Linear(UNITS, OUTPUTS),
    }


def convolved(m, x):
    return m.head(m.r(torch.relu(m.conv(x.transpose(1, 2))).transpose(1, 2))[0].mean(dim=1))


def ended(end):
    return lambda m, x: end(every(m, x), dim=-1) if end in (torch.softmax, torch.log_softmax) else end(every(m, x))


def streamed(m, x, *states):
    """Every step, from states that are given, and the states behind the last."""
    out, ends = m.r(x, *([states] if len(states) > 1 else states))
    return m.head(out), *(ends if isinstance(ends, tuple) else [ends])


def twice(m, x):
    y = every(m, x)
    return y, torch.relu(y)


BOTH, TWO, TIME_FIRST = {"bidirectional": True}, {"num_layers": 2}, {"batch_first": False}
CASES = {
    "lstm_every": Case(net("LSTM"), every),
    "lstm_without_bias": Case(net("LSTM", bias=False), step),
    "lstm_time_first": Case(net("LSTM", **TIME_FIRST), every, batch_first=False),
    "lstm_state_of_two": Case(net("LSTM", **TWO), state),
    "lstm_pair_of_two": Case(net("LSTM", **TWO, **BOTH), pair),
    "lstm_from_zeros": Case(net("LSTM", **TWO), from_zeros),
    "lstm_viewed": Case(net("LSTM", **TWO, **BOTH), viewed),
    "lstm_fixed_sizes": Case(net("LSTM", **BOTH), every, open_axes=False),
    "lstm_opset_9": Case(net("LSTM", **TWO), every, opset=9),
    "lstm_convolved": Case(convolution, convolved),
    "gru_step": Case(net("GRU"), step, opset=11),
    "gru_every_of_both": Case(net("GRU", **TWO, **BOTH), every, opset=13),
    "gru_last_two": Case(net("GRU", **TWO, **BOTH), last_two),
    "gru_halves": Case(net("GRU", head=UNITS, **BOTH), halves),
    "gru_classifier": Case(classifier, step),
    "gru_time_first": Case(net("GRU", **TIME_FIRST, **TWO), state, batch_first=False),
    "rnn_every": Case(net("RNN"), every, opset=20),
    "rnn_pair": Case(net("RNN", **BOTH), pair),
    "rnn_relu_behind": Case(net("RNN"), ended(torch.relu)),
    "rnn_softmax_behind": Case(net("RNN"), ended(torch.softmax)),
    "new_lstm_every": Case(net("LSTM"), every, new=True, opset=20),
    "new_lstm_log_softmax": Case(net("LSTM"), ended(torch.log_softmax), new=True, opset=18),
    "new_lstm_state_of_two": Case(net("LSTM", **TWO), state, new=True, opset=23),
    "new_lstm_pair_of_two": Case(net("LSTM", **TWO, **BOTH), pair, new=True, opset=20),
    "new_lstm_fixed_sizes": Case(net("LSTM"), step, new=True, opset=20, open_axes=False),
    "new_lstm_without_bias": Case(net("LSTM", bias=False), step, new=True, opset=17),
    "new_lstm_from_zeros": Case(net("LSTM", **TWO), from_zeros, new=True, opset=20),
    "new_gru_step": Case(net("GRU"), step, new=True, opset=20),
    "new_gru_time_first": Case(net("GRU", **TIME_FIRST), every, new=True, opset=20, batch_first=False),
    "new_gru_every_of_both": Case(net("GRU", **TWO, **BOTH), every, new=True, opset=21),
    "new_gru_classifier": Case(classifier, step, new=True, opset=20),
    # first states that are inputs, final ones that are outputs
    "lstm_states": Case(net("LSTM"), streamed, states=("h0", "c0")),
    "lstm_states_of_two": Case(net("LSTM", **TWO), streamed, states=("h0", "c0"), rows=2),
    "gru_states_of_two": Case(net("GRU", **TWO), streamed, states=("h0",), rows=2, opset=13),
    "gru_state_in": Case(net("GRU"), lambda m, x, h: m.head(m.r(x, h)[0]), states=("h0",)),
    "rnn_state_out": Case(net("RNN"), streamed),
    "new_lstm_states": Case(net("LSTM"), streamed, new=True, opset=20, states=("h0", "c0")),
    "new_lstm_states_of_two": Case(net("LSTM", **TWO), streamed, new=True, opset=20, states=("h0", "c0"), rows=2),
    "new_gru_states": Case(net("GRU"), streamed, new=True, opset=18, states=("h0",)),
    # what is refused
    "refused_new_rnn": Case(net("RNN"), every, new=True, opset=20),
    "refused_relu_rnn": Case(net("RNN", nonlinearity="relu"), every),
    "refused_learned_state": Case(net("GRU"), learned),
    "refused_constant_state": Case(net("GRU"), constant, open_axes=False),
    "refused_new_constant_state": Case(net("GRU"), constant, open_axes=False, new=True, opset=20),
    "refused_cell_state": Case(net("LSTM"), lambda m, x: m.head(m.r(x)[1][1][-1])),
    "refused_first_layer": Case(net("GRU", **TWO), lambda m, x: m.head(hidden(m, x)[0])),
    "refused_all_layers": Case(net("GRU", head=8, **TWO), pair),
    "refused_last_of_both": Case(net("GRU", **BOTH), step),
    "refused_two_outputs": Case(net("LSTM"), twice),
    "refused_state_of_both": Case(net("GRU", **BOTH), lambda m, x, h: m.head(m.r(x, h)[0]), states=("h0",), rows=2),
    "refused_cell_state_of_two": Case(net("LSTM", **TWO), lambda m, x: m.head(m.r(x)[1][1][-1])),
}


def export(model: nn.Module, case: Case, path: Path) -> tuple[torch.Tensor, ...]:
    """Write the file; the tensors that it was traced with."""
    batch, time = TRACED if case.open_axes else ASKED
    first = (batch, time) if case.batch_first else (time, batch)
    given = (torch.randn(*first, INPUTS), *(torch.zeros(case.rows, batch, UNITS) for _ in case.states))
    axes = {0: "batch", 1: "time"} if case.batch_first else {0: "time", 1: "batch"}
    if case.new:
        dims = {name: torch.export.Dim(name) for name in axes.values()}
        data = {axis: dims[name] for axis, name in axes.items()}
        # a shape for each of forward's parameters, the last of which takes all states
        shapes = (data, tuple({1: dims["batch"]} for _ in case.states)) if case.states else (data,)
        ways = {"dynamo": True, "dynamic_shapes": shapes if case.open_axes else None, "external_data": False}
    else:
        opened = {"input": axes, **{name: {1: "batch"} for name in case.states}}
        ways = {"dynamo": False, "dynamic_axes": opened if case.open_axes else None}
    names = ["input", *case.states]
    torch.onnx.export(model, given, path, input_names=names, opset_version=case.opset, verbose=False, **ways)
    return given


def answer(model: nn.Module, *given: torch.Tensor) -> np.ndarray:
    """What a model answers, without the final states beside it."""
    y = model(*given)
    return (y[0] if isinstance(y, tuple) else y).numpy()


def plain(path: Path) -> None:
    """Take out of a file where on this machine its operators come from."""
    model = onnx.load(path)
    for thing in (
        model,
        model.graph,
        *model.graph.node,
        *model.graph.input,
        *model.graph.output,
        *model.graph.value_info,
    ):
        del thing.metadata_props[:]
        thing.ClearField("doc_string")
    onnx.save(model, path)


def main(folder: Path = HERE, *names: str) -> None:
    """Record these cases, all if none is named, in a folder."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(*ASKED, INPUTS)).astype(np.float32)
    firsts = {name: rng.uniform(-0.4, 0.4, (2, ASKED[0], UNITS)).astype(np.float32) for name in ("h0", "c0")}
    answers, started = {"x": x}, firsts
    for number, (name, case) in enumerate(CASES.items()):
        if names and name not in names:
            continue
        torch.manual_seed(number)
        path = folder / f"{name}.onnx"
        model = Model(case.answer, case.modules()).eval()
        with torch.no_grad():
            given = export(model, case, path)
            plain(path)
            if name.startswith("refused"):
                continue
            fed = dict(zip(("input", *case.states), (tensor.numpy() for tensor in given), strict=True))
            theirs = onnxruntime.InferenceSession(path).run(None, fed)[0]
            np.testing.assert_allclose(theirs, answer(model, *given), atol=1e-6)
            asked = torch.from_numpy(x if case.batch_first else x.transpose(1, 0, 2).copy())
            y = answer(model, asked, *(torch.zeros(case.rows, ASKED[0], UNITS) for _ in case.states))
            if case.states:
                started[name] = answer(model, asked, *(torch.from_numpy(firsts[s][: case.rows]) for s in case.states))
        answers[name] = y if case.batch_first or y.ndim == 2 else y.transpose(1, 0, 2)
    np.savez_compressed(folder / "answers.npz", **answers)
    np.savez_compressed(folder / "started.npz", **started)
    print(f"{len(names or CASES)} models, PyTorch {torch.__version__}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]), *sys.argv[2:])
