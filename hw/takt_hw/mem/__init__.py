"""MEM: the chip's only memory, SRAM slices along the row."""
