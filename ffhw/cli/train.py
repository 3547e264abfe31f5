"""The command `ffhw train`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ffhw.training.networks.options import RecurrentOptions
    from ffhw.training.tasks.base import Task


def run(
    task: str = typer.Argument(help="Example to train; see below."),
    output: Path = typer.Option(Path("model.keras"), "--output", "-o", help="Model file to write."),
    preset: str = typer.Option(None, help="Sizes: quick (minutes on two cores) or paper.", show_default="quick"),
    data: str = typer.Option(None, help="Which data, where a task has several.", show_default="the preset's"),
    cell: str = typer.Option("jk", help="Recurrent cell: jk, sr, toggle, lstm, gru, rnn or ctrnn."),
    units: int = typer.Option(None, help="Units of the recurrent layer.", show_default="the task's own"),
    epochs: int = typer.Option(None, help="Passes over the training data.", show_default="the task's and the cell's"),
    learning_rate: float = typer.Option(
        None, help="Rate to begin with; falls to 0.", show_default="the task's and the cell's"
    ),
    batch_size: int = typer.Option(None, help="Examples of an update.", show_default="the task's own"),
    seed: int = typer.Option(1, help="Seed of weights, data and order."),
    hold_bias: bool = typer.Option(True, help="Start gates with biases that let them hold their state."),
    tau_ms: float = typer.Option(None, help="Time constant of the ctrnn cell.", show_default="ten steps"),
    dale: float = typer.Option(None, help="Dale's law: share of excitatory units.", show_default="no such law"),
    density: float = typer.Option(1.0, help="Share of the recurrent connections that exist."),
    self_connection: bool = typer.Option(True, help="Let a unit feed itself."),
    hold_penalty: float = typer.Option(0.0, help="What a change of a flip-flop's state costs, so that more hold."),
    recurrent_gates: bool = typer.Option(
        True, help="Let a flip-flop's gates see the states. Without, there is no recurrent matrix to multiply with."
    ),
    centered: bool = typer.Option(
        None,
        "--centered/--no-centered",
        help="Let states of flip-flops be seen as 2 h - 1: same hardware, learns sooner, bears few bits worse.",
        show_default="the task's own",
    ),
    closing_gates: bool = typer.Option(
        False,
        "--closing-gates",
        help="Let gates of flip-flops be 0 where they are small, so that states can hold.",
    ),
    prune: float = typer.Option(None, help="Share of each layer's weights that become zero and stay so, below 1."),
    qat: bool = typer.Option(False, help="Train on integers afterwards, at the widths below: what hardware will give."),
    bits: int = typer.Option(None, help="With --qat: bits of weights, states and inputs.", show_default="8"),
    weight_bits: str = typer.Option(
        None, help="With --qat: bits of weights; or ternary, or binary.", show_default="--bits"
    ),
    state_bits: int = typer.Option(None, help="With --qat: bits of gates and states.", show_default="--bits"),
    input_bits: int = typer.Option(None, help="With --qat: bits of inputs.", show_default="--bits"),
    through: str = typer.Option(
        None,
        help="With --qat: wider stages first, like 8,6; each from the last one's end. States of one bit are so in all.",
    ),
    qat_epochs: int = typer.Option(None, help="With --qat: epochs of a stage.", show_default="half of the floats'"),
    learn_scales: bool = typer.Option(False, help="With --qat: let training move the scales as well."),
    strategy: str = typer.Option(
        "default",
        help="Devices: default (one), mirrored (all GPUs of this machine) or tpu (this machine's, or TPU_NAME's).",
    ),
) -> None:
    """Train an example and write the model, its test split and its record.

    Writes MODEL.keras, MODEL.data.npz (the test split, which export calibrates and evaluates on), MODEL.json
    (settings, history, test figures) and MODEL.initial.keras (before training, which analyze compares with). The tasks
    of the paper draw pictures, MODEL.NAME.png, and go on from MODEL.checkpoint.npz if they were killed: give the same
    command again.

    Tasks: flipflop3 (3-bit memory; flipflop1 to flipflop8), japanese-vowels (real speech), basic-motions (a real
    accelerometer), pen-digits (a real pen), perceptual-decision, context-decision, delayed-match, parametric-memory,
    parity, counter, adder, detector (sequential logic); and the paper's, each with --cell jk, lstm or gru: signal,
    text, sentiment, frames, handwriting, lung, action.

    The tutorial network of 400 tanh units: ffhw train flipflop3 --cell rnn --units 400

    Few bits: ffhw train flipflop3 --qat --bits 4 writes a model whose forward pass is the golden model's, code by code;
    ffhw export finds its formats in it.
    """
    from ffhw.cli.console import quiet_tensorflow
    from ffhw.numbers.grids import read_weight_bits
    from ffhw.training import tasks
    from ffhw.training.networks.options import RecurrentOptions

    quiet_tensorflow()
    chosen = tasks.task(task)
    weights = read_weight_bits(weight_bits)
    given = {"bits": bits, "weight_bits": weights, "state_bits": state_bits, "input_bits": input_bits}
    stages = _stages(qat, given, through, qat_epochs, learn_scales)
    options = RecurrentOptions(
        cell,
        units,
        hold_bias,
        tau_ms,
        dale,
        density,
        self_connection,
        hold_penalty,
        recurrent_gates,
        centered,
        closing_gates,
    )
    _train(
        chosen,
        output,
        options,
        source=data,
        preset=preset,
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        prune=prune,
        seed=seed,
        strategy=strategy,
        stages=stages,
    )


def _train(
    chosen: Task,
    output: Path,
    options: RecurrentOptions,
    *,
    preset: str | None,
    source: str | None,
    epochs: int | None,
    learning_rate: float | None,
    prune: float | None,
    batch_size: int | None,
    **settings: Any,
) -> None:
    """Train, show how far it is, and say what came of it."""
    from ffhw.cli.console import backend_title, console, describe_score, epoch_progress
    from ffhw.errors import ToolError

    console.print(f"training {chosen.title}; loading {backend_title()}", markup=False)
    try:
        from ffhw.training.train import settle, train, written

        total = settle(chosen, options, preset, source, epochs, learning_rate, prune, batch_size).epochs
        with epoch_progress(total) as progress:
            record = train(
                chosen,
                output,
                options,
                preset=preset,
                source=source,
                epochs=epochs,
                learning_rate=learning_rate,
                prune=prune,
                batch_size=batch_size,
                **settings,
                progress=progress,
                say=lambda text: console.print(f"· {text}", markup=False),
            )
    except ImportError as error:
        raise ToolError(f"training needs {error.name}: pip install 'ffhw[train]'") from None
    console.print(f"{record['parameters']} parameters, test: {describe_score(record['test'])}")
    if record.get("qat"):
        first = record["qat"][-1]["quantized_only"]
        console.print(
            f"in floats: {describe_score(record['float_test'])}; quantized without training: {describe_score(first)}"
        )
    if (options.hold_penalty or prune) and record["sparsity"]:
        console.print(_sparse(record["sparsity"]))
    if record["baseline"]:
        figures = {key: value for key, value in record["baseline"].items() if key != "name"}
        console.print(f"baseline, {record['baseline']['name']}: {describe_score(figures)}", markup=False)
    console.print(f"wrote {', '.join(map(str, written(output, record)))}", markup=False)


def _sparse(found: Mapping[str, Any]) -> str:
    """How much of time and weights is left out."""
    from ffhw.cli.console import percent

    still, zero = found["unchanged_states"]["codes"], found["zero_weights"]["codes"]
    where = "in its formats" if found["bits"] is None else f"at {found['bits']} bits"
    moving = "no states" if still is None else f"{percent(still)} of the states unchanged by a step"
    return f"{where}: {moving}, {percent(zero)} of the weights zero"


def _stages(qat: bool, given: Mapping[str, Any], through: str | None, epochs: int | None, learn_scales: bool) -> Any:
    """What follows the float training; None for nothing."""
    from ffhw.errors import InputError
    from ffhw.numbers.scales import Widths

    asked = {name: value for name, value in given.items() if value is not None}
    others = {"through": through, "qat_epochs": epochs, "learn_scales": learn_scales or None}
    for name in [*asked, *(name for name, value in others.items() if value is not None)]:
        if not qat:
            raise InputError(f"--{name.replace('_', '-')} is about training on integers: give --qat as well")
    if not qat:
        return None
    from ffhw.training.qat.train import Stages

    try:
        steps = tuple(int(part) for part in through.split(",")) if through else ()
    except ValueError:
        raise InputError(f"--through must be widths like 8,6, not {through!r}") from None
    return Stages.towards(Widths(**asked), steps, epochs, learn_scales)
