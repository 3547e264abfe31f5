"""The demo, without doing what it shows: each command is given what its options are."""

from __future__ import annotations

import functools
import typing

from ffhw.cli import demo, export, report, sim, synth, train


def test_each_command_is_given_what_its_options_are(tmp_path, monkeypatch):
    called = []

    def watched(name, command):
        hints = typing.get_type_hints(command)

        @functools.wraps(command)
        def watch(*arguments, **given):
            called.append(name)
            for option, value in given.items():
                assert value is None or isinstance(value, hints[option]), f"{name}: {option}={value!r}"

        return watch

    for name, module in {"train": train, "export": export, "sim": sim, "synth": synth, "report": report}.items():
        monkeypatch.setattr(module, "run", watched(name, module.run))
    monkeypatch.setattr(demo, "_summary", lambda *_: None)
    demo.run(tmp_path / "demo", "ulx3s-85f", 8)
    assert list(dict.fromkeys(called)) == ["train", "export", "sim", "synth", "report"]
