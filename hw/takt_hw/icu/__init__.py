"""Instruction control: one in-order queue per slice unit, and the chip's clockwork."""
