"""Every layer gives the same answers and learns the same step on TensorFlow, JAX and PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from commands import on_backend

ANSWERS = Path(__file__).parent / "answers.py"


def answers(backend, folder):
    target = folder / f"{backend}.npz"
    on_backend(backend, ANSWERS, target)
    with np.load(target) as file:
        return dict(file)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return answers("tensorflow", tmp_path_factory.mktemp("answers"))


def assert_agrees(backend, reference, folder):
    found = answers(backend, folder)
    assert found.keys() == reference.keys()
    for name, value in reference.items():
        assert found[name] == pytest.approx(value, abs=2e-5), name
    for name in [n.removesuffix(" before") for n in found if n.endswith(" before")]:
        assert not np.array_equal(found[f"{name} before"], found[f"{name} after"]), name


@pytest.mark.training
def test_jax_agrees_with_tensorflow(tmp_path, reference):
    assert_agrees("jax", reference, tmp_path)


@pytest.mark.torch
def test_pytorch_agrees_with_tensorflow(pytorch, tmp_path, reference):
    assert_agrees("torch", reference, tmp_path)
