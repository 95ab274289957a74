"""Several chips' RTL in one simulation, each with a clock of its own, and the wires between them."""
