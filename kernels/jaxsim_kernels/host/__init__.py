"""What runs on the host beside XLA: loops in machine code over arrays of one CPU device."""
