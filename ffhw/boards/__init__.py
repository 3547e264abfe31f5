"""Boards: devices, budgets and the build flows from RTL to a bitstream."""

if __name__ != "ffhw.boards":
    # The folder is also reachable through a link at the root; imported that way its relatives would load twice.
    raise ImportError("import ffhw.boards, not boards")


def __getattr__(name: str) -> object:
    """``Device``, the host of a board, is loaded when it is asked for."""
    if name == "Device":
        from ffhw.boards.host.device import Device

        return Device
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
