"""The command `ffhw run`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer


def run(
    bundle: Path = typer.Argument(help="Bundle folder."),
    data: Path = typer.Option(..., "--input", "-i", help="Sequences: .npy or .npz with x [batch, time, inputs]."),
    output: Path = typer.Option(None, "--output", "-o", help="Write codes and values to this .npz file."),
    backend: str = typer.Option(
        "golden",
        help="Implementation: golden, onnx, tensorflow, tensorflow-xla, jax, native, rtl, board; all: those there.",
    ),
    port: str = typer.Option(None, help="Serial port of the board: /dev/ttyUSB1, socket://HOST:PORT."),
    baud: int = typer.Option(1_000_000, min=1, help="Bits a second on the wire to the board."),
    check: bool = typer.Option(True, help="Hold the outputs against the golden model's."),
) -> None:
    """Run input sequences through a bundle on one of its implementations, or on all, which must agree in every code."""
    from ffhw.arrays import npz_bytes
    from ffhw.backends.run import BACKENDS, check_equal, compare, missing
    from ffhw.backends.run import run as run_backend
    from ffhw.bundle import Bundle
    from ffhw.cli.console import Steps, console, describe_score
    from ffhw.errors import OutputError
    from ffhw.files import check_file, write_atomic
    from ffhw.layers import NoRule
    from ffhw.model.scores import read_targets, score
    from ffhw.reading.data_file import load_data

    if output is not None:
        check_file(output)
        if bundle.resolve() in output.resolve().parents:
            raise OutputError(f"cannot write {output}: it is inside the bundle; choose another place")
        if output.exists() and output.samefile(data):
            raise OutputError(f"cannot write {output}: it is the input; choose another name")
    opened = Bundle.open(bundle)
    network = opened.network()
    given = load_data(data, network.signature)
    targets = read_targets(given, network.signature, str(data))
    codes = network.encode(given.x)
    everywhere = backend == "all"

    def outputs_of(name: str) -> Any:
        if name != "board":
            return run_backend(opened, name, codes, given.lengths)
        with Steps() as steps:
            steps("running on the board")
            return run_backend(opened, name, codes, given.lengths, port=port, baud=baud, progress=steps.progress)

    outputs = outputs_of("golden" if everywhere else backend)
    if everywhere:
        for other in BACKENDS[1:]:
            lacking = "no --port is given" if other == "board" and port is None else missing(opened, other)
            if lacking:
                console.print(f"{other}: not run, {lacking}", markup=False)
                continue
            try:
                found = outputs_of(other)
            except NoRule as error:
                console.print(f"{other}: not run, {error}", markup=False)
                continue
            check_equal(other, found, outputs)
            console.print(f"{other} equals the golden model in all {outputs.size:,} codes")
    elif check and backend != "golden":
        compare(opened, backend, codes, given.lengths, outputs)
        console.print(f"{backend} equals the golden model in all {outputs.size:,} codes")
    values = network.decode(outputs)
    saturated = int((network.saturates(given.x) & given.real[..., None]).sum())
    if saturated:
        total = given.lengths.sum() * network.input_size
        console.print(f"note: {saturated:,} of {total:,} inputs lie outside {network.input} and saturate", markup=False)
    console.print(f"{len(codes)} sequences, outputs {list(outputs.shape)} of {network.output}", markup=False)
    if targets is not None:
        if targets.note:
            console.print(f"note: {targets.note}")
        console.print(describe_score(score(values, targets, given, network.signature)))
    if output is not None:
        write_atomic(output, npz_bytes({"codes": outputs, "values": values}))
        console.print(f"wrote {output}", markup=False)
