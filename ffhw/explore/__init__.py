"""Exploring what a trained model could be on a board: widths and foldings, estimated or built, and the best of them."""
