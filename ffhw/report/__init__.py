"""Figures and the one-page report, made from the bundle's JSON and from nothing else."""
