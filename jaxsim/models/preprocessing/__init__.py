"""From images of any size to the arrays that a model takes, as the checkpoint's processor would make them."""
