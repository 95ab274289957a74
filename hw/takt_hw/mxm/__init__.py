"""MXM: planes of int8 multiply-accumulators with double-buffered weights."""
