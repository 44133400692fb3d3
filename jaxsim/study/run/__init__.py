"""From models and images to a measurement: settings, samples, extraction, layers, what is kept in the folder."""
