"""VXM: 32-bit vector ALUs in every lane."""
