"""What `ffhw train` makes of its options, without training."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from ffhw.cli import app


@pytest.mark.parametrize(("given", "centered"), [([], None), (["--centered"], True), (["--no-centered"], False)])
def test_centered_is_the_tasks_own_where_nobody_says(monkeypatch, given, centered):
    asked = []
    monkeypatch.setattr("ffhw.cli.train._train", lambda task, output, options, **_: asked.append(options))
    assert CliRunner().invoke(app, ["train", "basic-motions", *given]).exit_code == 0
    assert [options.centered for options in asked] == [centered]
