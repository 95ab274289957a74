"""``python -m bench``: simulated cycles per second of every executor, beside a hand-written array."""
