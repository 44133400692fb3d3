"""`python -m jaxsim` is `jaxsim`."""

from jaxsim.cli.entry import main

main()
