"""The network's C code, compiled for this processor: the quick road for one sequence at a time."""

from __future__ import annotations

import ctypes
import itertools
import shutil
from pathlib import Path

import numpy as np

from ffhw.backends.base import Backend
from ffhw.errors import InputError, ToolError
from ffhw.layers.base import Ints
from ffhw.model.golden import Result
from ffhw.model.network import Network
from ffhw.native.export import to_c
from ffhw.processes import run, scratch_folder

_DRIVER = Path(__file__).with_name("driver.c")
_FLAGS = ("-std=c99", "-O3", "-march=native", "-shared", "-fPIC")


class Native(Backend):
    """A network as a shared library, compiled when it is opened; nothing of it stays on disk."""

    name = "native"

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        ends = np.cumsum([0, *(layer.state_size for layer in network.stateful_layers)]).tolist()
        # where the states of each layer are among those of all
        self.places = [slice(*pair) for pair in itertools.pairwise(ends)]
        self.states = ends[-1]
        sizes = {"INPUTS": network.input_size, "OUTPUTS": network.output_size, "STATES": self.states}
        defines = "".join(f"#define {name} {size}\n" for name, size in sizes.items())
        self.library = _compiled(to_c(network) + defines + _DRIVER.read_text())

    def _run(self, codes: Ints, lengths: Ints, states: dict[str, Ints]) -> Result:
        network = self.network
        batch, steps, _ = codes.shape
        answers = network.rhythm.steps(steps)
        # as C reads them
        given = np.ascontiguousarray(codes, np.int32)
        counts = np.ascontiguousarray(lengths, np.int32)
        kept = np.zeros((batch, self.states), np.int32)
        for layer, place in zip(network.stateful_layers, self.places, strict=True):
            if layer.name in states:
                kept[:, place] = states[layer.name]
        outputs = np.zeros((batch, answers, network.output_size), np.int32)
        arrays = (given, counts, kept, outputs)
        if self.library.ffhw_run(batch, steps, answers, *(array.ctypes.data for array in arrays)):
            raise InputError("this network's buffers need more memory than there is")
        shaped = outputs if network.return_sequences else outputs[:, 0]
        return self._result(shaped, [kept[:, place] for place in self.places])


def _compiled(source: str) -> ctypes.CDLL:
    """The library of a C text.

    Raises
    ------
    ToolError: there is no C compiler, or it fails.
    """
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise ToolError("a C compiler is missing: apt-get install gcc")
    with scratch_folder("native") as folder:
        (folder / "network.c").write_text(source)
        done = run([compiler, *_FLAGS, "network.c", "-o", "network.so"], cwd=folder)
        if done.returncode:
            raise ToolError(f"compiling the network failed: {done.reason()}")
        library = ctypes.CDLL(str(folder / "network.so"))  # mapped: the file may go
    library.ffhw_run.argtypes = [*[ctypes.c_int64] * 3, *[ctypes.c_void_p] * 4]
    library.ffhw_run.restype = ctypes.c_int
    return library
