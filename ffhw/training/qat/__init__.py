"""Training on integers: Keras layers whose forward pass is the golden model, with the gradients of floats."""
