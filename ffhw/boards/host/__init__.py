"""The host's side of the link. It needs NumPy and pyserial, and nothing else."""
