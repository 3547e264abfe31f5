"""Numbers: what a code means (formats), looked-up functions (tables), what gates do, the choice of scales."""
