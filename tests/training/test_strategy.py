"""Strategies by name, what a machine without such devices says, and a training spread over two devices."""

from __future__ import annotations

import json
import subprocess
import sys

import keras
import pytest

from ffhw.errors import InputError, ToolError
from ffhw.training import strategy as module
from ffhw.training.strategy import strategy

# Two CPUs made of one stand for two GPUs. A process for each mirrored training: devices are fixed once TensorFlow has
# begun, and what devices exchange is numbered through a process, not through a training.
TWO = """
import dataclasses, sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

from ffhw.training import strategy
from ffhw.training.train import train

strategy._mirrored = lambda: tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
"""
BOTH = """
from ffhw.training.tasks import TASKS, TaskData

x, y = (np.random.default_rng(0).random((8, 5, 3), np.float32) for _ in range(2))
few = dataclasses.replace(TASKS["flipflop3"], load=lambda seed: TaskData(x, y, x, y, np.full(8, 5)))
# Keras clips gradients on each device before it adds them up: without that, both trainings are one
type(few).compile = lambda task, model, *_: model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=False)
for name in ("default", "mirrored"):
    train(few, Path(sys.argv[1]) / f"{name}.keras", epochs=2, strategy=name)
"""
INTEGERS = """
from ffhw.numbers.scales import Widths
from ffhw.training.qat.train import Stages
from ffhw.training.tasks.signal import TASK as SIGNAL
from ffhw.training.tasks.signal import SignalPreset

sizes = SignalPreset("waves", 4, 2, 4, 1e-2, cosine=True, signals=5, steps=6)
stages = Stages.towards(Widths(4), epochs=1)
train(SIGNAL, Path(sys.argv[1]) / "integers.keras", preset=sizes, strategy="mirrored", stages=stages)
"""


def test_one_device_needs_no_scope():
    with strategy("default").scope():
        assert keras.layers.Dense(1) is not None
    assert strategy("default").num_replicas_in_sync == 1


def test_what_is_no_strategy_is_refused(monkeypatch):
    with pytest.raises(InputError, match=r"^--strategy must be one of default, mirrored, tpu, not 'gpu'$"):
        strategy("gpu")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(InputError, match=r"^--strategy mirrored is TensorFlow's; with KERAS_BACKEND=jax use default$"):
        strategy("mirrored")
    assert strategy("default").num_replicas_in_sync == 1


def test_a_machine_without_a_tpu_says_so_in_one_line(monkeypatch):
    monkeypatch.delenv("TPU_NAME", raising=False)
    with pytest.raises(ToolError, match=r"^no TPU 'local': TPUs not found in the cluster; --strategy tpu needs .*$"):
        strategy("tpu")
    assert module.STRATEGIES == ("default", "mirrored", "tpu")


def on_two(script, folder):
    run = subprocess.run([sys.executable, "-c", TWO + script, str(folder)], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr[-2000:]


@pytest.mark.long
def test_two_devices_learn_what_one_learns(tmp_path):
    on_two(BOTH, tmp_path)
    one, two = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("default", "mirrored"))
    assert (one["replicas"], two["strategy"], two["replicas"]) == (1, "mirrored", 2)
    # the same gradients, but for the order of sums
    assert two["history"]["loss"] == pytest.approx(one["history"]["loss"], rel=1e-5)
    assert two["test"] == pytest.approx(one["test"], rel=1e-5)


@pytest.mark.long
def test_integers_are_trained_on_behind_two_devices(tmp_path):
    """The task keeps checkpoints, that of the float training among them."""
    on_two(INTEGERS, tmp_path)
    integers = json.loads((tmp_path / "integers.json").read_text())
    assert (integers["replicas"], len(integers["qat"])) == (2, 1)
