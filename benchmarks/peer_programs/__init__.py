"""What other software does with the same layers. The workers run in environments that do not have jaxsim."""
