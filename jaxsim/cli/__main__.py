"""`python -m jaxsim.cli` is `jaxsim`."""

from jaxsim.cli.entry import main

main()
