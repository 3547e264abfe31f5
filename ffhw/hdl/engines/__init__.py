"""The engines: one file a kind of layer, each with a function ``engine`` that builds it."""
