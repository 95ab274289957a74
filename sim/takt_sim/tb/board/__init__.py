"""A board's RTL in simulation, its serial line a pseudo-terminal that any program can open."""
