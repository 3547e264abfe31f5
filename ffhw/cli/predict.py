"""The command `ffhw predict`."""

from __future__ import annotations

from pathlib import Path

import typer


def run(
    model: Path = typer.Argument(help="Model that `ffhw train frames` wrote."),
    given: int = typer.Option(8, help="Frames of a new clip that the network sees."),
    frames: int = typer.Option(6, help="Frames that it then predicts, each from its own before it."),
    seed: int = typer.Option(2, help="Seed of the clip."),
    output: Path = typer.Option(None, "--output", "-o", help="Picture to write.", show_default="MODEL.predict.png"),
) -> None:
    """Let a trained network go on with a clip, and draw it beside the truth.

    Writes the picture, and beside it an .npz with the predicted frames.
    """
    from ffhw.arrays import npz_bytes
    from ffhw.cli.console import Steps, backend_title, console, quiet_tensorflow
    from ffhw.errors import InputError, ToolError
    from ffhw.files import write_together

    quiet_tensorflow()
    output = output or model.with_suffix(".predict.png")
    if output.suffix != ".png":
        raise InputError(f"the picture's name must end in .png, not {output.name!r}")
    try:
        from ffhw.training.generators import continue_clip, open_generator
        from ffhw.training.train import png_bytes

        with Steps() as steps:
            steps(f"loading {backend_title()} and the model")
            chosen = open_generator(model, ("frames",), "predict")
            steps("predicting")
            made, figure = continue_clip(chosen, given, frames, seed)
            write_together({output: png_bytes(figure), output.with_suffix(".npz"): npz_bytes({"frames": made})})
    except ImportError as error:
        raise ToolError(f"predicting needs {error.name}: pip install 'ffhw[train]'") from None
    console.print(f"wrote {output} and {output.with_suffix('.npz')}", markup=False)
