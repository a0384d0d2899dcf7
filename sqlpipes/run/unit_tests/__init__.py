"""Unit tests: a model over given rows, in a warehouse in memory that holds nothing else."""
