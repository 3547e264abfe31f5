"""Keras layers of flip-flop neurons and of what they are compared with, their initialisers and constraints."""
