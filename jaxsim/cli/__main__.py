"""`python -m jaxsim.cli` is `jaxsim`."""

from jaxsim.cli.app import main

main()
