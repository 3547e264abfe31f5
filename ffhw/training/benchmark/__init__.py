"""The paper's hardware benchmark: time and memory of training four networks, on whatever devices are there."""
