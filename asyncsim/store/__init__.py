"""Where curves are kept, so that each is computed once."""

from .curves import Store, default_home

__all__ = ["Store", "default_home"]
