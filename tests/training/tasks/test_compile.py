"""Training steps are compiled where a backend would run them operation by operation without."""

from __future__ import annotations

import json

import pytest
from commands import on_backend

from ffhw.training.tasks import TASKS

SCRIPT = """
import json
import keras
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks import TASKS

found = {}
for name, task in TASKS.items():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    task.compile(model, task.preset(RecurrentOptions()), 10)
    found[name] = bool(model.jit_compile)
print(json.dumps(found))
"""


@pytest.mark.parametrize(("backend", "compiled"), [("jax", True), ("tensorflow", False)])
def test_a_step_goes_through_xla_on_jax_only(backend, compiled):
    found = json.loads(on_backend(backend, "-c", SCRIPT).splitlines()[-1])
    assert found == dict.fromkeys(TASKS, compiled)
