"""What a trained network has learned: each analysis is one module, a function from a network to JSON data.

:mod:`ffhw.report` draws the data; ``ffhw analyze`` does both.
"""
