"""The command `ffhw update`."""

from __future__ import annotations

from pathlib import Path

import typer


def run(
    bundle: Path = typer.Argument(help="Bundle folder, exported with --generic-weights."),
    model: Path = typer.Option(..., help="Trained model of the same layers, a .keras or .onnx file."),
    data: Path = typer.Option(
        None, help="Data to evaluate on and to test the hardware with.", show_default="as export"
    ),
    output: Path = typer.Option(None, "--output", "-o", help="Bundle folder to write.", show_default="in its place"),
    board: list[str] = typer.Option(None, help="Bitstreams to bring along.", show_default="all"),
    check: bool = typer.Option(True, help="Simulate the netlist with the new weights against the new golden model."),
) -> None:
    """Put the weights of another trained model into a bundle and its bitstreams, without place and route.

    The model is quantized with the bundle's formats; what does not allow that is said by layer. The netlist with its
    new weights is simulated, and each bitstream is read back: but for the new weights it is the old one.
    """
    from ffhw.cli.console import Steps, console, describe_score
    from ffhw.sim.netlist import check_netlist
    from ffhw.update import update

    if not check:
        console.print("warning: the netlist is not checked: the bitstream may not compute the network", markup=False)
    with Steps() as steps:
        made = update(
            bundle, model, data, output, tuple(board or ()), check_netlist if check else None, steps, steps.note
        )
    for part in made.saturated:
        console.print(
            f"{part.layer}: {part.count:,} of {part.total:,} {part.what} saturate in the bundle's format", markup=False
        )
    accuracy = made.bundle.accuracy()
    console.print(f"float:     {describe_score(accuracy['float'])}")
    console.print(f"quantized: {describe_score(accuracy['quantized'])}")
    for name, result in made.results.items():
        if result["netlist"]["equal"]:
            console.print(f"{name}: netlist {result['netlist']['codes']:,} codes, all equal to the golden model's")
        console.print(f"{name}: the bitstream was read back and holds the new weights", markup=False)
    console.print(f"wrote {made.bundle.path}", markup=False)
    if made.bundle.loadable:
        console.print(f"next: ffhw board load {made.bundle.path} --port PORT", markup=False)
