"""Test benches of other projects' masters, run inside a simulator by cocotb."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from cocotb_tools.runner import get_results, get_runner


def passes(bench, bundle, scenario, folder, monkeypatch, simulator, tests, top=None, around=""):
    """Asserts that all ``tests`` of a bench, a module beside the caller's, pass on a bundle's Verilog.

    Parameters
    ----------
    bench: path of the module. scenario: JSON data that it finds at ``FFHW_SCENARIO``.
    top: the module that is simulated, with its Verilog ``around``; the bundle's own without them.
    """
    (folder / "scenario.json").write_text(json.dumps(scenario))
    for name, content in bundle.files.items():
        if name.startswith(("rtl/", "csr/")):
            (folder / Path(name).name).write_bytes(content)
    if around:
        (folder / "around.sv").write_text(around)
    runner, work = get_runner(simulator), folder / "work"
    sources = [*folder.glob("*.sv"), *folder.glob("*.v")]
    runner.build(sources=sources, hdl_toplevel=top or bundle.top, build_dir=work, timescale=("1ns", "1ps"))
    for memory in folder.glob("*.mem"):
        (work / memory.name).write_bytes(memory.read_bytes())
    # the simulator's own Python looks where this one does
    monkeypatch.syspath_prepend(bench.parent)
    # which would end at the first bench that fails, without its log
    with contextlib.suppress(SystemExit):
        runner.test(
            hdl_toplevel=top or bundle.top,
            test_module=bench.stem,
            build_dir=work,
            test_dir=work,
            seed=1,
            results_xml=str(folder / "results.xml"),
            extra_env={"FFHW_SCENARIO": str(folder / "scenario.json")},
            log_file=folder / "log.txt",
        )
    assert get_results(folder / "results.xml") == (tests, 0), (folder / "log.txt").read_text()[-3000:]
