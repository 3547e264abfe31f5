"""The plans of engines: one file a kind of layer, each with the class ``PLAN``. Needs no Amaranth."""
