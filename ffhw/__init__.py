"""ffhw: trained JK flip-flop networks, quantized, proved and placed on an FPGA.

Importing the package is instant: TensorFlow, Amaranth and the simulators are imported by the modules that need them.
"""

__version__ = "0.1.0"
