"""Coefficients of the transcendental functions, and how far their results are from the truth."""
