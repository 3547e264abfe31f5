"""Engines of gates: each unit has logic of its own, weights are wires, a step takes a cycle. One file a kind."""
