"""Features in the files of other programs: each format as named arrays whose rows are read lazily."""
