"""The link between a board and its host: what docs/link.md says, in gateware, and the numbers that both sides share."""
