"""The RTL under test: host frames, Verilated builds and batches of programs on them."""
