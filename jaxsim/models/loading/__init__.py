"""From a checkpoint's files to a model: find and read them, understand the configuration, convert the weights."""
