"""The checks of arguments, as metrics use them; they are those of the whole package."""

from jaxsim.arguments import check_count, check_flag, check_progress

__all__ = ["check_count", "check_flag", "check_progress"]
