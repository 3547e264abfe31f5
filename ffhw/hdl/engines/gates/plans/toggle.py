"""The plan of an engine of toggle flip-flops."""

from ffhw.hdl.plan.gates import RecurrentGatesPlan

PLAN = RecurrentGatesPlan
