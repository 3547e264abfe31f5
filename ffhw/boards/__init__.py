"""Boards: devices, budgets and the build flows from RTL to a bitstream."""

if __name__ != "ffhw.boards":
    # The folder is also reachable through a link at the root; imported that way its relatives would load twice.
    raise ImportError("import ffhw.boards, not boards")
