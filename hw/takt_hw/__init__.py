"""The Takt chip: its configuration, its instruction table and its RTL in Amaranth."""
