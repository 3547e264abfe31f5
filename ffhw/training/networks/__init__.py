"""Networks of the tasks: recurrent layers by the name of their cell, and the chains that are built of them."""
