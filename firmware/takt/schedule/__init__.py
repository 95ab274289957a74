"""Placing instructions in time."""

from .law import flight, skew

__all__ = ["flight", "skew"]
