"""Runs inside the simulator: the register block with its core, spoken to by another project's AXI masters."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, with_timeout
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

SCENARIO = json.loads(Path(os.environ["FFHW_SCENARIO"]).read_text())
AT = {register["name"]: register["address"] for register in SCENARIO["registers"]}
ENABLE, RESET = 1, 2
LIMIT_US = 500


class Host:
    def __init__(self, dut):
        self.dut = dut
        self.bus = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "in"), dut.clk, dut.rst)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.clk, dut.rst)

    async def start(self):
        Clock(self.dut.clk, 10, unit="ns").start()
        await self.reset()

    async def reset(self):
        self.dut.rst.value = 1
        await ClockCycles(self.dut.clk, 5)
        self.dut.rst.value = 0
        await ClockCycles(self.dut.clk, 2)

    async def read(self, name):
        found = await with_timeout(self.bus.read(AT[name], 4), LIMIT_US, "us")
        assert int(found.resp) == 0
        return int.from_bytes(found.data, "little")

    async def write(self, name, value):
        done = await with_timeout(self.bus.write(AT[name], value.to_bytes(4, "little")), LIMIT_US, "us")
        assert int(done.resp) == 0

    async def send(self, sequence):
        await self.source.send(AxiStreamFrame(bytes(SCENARIO["sequences"][sequence])))

    async def answered(self, sequence):
        frame = await with_timeout(self.sink.recv(), LIMIT_US, "us")
        assert list(frame.tdata) == SCENARIO["expected"][sequence]

    async def until_beats(self, count):
        for _ in range(200):
            if await self.read("beats_in") >= count:
                return
        raise AssertionError("no beat passes")


@cocotb.test()
async def identity_and_errors(dut):
    host = Host(dut)
    await host.start()
    for name, value in SCENARIO["values"].items():
        assert await host.read(name) == value
    assert await host.read("id") == int.from_bytes(b"FFHW", "little")
    assert await host.read("map") == 1
    # no register, and one that cannot be written
    assert int((await host.bus.read(0x7C, 4)).resp) == 2
    assert int((await host.bus.write(0x7C, bytes(4))).resp) == 2
    assert int((await host.bus.write(AT["id"], bytes(4))).resp) == 2
    assert await host.read("id") == int.from_bytes(b"FFHW", "little")


@cocotb.test()
async def sequences_run_while_enabled(dut):
    host = Host(dut)
    await host.start()
    await host.send(0)
    await ClockCycles(dut.clk, 300)
    assert (await host.read("beats_in"), await host.read("status")) == (0, 0)
    assert host.sink.empty()
    await host.write("control", ENABLE)
    assert await host.read("control") == ENABLE
    await host.answered(0)
    for sequence in range(1, len(SCENARIO["sequences"])):
        await host.send(sequence)
        await host.answered(sequence)
    count = len(SCENARIO["sequences"])
    assert [await host.read(f"sequences_{way}") for way in ("in", "out")] == [count, count]
    beats = sum(map(len, SCENARIO["sequences"])) // SCENARIO["in_bytes"]
    answers = sum(map(len, SCENARIO["expected"])) // SCENARIO["out_bytes"]
    assert [await host.read(f"beats_{way}") for way in ("in", "out")] == [beats, answers]
    assert 0 < await host.read("cycles_waiting") < await host.read("cycles_busy")
    assert await host.read("status") == 0
    await host.write("clear", 0)
    assert await host.read("beats_in") == await host.read("cycles_busy") == 0


@cocotb.test()
async def the_gate_cuts_no_sequence(dut):
    """Under pauses of all streams and of the bus; disabled within a sequence, which is finished, and the next waits."""
    host = Host(dut)
    await host.start()
    host.source.set_pause_generator(itertools.cycle([0, 1, 1, 0, 1]))
    host.sink.set_pause_generator(itertools.cycle([1, 0, 0]))
    host.bus.write_if.w_channel.set_pause_generator(itertools.cycle([1, 1, 0]))
    host.bus.read_if.r_channel.set_pause_generator(itertools.cycle([1, 0, 1]))
    await host.write("control", ENABLE)
    await host.send(0)
    await host.send(1)
    await host.until_beats(2)
    await host.write("control", 0)
    await host.answered(0)
    await ClockCycles(dut.clk, 1000)
    assert await host.read("sequences_in") == 1
    assert host.sink.empty()
    await host.write("control", ENABLE)
    await host.answered(1)
    assert await host.read("cycles_stalled") > 0


@cocotb.test()
async def a_reset_forgets_what_is_under_way(dut):
    host = Host(dut)
    await host.start()
    await host.write("control", ENABLE)
    await host.send(0)
    await host.until_beats(2)
    assert await host.read("status") & 1
    await host.write("control", RESET)
    await ClockCycles(dut.clk, 5)
    assert await host.read("status") == 0
    # so that source and sink forget as well
    await host.reset()
    host.source.clear()
    host.sink.clear()
    await host.write("control", ENABLE)
    await host.send(1)
    await host.answered(1)
