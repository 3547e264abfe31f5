"""The command `ffhw sample`."""

from __future__ import annotations

from pathlib import Path

import typer


def run(
    model: Path = typer.Argument(help="Model that `ffhw train text` or `ffhw train handwriting` wrote."),
    prompt: str = typer.Option("\n", help="Text to go on from (text), or to write (handwriting)."),
    length: int = typer.Option(500, help="Characters, or points of the pen at most."),
    temperature: float = typer.Option(0.8, help="Of text: below 1 likelier characters, above it wilder ones."),
    bias: float = typer.Option(1.0, help="Of handwriting: 0 as learned, above it neater."),
    seed: int = typer.Option(1, help="Seed of what is drawn."),
    output: Path = typer.Option(None, "--output", "-o", help="File to write.", show_default="text: the terminal"),
) -> None:
    """Let a trained network write: text, or text by hand.

    Text goes to the terminal or to a file. Handwriting becomes MODEL.sample.png, and beside it MODEL.sample.npz with
    the pen's points: dx, dy, pen up.
    """
    from ffhw.arrays import npz_bytes
    from ffhw.cli.console import Steps, backend_title, console, quiet_tensorflow
    from ffhw.errors import InputError, ToolError
    from ffhw.files import write_atomic, write_together

    quiet_tensorflow()
    try:
        from ffhw.training.generators import open_generator, write_hand, write_text
        from ffhw.training.train import png_bytes

        with Steps() as steps:
            steps(f"loading {backend_title()} and the model")
            chosen = open_generator(model, ("text", "handwriting"), "sample")
            steps("writing")
            if chosen.task == "text":
                text = write_text(chosen, prompt, length, temperature, seed)
            else:
                points, figure = write_hand(chosen, prompt.strip(), bias, seed, length)
    except ImportError as error:
        raise ToolError(f"sampling needs {error.name}: pip install 'ffhw[train]'") from None
    if chosen.task == "text":
        if output is None:
            console.print(prompt.lstrip("\n") + text, markup=False)
            return
        write_atomic(output, prompt.lstrip("\n") + text + "\n")
    else:
        output = output or model.with_suffix(".sample.png")
        if output.suffix != ".png":
            raise InputError(f"the picture's name must end in .png, not {output.name!r}")
        write_together({output: png_bytes(figure), output.with_suffix(".npz"): npz_bytes({"points": points})})
    console.print(f"wrote {output}", markup=False)
