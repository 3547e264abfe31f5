"""The plan of an engine of SR flip-flops."""

from ffhw.hdl.plan.gates import RecurrentGatesPlan

PLAN = RecurrentGatesPlan
