"""Weights that are sent to a device, and what it says of those that it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ffhw.boards.host.session import Session
from ffhw.boards.host.wire import LinkError
from ffhw.boards.identity import Identity
from ffhw.boards.link.protocol import MOST_PAYLOAD
from ffhw.boards.weights import ASK, BUILT_IN, LOADED, Status, checksum, hardware_of, image_of


def exchange(
    session: Session, identity: Identity, content: bytes, progress: Callable[[int, int], None] | None = None
) -> Status:
    """Send a packet to the port of the weights, the last one; the status that answers it.

    progress: told how many bytes of how many are sent.

    Raises
    ------
    LinkError: the device fails.
    """
    port = 1 + len(identity.states)
    for start in range(0, len(content), MOST_PAYLOAD):
        part = content[start : start + MOST_PAYLOAD]
        session.put(port, part, start + len(part) == len(content))
        if progress is not None:
            progress(start + len(part), len(content))
    answer = session.get()
    assert answer is not None
    if answer.port != port or not answer.last:
        raise LinkError(f"an answer of port {answer.port} is not one to what was sent")
    return Status.parse(answer.payload)


def bundle_on(session: Session, identity: Identity, expected: Any) -> str:
    """Digest of the bundle that a device computes, some other text where that is not known.

    Parameters
    ----------
    expected: the bundle whose weights may have been sent to it.
    """
    if identity.weights is None:
        return identity.bundle
    status = exchange(session, identity, bytes([ASK]))
    if status.kind == BUILT_IN:
        return identity.bundle
    known = hasattr(expected, "files") and hardware_of(expected) == identity.weights["hardware"]
    if known and status == Status(checksum(image_of(expected)), LOADED):
        return str(expected.identity)
    return f"?{status.checksum:08x}" if status.kind == LOADED else "of no weights"
