"""The plan of an engine of JK flip-flops."""

from ffhw.hdl.plan.gates import RecurrentGatesPlan

PLAN = RecurrentGatesPlan
