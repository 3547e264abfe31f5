"""The command `ffhw export`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ffhw.bundle import Bundle
    from ffhw.export import Options


def run(
    model: Path = typer.Argument(help="Trained model, a .keras or .onnx file."),
    output: Path = typer.Option(Path("build"), "--output", "-o", help="Bundle folder to write."),
    bits: int = typer.Option(8, help="Bits of weights, states, inputs and outputs, 1 to 16."),
    weight_bits: str = typer.Option(
        None, help="Bits of the weights; or ternary (-1, 0, 1), or binary (-1, 1).", show_default="--bits"
    ),
    state_bits: int = typer.Option(None, help="Bits of states and gates.", show_default="--bits"),
    cell_bits: int = typer.Option(None, help="Bits of an LSTM's cell state.", show_default="--state-bits"),
    input_bits: int = typer.Option(None, help="Bits of the inputs.", show_default="--bits"),
    data: Path = typer.Option(
        None,
        help="Data to evaluate on and to test the hardware with: .npz with x, lengths, y; or .npy. See docs/models.md.",
        show_default="MODEL.data.npz beside the model",
    ),
    calibrate: Path = typer.Option(None, help="Data to choose scales on.", show_default="--data"),
    board: str = typer.Option(None, help="Choose the folding for a board, such as icebreaker; ffhw board list."),
    rate: float = typer.Option(
        None, help="Steps a second: with --board, the smallest design that holds them.", show_default="the fastest"
    ),
    lanes: str = typer.Option(None, help="Units worked on at once, in each layer; 8,1: one each.", show_default="1"),
    simd: str = typer.Option(None, help="Vector elements multiplied a cycle in each lane, alike.", show_default="1"),
    style: str = typer.Option(
        "lanes",
        help="lanes (units take turns at multipliers), or gates (states of one bit: all units at once, weights are "
        "wires, a step a cycle).",
    ),
    keep_state: bool = typer.Option(False, help="States outlive a sequence and can be loaded and read."),
    max_steps: int = typer.Option(
        None,
        help="Steps of the longest sequence, where hardware must have room for it (averages).",
        show_default="longest of the data, to the next power of two",
    ),
    argmax: bool = typer.Option(False, help="End in a class number instead of the last layer's outputs."),
    prefix: str = typer.Option(
        "ffhw",
        help="What the names of all modules and memory files begin with: two designs of one FPGA project need two.",
    ),
    calibration: str = typer.Option(
        "error", help="How scales are chosen: error (least squares), range, or percentile (outliers saturate)."
    ),
    generic_weights: bool = typer.Option(
        False, help="Hardware for any weights of these formats: ffhw update puts others into a finished bitstream."
    ),
    loadable: bool = typer.Option(
        False, help="The same, and they can be sent over the link at run time: ffhw board load, Device.load."
    ),
    csr: bool = typer.Option(
        False, help="A register block beside the streams as well: AXI4-Lite, for a processor. See docs/other-flows.md."
    ),
    hardware: bool = typer.Option(
        True,
        help="With --no-hardware: golden model and ONNX graph only, also of layers that have no hardware yet (maps).",
    ),
    software: bool = typer.Option(
        False,
        help="Write the network for other software as well, in results/software/: TensorFlow, its Lite, C, float ONNX.",
    ),
) -> None:
    """Quantize a trained model and write its bundle: golden model, ONNX, Verilog, test vectors, predicted figures."""
    from ffhw.export import Options
    from ffhw.numbers.grids import read_weight_bits
    from ffhw.numbers.scales import Widths

    options = Options(
        widths=Widths(bits, read_weight_bits(weight_bits), state_bits, input_bits, cell_bits),
        data=data,
        calibrate=calibrate,
        board=board,
        rate=rate,
        **_wishes(lanes=lanes, simd=simd),
        keep_state=keep_state,
        argmax=argmax,
        calibration=calibration,
        prefix=prefix,
        max_steps=max_steps,
        generic_weights=generic_weights,
        loadable=loadable,
        csr=csr,
        style=style,
        hardware=hardware,
    )
    _export(model, output, options, software)


def _wishes(**options: str | None) -> dict[str, Any]:
    """Numbers of the options that are given, one for all layers or one for each."""
    from ffhw.cli.whole import whole_numbers

    return {name: whole_numbers(f"--{name}", text, 1) for name, text in options.items() if text is not None}


def _export(model: Path, output: Path, options: Options, software: bool) -> None:
    """Export, show what is done, and say what came of it."""
    from ffhw.cli.console import Steps
    from ffhw.export import export

    with Steps() as steps:
        bundle = export(model, output, options, steps)
        told = _write_software(bundle, model, steps) if software else {}
    _tell(bundle, told)


def _write_software(bundle: Bundle, model: Path, step: Callable[[str], None]) -> dict[str, str]:
    from ffhw.backends.software import write_software
    from ffhw.reading.model_file import read_model

    return write_software(bundle, read_model(model), step)


def _tell(bundle: Bundle, software: dict[str, str]) -> None:
    """Scores, the figures of each engine and of the design, what other software got, and what to do next."""
    from ffhw.cli.console import console, describe_score

    accuracy, performance = bundle.json("accuracy.json"), bundle.json("performance.json")
    console.print(f"float:     {describe_score(accuracy['float'])}")
    console.print(f"quantized: {describe_score(accuracy['quantized'])}")
    for engine in performance.get("engines", ()):
        stalls = engine["stall_cycles_per_step"]
        steps = engine["network_steps"]
        every = "a step" if steps == 1 else f"every {steps} steps"
        note = f", of which {stalls} stalled" if stalls else ", no stalls"
        console.print(
            f"{engine['name']}: {engine['lanes']} lanes x {engine['simd']}, "
            f"{engine['cycles_per_step']} cycles {every}{note}"
        )
    if performance:
        console.print(
            f"the design takes {performance['cycles_per_step']} cycles a step and answers after "
            f"{performance['latency_cycles']} cycles"
        )
    for name, what in software.items():
        console.print(f"results/software/{name}: {what}", markup=False)
    after = f"sim {bundle.path}" if performance else f"run {bundle.path} --input DATA.npz --backend all"
    console.print(f"next: ffhw {after}", markup=False)
