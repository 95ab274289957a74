"""SXM: moves lanes, within a superlane and across all of them."""
