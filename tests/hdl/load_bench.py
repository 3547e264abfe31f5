"""Runs inside the simulator: weights that are offered while sequences run, and sequences while weights come."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, Timer, with_timeout
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

SCENARIO = json.loads(Path(os.environ["FFHW_SCENARIO"]).read_text())
LIMIT_US = 2000
OLD, NEW = "old", "new"


class Host:
    def __init__(self, dut):
        self.dut = dut
        bus = {name: AxiStreamBus.from_prefix(dut, name) for name in ("s_axis", "s_axis_weights")}
        self.source, self.weights = (AxiStreamSource(bus[name], dut.clk, dut.rst) for name in bus)
        bus = {name: AxiStreamBus.from_prefix(dut, name) for name in ("m_axis", "m_axis_weights")}
        self.sink, self.status = (AxiStreamSink(bus[name], dut.clk, dut.rst) for name in bus)
        self.events = []

    async def start(self):
        # before the first edge: what is known of the weights outlives a reset, and so would an unknown
        self.dut.rst.value = 1
        await Timer(5, "ns")
        Clock(self.dut.clk, 10, unit="ns").start()
        await ClockCycles(self.dut.clk, 5)
        self.dut.rst.value = 0
        for name in ("s_axis", "s_axis_weights", "m_axis"):
            cocotb.start_soon(self.watch(name))

    async def watch(self, port):
        """Write down each beat that passes a port, and whether it is its frame's last."""
        valid, ready, last = (getattr(self.dut, f"{port}_t{name}") for name in ("valid", "ready", "last"))
        while True:
            await RisingEdge(self.dut.clk)
            if valid.value == ready.value == 1:
                self.events.append((port, int(last.value)))

    async def beats(self, port, count):
        """Until so many beats have passed a port."""
        for _ in range(50_000):
            if sum(event[0] == port for event in self.events) >= count:
                return
            await RisingEdge(self.dut.clk)
        raise AssertionError(f"no {count} beats pass {port}")

    async def send(self, sequence):
        await self.source.send(AxiStreamFrame(bytes(SCENARIO["sequences"][sequence])))

    async def load(self, weights):
        await self.weights.send(AxiStreamFrame(bytes(SCENARIO["images"][weights])))

    async def answered(self, sequence, weights):
        frame = await with_timeout(self.sink.recv(), LIMIT_US, "us")
        assert list(frame.tdata) == SCENARIO["expected"][weights][sequence]

    async def right(self, sequence, weights):
        await self.send(sequence)
        await self.answered(sequence, weights)

    async def loaded(self):
        await with_timeout(self.status.recv(), LIMIT_US, "us")


@cocotb.test()
async def a_load_waits_for_the_sequence_that_runs(dut):
    """Offered between two of its steps, with pauses in which the core has nothing to do."""
    host = Host(dut)
    await host.start()
    host.source.set_pause_generator(iter([0] * 2 + [1] * 400 + [0] * 10_000))
    await host.send(0)
    await host.beats("s_axis", 1)
    await host.load(NEW)
    await host.answered(0, OLD)
    await host.loaded()
    first = host.events.index(("s_axis_weights", 0))
    assert ("m_axis", 1) in host.events[:first]
    await host.right(0, NEW)


@cocotb.test()
async def a_load_waits_for_answers_that_nobody_takes(dut):
    host = Host(dut)
    await host.start()
    host.sink.pause = True
    await host.load(OLD)
    await host.loaded()
    await host.send(1)
    await host.beats("s_axis", SCENARIO["beats"][1])
    before = len(host.events)
    await host.load(NEW)
    await ClockCycles(dut.clk, 2000)
    assert host.events[before:] == []
    host.sink.pause = False
    await host.answered(1, OLD)
    await host.loaded()
    await host.right(1, NEW)


@cocotb.test()
async def a_sequence_waits_for_the_load_that_comes(dut):
    host = Host(dut)
    await host.start()
    await host.load(OLD)
    await host.beats("s_axis_weights", 3)
    await host.send(2)
    await host.loaded()
    await host.answered(2, OLD)
    ends = host.events.index(("s_axis_weights", 1))
    assert all(port == "s_axis_weights" for port, _ in host.events[:ends])
