"""`ffhw export --software`: the network as files for other software, the integer ones checked before they are written.

saved_model/   TensorFlow, any batch and time
model.tflite   TensorFlow Lite, its own operators, one sequence at a time
network.c      C99, a step at a time; its head says how it is used
float.onnx     what was trained, in floats
software.json  what each file is, and why one is not there
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ffhw.backends.base import Backend
from ffhw.backends.run import check_equal
from ffhw.bundle import Bundle
from ffhw.errors import InputError, ToolError
from ffhw.layers import NoRule
from ffhw.layers.base import Ints
from ffhw.model import golden
from ffhw.model.floatnet import FloatNetwork
from ffhw.model.golden import Result
from ffhw.model.network import Network
from ffhw.native.export import to_c
from ffhw.onnx.floats.export import to_float_onnx
from ffhw.processes import scratch_folder

FOLDER = "software"
# Sequences of the test vectors that each file must answer as the golden model does.
_CHECKED = 8


def write_software(
    bundle: Bundle, trained: FloatNetwork, step: Callable[[str], None] = lambda _: None
) -> dict[str, str]:
    """Write ``results/software/`` of a bundle; what each file is, or why it is not there, by name.

    Parameters
    ----------
    trained: the network that the bundle was made of.
    step: called with a line on what is being done.

    Raises
    ------
    ToolError: TensorFlow is missing. MismatchError: a file does not answer as the golden model does.
    """
    try:
        from ffhw.backends.lite import Lite, to_lite
    except ImportError:
        raise ToolError("--software needs TensorFlow: pip install 'ffhw[train]'") from None
    network = bundle.network()
    files: dict[str, bytes | str] = {}
    told: dict[str, str] = {}

    def write(name: str, what: str, make: Callable[[], bytes | str]) -> None:
        try:
            files[name], told[name] = make(), what
        except NoRule as error:
            told[name] = f"not written: {error}"

    c = f"C99, integers of {network.integer_bits} bits; ffhw run --backend native compiles it"
    write("network.c", c, lambda: to_c(network))
    if trained.settled:
        told["float.onnx"] = "not written: this network was trained on integers, model.onnx of the bundle is it"
    else:
        floats = "ONNX, the trained network in floats of 32 bits, sequences of one length"
        write("float.onnx", floats, lambda: to_float_onnx(trained).SerializeToString())
    step("writing the TensorFlow SavedModel")
    with scratch_folder("software") as folder:
        save_tensorflow(network, folder / "saved_model")
        _check(bundle, "saved_model", SavedModel(network, folder / "saved_model"))
        saved = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        files |= {str(path.relative_to(folder)): path.read_bytes() for path in saved}
    told["saved_model"] = f"TensorFlow, integers of {network.integer_bits} bits, any batch and time"
    step("writing the TensorFlow Lite model")
    try:
        files["model.tflite"] = lite = to_lite(network)
    except InputError as error:
        told["model.tflite"] = f"not written: {error}"
    else:
        _check(bundle, "model.tflite", Lite(network, lite))
        told["model.tflite"] = "TensorFlow Lite, exact sums of floats and integers of 32 bits, one sequence at a time"
    files["software.json"] = json.dumps(told, indent=2) + "\n"
    bundle.add_folder(FOLDER, files)
    return told


def save_tensorflow(network: Network, folder: Path) -> None:
    """Write a SavedModel whose signature takes ``codes``, ``lengths``, ``state_0``, ... and gives ``outputs``,
    ``final_0``, ..., the states in the order of the layers that have one.
    """
    from ffhw.backends.tensorflow_runtime import TensorFlow, tf

    backend = TensorFlow(network)

    def named(*given: Any) -> dict[str, Any]:
        outputs, *final = backend.function(*given)
        return {"outputs": outputs, **{f"final_{number}": state for number, state in enumerate(final)}}

    module = tf.Module()
    module.run = tf.function(named, input_signature=backend.signature, autograph=False)
    tf.saved_model.save(module, str(folder), signatures=module.run)


class SavedModel(Backend):
    """A folder of :func:`save_tensorflow`, loaded by TensorFlow."""

    name = "saved_model"

    def __init__(self, network: Network, folder: Path) -> None:
        from ffhw.backends.tensorflow_runtime import tf

        super().__init__(network)
        self.tf = tf
        self.loaded = tf.saved_model.load(str(folder))
        self.call = self.loaded.signatures["serving_default"]

    def _run(self, codes: Ints, lengths: Ints, states: dict[str, Ints]) -> Result:
        starts = {f"state_{number}": state for number, state in enumerate(self._starts(states, len(codes)))}
        arrays = {"codes": codes, "lengths": lengths, **starts}
        given = {name: self.tf.constant(array, self.tf.int32) for name, array in arrays.items()}
        found = self.call(**given)
        return self._result(found["outputs"], (found[f"final_{number}"] for number in range(len(starts))))


def _check(bundle: Bundle, name: str, backend: Backend) -> None:
    vectors = bundle.vectors()
    codes, lengths = vectors["codes"][:_CHECKED], vectors["lengths"][:_CHECKED]
    check_equal(name, backend.run(codes, lengths).outputs, golden.run(backend.network, codes, lengths).outputs)
