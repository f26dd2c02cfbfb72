"""A model and a loss of my own."""
