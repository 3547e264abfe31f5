"""Numbers: what a code means (formats), the one table of the cell (sigmoid), and the choice of scales."""
