"""What `ffhw synth` says, with the flow replaced: the flow itself is tested with the boards."""

from __future__ import annotations

import sys

import pytest

from ffhw import cli
from ffhw.boards import flow
from ffhw.cli.console import Steps
from ffhw.errors import MismatchError
from ffhw.sim.netlist import check_netlist

RESULT = {
    "luts_per_neuron": 61.5,
    "netlist": {"equal": True, "codes": 12345},
    "differences": ["block rams: 9 predicted, 5 built (of 9 [memories] 2 are in block RAM)"],
    "utilisation": {"luts": {"used": 5, "available": 9}},
    "fmax_mhz": 50.0,
    "fmax_reliable": True,
    "cycles_per_step": 10,
    "steps_per_second": 5e6,
    "bitstream": "icebreaker.bin",
    "file": "build/results/synth-icebreaker/result.json",
}


def synth(monkeypatch, capsys, *options, result=RESULT):
    """What was printed, and the arguments of the flow."""
    seen = {}

    def synthesize(*arguments, **named):
        seen.update(named, arguments=arguments)
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(flow, "synthesize", synthesize)
    monkeypatch.setattr(sys, "argv", ["ffhw", "synth", "build", "--board", "icebreaker", *options])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    return caught.value.code, capsys.readouterr(), seen


def test_the_netlist_is_checked_and_differences_are_told(monkeypatch, capsys):
    code, printed, seen = synth(monkeypatch, capsys, "--bare")
    assert not code
    assert seen["check"] is check_netlist
    assert seen["link"] is None
    assert "netlist: 12,345 codes, all equal to the golden model's\n" in printed.out
    assert "note: block rams: 9 predicted, 5 built (of 9 [memories] 2 are in block RAM)\n" in printed.out
    assert "luts: 5 of 9\n" in printed.out
    assert "warning" not in printed.out


def test_the_link_is_the_default_and_its_clock_is_told(monkeypatch, capsys):
    result = {**RESULT, "clock_mhz": 42.0, "clock_margin": 0.16, "fmax_reliable": False}
    code, printed, seen = synth(monkeypatch, capsys, "--clock-mhz", "42", "--baud", "2000000", result=result)
    assert not code
    assert seen["link"] == flow.LinkOptions(42.0, 2_000_000)
    assert "clock: 42 MHz, 16.0% below Fmax\n" in printed.out
    assert "warning: nobody knows whether this clock is reached, only that margin was left\n" in printed.out
    assert synth(monkeypatch, capsys, result=result)[2]["link"] == flow.LinkOptions(None, 1_000_000)


def test_leaving_the_check_out_is_warned_of(monkeypatch, capsys):
    result = {**RESULT, "netlist": {"equal": None}}
    code, printed, seen = synth(monkeypatch, capsys, "--no-check", "--bare", result=result)
    assert not code
    assert seen["check"] is None
    assert printed.out.startswith("warning: the netlist is not checked: the bitstream may not compute the network\n")
    assert "all equal" not in printed.out


def test_a_netlist_that_differs_ends_in_one_line(monkeypatch, capsys):
    code, printed, _ = synth(monkeypatch, capsys, result=MismatchError("the netlist differs"))
    assert code == 3
    assert printed.err.splitlines() == ["ffhw: the netlist differs"]


def test_progress_is_told_now_and_then(capsys):
    with Steps() as steps:
        steps("placing")
        steps.note("1 s: early")
        steps._told -= 60
        steps.note("61 s: [routing]")
    assert capsys.readouterr().out == "· placing\n  61 s: [routing]\n"
