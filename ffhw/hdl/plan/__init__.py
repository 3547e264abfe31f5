"""A design before it exists: devices, folding, cycles and resources, and the choice among them. Needs no Amaranth."""
