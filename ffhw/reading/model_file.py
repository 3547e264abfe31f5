"""A trained model in whatever kind of file it is."""

from __future__ import annotations

from pathlib import Path

from ffhw.model.floatnet import FloatNetwork


def read_model(path: Path | str) -> FloatNetwork:
    """Trained network in a ``.keras`` or an ``.onnx`` file.

    Raises
    ------
    InputError: no such file, or something in it that hardware does not have.
    """
    # imported here: onnx is slow to load
    if Path(path).suffix.lower() == ".onnx":
        from ffhw.reading.onnx.model import read_onnx

        return read_onnx(path)
    from ffhw.reading.keras_model import read_model as read_keras

    return read_keras(path)
