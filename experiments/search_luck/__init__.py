"""How sure searches are of what they return, and how far it lies from the best, on a table of trained networks."""
