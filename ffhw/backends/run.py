"""Running a bundle on any of its implementations, by one call."""

from __future__ import annotations

from typing import Any

from ffhw.bundle import Bundle
from ffhw.errors import DigestError, InputError, MismatchError, ToolError
from ffhw.layers.base import Ints
from ffhw.model import golden

BACKENDS = ("golden", "onnx", "rtl", "board")


def run(bundle: Bundle, backend: str, codes: Ints, lengths: Ints, **options: Any) -> Ints:
    """Output codes of a backend, in the shapes of :func:`ffhw.model.golden.run`.

    Parameters
    ----------
    backend: ``golden``, ``onnx`` (ONNX Runtime), ``rtl`` (the Verilog, compiled) or ``board`` (a device).
    codes: ``[batch, time, D]``; lengths: ``[batch]``.
    options: of the backend ``board``: ``port``, ``baud``, ``progress``.

    Raises
    ------
    InputError: no such backend. ToolError: what it needs is missing, or the device fails. MismatchError: the RTL broke
    a rule.
    """
    network = bundle.network()
    codes = golden.check_input(network, codes)
    lengths = golden.check_lengths(network, lengths, codes.shape[0], codes.shape[1])
    if backend == "golden":
        return golden.run(network, codes, lengths).outputs
    if backend == "onnx":
        try:
            from ffhw.backends import onnx_runtime
        except ImportError:
            raise ToolError("ONNX Runtime is missing: pip install 'ffhw[onnx]'") from None
        try:
            return onnx_runtime.run(bundle.files["model.onnx"], codes, lengths)
        except Exception as error:  # the runtime meets whatever is in the file, by exceptions of its own
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DigestError(f"{bundle.path}: model.onnx cannot be run ({reason}); export the model again") from None
    if backend == "rtl":
        from ffhw.backends import rtl

        return rtl.run(bundle, codes, lengths)
    if backend == "board":
        from ffhw.backends import board

        return board.run(bundle, codes, lengths, **options)
    raise InputError(f"--backend must be one of {', '.join(BACKENDS)}, not {backend!r}")


def compare(bundle: Bundle, backend: str, codes: Ints, lengths: Ints, outputs: Ints) -> None:
    """Hold a backend's outputs against the golden model's.

    Raises
    ------
    MismatchError: they differ.
    """
    expected = golden.run(bundle.network(), codes, lengths).outputs
    wrong = int((expected != outputs).sum()) if expected.shape == outputs.shape else expected.size
    if wrong:
        raise MismatchError(f"{backend} differs from the golden model in {wrong} of {expected.size} codes")
