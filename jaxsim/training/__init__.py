"""Training of the models that jaxsim ships: the very ports, flax and optax. Nothing else imports this room."""
