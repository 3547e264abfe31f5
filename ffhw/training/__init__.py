"""Keras layers, tasks and data sets: everything before quantization."""

if __name__ != "ffhw.training":
    # The folder is also reachable through a link at the root; imported that way its relatives would load twice.
    raise ImportError("import ffhw.training, not training")

from typing import Any


def __getattr__(name: str) -> Any:
    """``quantized``, see :func:`ffhw.training.qat.convert.quantized`; loaded when it is asked for."""
    if name != "quantized":
        raise AttributeError(f"module 'ffhw.training' has no attribute {name!r}")
    from ffhw.training.qat.convert import quantized

    return quantized
