"""What GPUs and TPUs run in place of the CPU's forms: the same values, each strip read as few times as can be."""
