"""The parts of the link, each against what it is to compute."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from amaranth.sim import Simulator

from ffhw.boards.link.frame_memory import FrameMemory
from ffhw.boards.link.link import Link
from ffhw.boards.link.ports import Port, check_ports
from ffhw.boards.link.uart import UartReceiver, UartTransmitter
from ffhw.hdl.datapath.crc32 import Crc32


def simulate(component, *benches):
    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    for bench, background in benches:
        simulator.add_testbench(bench, background=background)
    simulator.run()


def test_crc_is_that_of_zlib(rng):
    crc = Crc32()

    async def bench(ctx):
        for size in (0, 1, 9, 30):
            content = bytes(rng.integers(0, 256, size).astype(np.uint8))
            ctx.set(crc.clear, 1)
            await ctx.tick()
            ctx.set(crc.clear, 0)
            checksum = zlib.crc32(content).to_bytes(4, "little")
            for number, byte in enumerate(content + checksum):
                if number == size:
                    assert ctx.get(crc.value) == zlib.crc32(content)
                ctx.set(crc.data, byte)
                ctx.set(crc.valid, 1)
                await ctx.tick()
                ctx.set(crc.valid, 0)
                assert ctx.get(crc.busy)
                await ctx.tick().repeat(8)
                assert not ctx.get(crc.busy)
            assert ctx.get(crc.sound)
            ctx.set(crc.data, 1)
            ctx.set(crc.valid, 1)
            await ctx.tick()
            ctx.set(crc.valid, 0)
            await ctx.tick().repeat(8)
            assert not ctx.get(crc.sound)

    simulate(crc, (bench, False))


@pytest.mark.parametrize("cycles", [8, 24, 37])
@pytest.mark.parametrize("skew", [-0.03, 0.0, 0.03])
def test_the_receiver_bears_another_clock(cycles, skew, rng):
    """A sender whose bit is 3 % longer or shorter, at any phase; then a byte whose stop bit is missing, and a spike."""
    uart, got = UartReceiver(cycles=cycles), []
    sent = [int(byte) for byte in rng.integers(0, 256, 12)]
    bits = [b for byte in sent for b in (0, *((byte >> n) & 1 for n in range(8)), 1)]
    # a byte without a stop bit; a line that rests; a spike of one cycle
    bits += [0, 1, 0, 1, 0, 1, 0, 1, 0, 0] + [1] * 12
    edges = np.arange(len(bits) + 1) * cycles * (1 + skew) + rng.random() * cycles

    async def drive(ctx):
        for cycle in range(int(edges[-1])):
            at = int(np.searchsorted(edges, cycle, side="right")) - 1
            ctx.set(uart.rx, bits[at] if 0 <= at < len(bits) else 1)
            await ctx.tick()
        ctx.set(uart.rx, 0)
        await ctx.tick()
        ctx.set(uart.rx, 1)
        await ctx.tick().repeat(12 * cycles)

    async def watch(ctx):
        async for _, _, valid, data in ctx.tick().sample(uart.valid, uart.data):
            if valid:
                got.append(data)

    simulate(uart, (drive, False), (watch, True))
    assert got == sent


def test_the_transmitter_keeps_its_pace(rng):
    uart, line = UartTransmitter(cycles=9), []
    sent = [int(byte) for byte in rng.integers(0, 256, 5)]

    async def drive(ctx):
        for byte in sent:
            ctx.set(uart.i.payload, byte)
            ctx.set(uart.i.valid, 1)
            await ctx.tick().until(uart.i.ready)
        ctx.set(uart.i.valid, 0)
        await ctx.tick().repeat(100)

    async def watch(ctx):
        async for _, _, tx in ctx.tick().sample(uart.tx):
            line.append(tx)

    simulate(uart, (drive, False), (watch, True))
    text = "".join(map(str, line)).lstrip("1")
    for byte in sent:
        bits = [0, *((byte >> n) & 1 for n in range(8)), 1]
        assert text.startswith("".join(str(b) * 9 for b in bits))
        text = text[90:].lstrip("1") if byte is sent[-1] else text[91:]
    assert set(text) <= {"1"}


def test_the_memory_keeps_and_forgets(rng):
    """Against a list: bytes are seen once they count, never before, in order; those that are forgotten never."""
    depth = 16
    dut, model, pending, got = FrameMemory(depth=depth), [], [], []
    lost = 0

    async def bench(ctx):
        nonlocal lost
        for _ in range(3000):
            write, what = rng.random() < 0.6, rng.random()
            keep, forget = what < 0.1, 0.1 <= what < 0.2
            byte = int(rng.integers(0, 256))
            # a frame's end comes in another cycle than its bytes
            write = write and not keep and not forget
            ctx.set(dut.write, write)
            ctx.set(dut.data, byte)
            ctx.set(dut.keep, keep)
            ctx.set(dut.forget, forget)
            ctx.set(dut.o.ready, int(rng.random() < 0.4))
            _, _, full, valid, ready, out = await ctx.tick().sample(dut.full, dut.o.valid, dut.o.ready, dut.o.payload)
            if write and not full:
                pending.append(byte)
            lost += write and full
            if keep:
                model.extend(pending)
            if keep or forget:
                pending.clear()
            if valid and ready:
                got.append(out)
                assert got == model[: len(got)]

    simulate(dut, (bench, False))
    assert len(got) > 200
    assert lost > 10
    assert len(model) - len(got) <= depth + 1


def test_what_no_link_can_be_built_of():
    wide = [Port("s_axis", True, 8 * 241, 1), Port("m_axis", False, 8, 1)]
    with pytest.raises(ValueError, match=r"^a beat must have at most 240 bytes, s_axis has 241$"):
        check_ports(wide)
    many = [Port(f"m_{n}", False, 8, 1) for n in range(16)]
    with pytest.raises(ValueError, match=r"^there must be at most 15 ports each way, not 16 together$"):
        check_ports(many)
    with pytest.raises(ValueError, match=r"^identity must be pages of 128 bytes, not 5 bytes$"):
        Link(ports=[], cycles=8, memory_bytes=512, identity=b"12345")
    with pytest.raises(ValueError, match=r"^cycles must be an integer of at least 8, not 7$"):
        UartReceiver(cycles=7)
    with pytest.raises(ValueError, match=r"^depth must be a power of two of at least 2, not 12$"):
        FrameMemory(depth=12)
