"""Fixtures that tests of several modules share."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
sys.path.insert(0, str(Path(__file__).parent))

# nohup and shells that start in the background let these be ignored, and programs inherit that; tests send them
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


LONG = ("training", "synthesis", "proof", "long")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that at the end no core waits for one of them."""
    items.sort(
        key=lambda item: min((LONG.index(mark.name) for mark in item.iter_markers() if mark.name in LONG), default=9)
    )


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20_261_122)


@pytest.fixture
def icarus() -> str:
    """The second simulator: needed in CI, skipped with a reason elsewhere."""
    if shutil.which("iverilog") is None:
        message = "Icarus is not installed: apt-get install iverilog"
        if os.environ.get("FFHW_REQUIRE_SIMULATORS"):
            pytest.fail(message)
        pytest.skip(message)
    return "icarus"


@pytest.fixture
def pytorch(request: pytest.FixtureRequest) -> None:
    """PyTorch: needed where its tests are asked for (make test-torch), skipped with a reason elsewhere."""
    if importlib.util.find_spec("torch") is None:
        message = "PyTorch is not installed: make test-torch"
        if request.config.getoption("markexpr") == "torch":
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture(scope="session")
def keras_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of small Keras models: ``classifier``, ``tracker``, ``stacked``, ``text`` (all .keras), untrained."""
    import keras

    from ffhw.training.layers.jk import JK

    folder = tmp_path_factory.mktemp("models")
    keras.utils.set_random_seed(7)
    layers = keras.layers
    models = {
        "classifier": [layers.Input((None, 4)), layers.Masking(), JK(6), layers.Dense(3, activation="softmax")],
        "tracker": [layers.Input((None, 3)), JK(5, return_sequences=True), layers.Dense(3)],
        "stacked": [
            layers.Input((None, 2)),
            JK(6, return_sequences=True),
            layers.Dropout(0.2),
            JK(4, return_sequences=True, use_bias=False),
            layers.TimeDistributed(layers.Dense(5, activation="relu")),
            layers.Dense(2),
            layers.Activation("sigmoid"),
        ],
        "text": [layers.Input((None,)), layers.Embedding(11, 4), JK(6, return_sequences=True), layers.Dense(11)],
    }
    rng = np.random.default_rng(3)
    for name, parts in models.items():
        model = keras.Sequential(parts, name=name)
        # larger weights than an untrained model has: outputs that hardly move test little
        model.set_weights([w + rng.normal(0, 0.7, w.shape) for w in model.get_weights()])
        model.save(folder / f"{name}.keras")
    return folder
