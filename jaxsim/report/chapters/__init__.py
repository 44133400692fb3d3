"""The chapters of the page, a file each."""
