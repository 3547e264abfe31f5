"""What `ffhw train` makes of its options, without training."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from ffhw.cli import app
from ffhw.errors import InputError


@pytest.mark.parametrize(("given", "centered"), [([], None), (["--centered"], True), (["--no-centered"], False)])
def test_centered_is_the_tasks_own_where_nobody_says(monkeypatch, given, centered):
    asked = []
    monkeypatch.setattr("ffhw.cli.train._train", lambda task, output, options, **_: asked.append(options))
    assert CliRunner().invoke(app, ["train", "basic-motions", *given]).exit_code == 0
    assert [options.centered for options in asked] == [centered]


@pytest.mark.parametrize("given", [[], ["--closing-gates"]])
def test_gates_close_where_somebody_says_so(monkeypatch, given):
    asked = []
    monkeypatch.setattr("ffhw.cli.train._train", lambda task, output, options, **_: asked.append(options))
    assert CliRunner().invoke(app, ["train", "flipflop3", *given]).exit_code == 0
    assert [options.closing for options in asked] == [bool(given)]


@pytest.mark.parametrize(
    ("backend", "kept", "title"),
    [
        ("jax", None, "JAX"),
        ("tensorflow", "jax", "TensorFlow"),
        ("", "jax", "JAX"),
        ("", None, "TensorFlow"),
        ("", "torch", "PyTorch"),
    ],
)
def test_what_is_loaded_is_called_by_its_name(monkeypatch, tmp_path, backend, kept, title):
    """Where Keras looks for it: the environment, then its own file."""
    monkeypatch.setenv("KERAS_BACKEND", backend)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    if kept:
        (tmp_path / "keras.json").write_text(json.dumps({"backend": kept}))
    told = []
    monkeypatch.setattr("ffhw.cli.console.console.print", lambda text, **_: told.append(text))
    ended = CliRunner().invoke(app, ["train", "flipflop3", "--epochs", "0"])
    assert isinstance(ended.exception, InputError)
    assert told[0].endswith(f"; loading {title}")
