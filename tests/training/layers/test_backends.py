"""Every layer gives the same answers and learns the same step on TensorFlow, JAX and PyTorch."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ANSWERS = Path(__file__).parent / "answers.py"


def answers(backend, folder):
    target = folder / f"{backend}.npz"
    environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    run = subprocess.run([sys.executable, ANSWERS, target], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    with np.load(target) as file:
        return dict(file)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return answers("tensorflow", tmp_path_factory.mktemp("answers"))


@pytest.mark.training
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_backend_agrees_with_tensorflow(tmp_path, request, backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: pip install '{backend}'")
    reference = request.getfixturevalue("reference")
    found = answers(backend, tmp_path)
    assert found.keys() == reference.keys()
    for name, value in reference.items():
        assert found[name] == pytest.approx(value, abs=2e-5), name
    for name in [n.removesuffix(" before") for n in found if n.endswith(" before")]:
        assert not np.array_equal(found[f"{name} before"], found[f"{name} after"]), name
