"""How a training is spread over devices: TensorFlow's strategies, by name.

Each device gets its share of each batch, and gradients are added up. Keras clips them on each device before that, so
that a training whose gradients are clipped depends a little on the number of devices.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any

from ffhw.errors import InputError, ToolError

# default: one device, the first GPU or the CPU. mirrored: all GPUs of this machine, a share of each batch on each;
# without any the CPU alone. tpu: all cores of the TPU that TPU_NAME names, or of this machine's.
STRATEGIES = ("default", "mirrored", "tpu")


def strategy(name: str) -> Any:
    """The strategy of this name; networks are made and compiled within its ``scope()``.

    Raises
    ------
    InputError: no such strategy, or a backend that has none. ToolError: no TPU.
    """
    check(name)
    import keras

    if name != "default" and keras.backend.backend() != "tensorflow":
        raise InputError(f"--strategy {name} is TensorFlow's; with KERAS_BACKEND={keras.backend.backend()} use default")
    if name == "tpu":
        return _tpu()
    if name == "mirrored":
        return _mirrored()
    return _Default()


def check(name: str) -> None:
    """Refuse what is none, before anything is loaded.

    Raises
    ------
    InputError: no such strategy.
    """
    if name not in STRATEGIES:
        raise InputError(f"--strategy must be one of {', '.join(STRATEGIES)}, not {name!r}")


class _Default:
    """Everything as it is without a strategy, on any backend."""

    num_replicas_in_sync = 1

    def scope(self) -> Any:
        return contextlib.nullcontext()


def _mirrored() -> Any:
    import tensorflow as tf

    return tf.distribute.MirroredStrategy()


def _tpu() -> Any:
    import tensorflow as tf

    name = os.environ.get("TPU_NAME", "local")
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name)
        if name != "local":
            tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, tf.errors.OpError) as error:
        reason = str(error).strip().splitlines()[0].partition(". Failed in initialization")[0][:160]
        raise ToolError(
            f"no TPU {name!r}: {reason}; --strategy tpu needs a TPU machine, or TPU_NAME, and a TensorFlow built for it"
        ) from None
    return tf.distribute.TPUStrategy(resolver)
