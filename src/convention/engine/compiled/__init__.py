"""The direct method in compiled loops: LLVM tiles, the loops around them, and how a job becomes their tables."""
