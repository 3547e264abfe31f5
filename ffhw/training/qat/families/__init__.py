"""How each family of layers runs on codes that carry gradients, one file each, named after it.

``run(layer, codes, x, lengths, rounding)`` takes the layer's arrays as codes, by name; the codes that it is given,
``[batch, time, D]`` (``[batch, D]`` behind a layer that answers once a sequence); the sequences' lengths, ``[batch]``
or None; and how numbers round. It gives codes. All of them are floats.
"""
