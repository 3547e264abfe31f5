"""A serial port: frames out, frames in."""

from __future__ import annotations

import contextlib
import select
import time
from typing import Any

from ffhw.boards.link.protocol import Reply, Request, Splitter
from ffhw.errors import InputError, ToolError

# Seconds for which the port may refuse what is written.
_WRITE_S = 5.0
# Seconds between two looks at a port that cannot wake us up.
_LOOK_S = 0.001
_BLOCK = 4096


class LinkError(ToolError):
    """The device does not answer, or what it answers is incomplete: nothing of it was given on."""


class Wire:
    """A serial port by name or URL, as pyserial's ``serial_for_url`` takes them.

    Parameters
    ----------
    port: ``/dev/ttyUSB1``, ``COM3``, ``socket://host:port``, ``rfc2217://host:port``.
    baud: bits a second.

    Attributes
    ----------
    damaged: frames that came with a wrong length or checksum.

    Raises
    ------
    InputError: no such port. LinkError: it cannot be opened. ToolError: pyserial is missing.
    """

    def __init__(self, port: str, baud: int) -> None:
        try:
            import serial
        except ImportError:
            raise ToolError("pyserial is missing: pip install 'ffhw[board]'") from None
        self.port = port
        self.damaged = 0
        self._failures = (OSError, serial.SerialException)
        self._splitter = Splitter()
        try:
            self._serial: Any = serial.serial_for_url(port, baudrate=baud, timeout=0, write_timeout=_WRITE_S)
        except ValueError as error:
            raise InputError(f"--port {port} is no serial port ({error})") from None
        except self._failures as error:
            reason = getattr(error, "strerror", None) or error
            raise LinkError(f"cannot open {port}: {reason}; ffhw board detect lists the ports there are") from None
        # an FTDI chip holds what it received for 16 ms unless it is told not to
        with contextlib.suppress(Exception):
            self._serial.set_low_latency_mode(True)

    def send(self, request: Request) -> None:
        """Write a frame.

        Raises
        ------
        LinkError: the port is gone, or takes nothing.
        """
        try:
            self._serial.write(request.pack())
        except self._failures as error:
            raise LinkError(f"{self.port}: cannot write: {error}") from None

    def receive(self, seconds: float) -> list[Reply]:
        """The frames that have come, as soon as there are any; none after so many seconds. Damaged ones are left out.

        Raises
        ------
        LinkError: the port is gone.
        """
        end = time.monotonic() + seconds
        while True:
            try:
                data = self._serial.read(_BLOCK)
            except self._failures as error:
                raise LinkError(f"{self.port} was closed: {error}") from None
            found = []
            for content in self._splitter.feed(data):
                reply = Reply.parse(content)
                if reply is None:
                    self.damaged += 1
                else:
                    found.append(reply)
            left = end - time.monotonic()
            if found or left <= 0:
                return found
            self._wait(left)

    def _wait(self, seconds: float) -> None:
        """Until something comes, or nothing does."""
        try:
            select.select([self._serial.fileno()], [], [], seconds)
        except (AttributeError, OSError, ValueError, TypeError):
            time.sleep(min(_LOOK_S, seconds))  # a port without a file

    def close(self) -> None:
        """Close the port."""
        # pyserial leaves a socket open whose other end has gone
        behind = getattr(self._serial, "_socket", None)
        with contextlib.suppress(Exception):
            self._serial.close()
        if behind is not None:
            behind.close()
