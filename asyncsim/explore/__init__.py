"""A page on which a cluster and its methods are changed by hand, and what follows is seen at once; nothing is trained.

`looking` computes what the page shows, `page` is the page, an app of marimo's, and `serving` serves it to this machine.
"""

from .looking import AS_IN_FILE, Asked, Looked, begin, look, predicted, rows_to_epsilon, updates_by_theory
from .serving import serve

__all__ = [
    "AS_IN_FILE",
    "Asked",
    "Looked",
    "begin",
    "look",
    "predicted",
    "rows_to_epsilon",
    "serve",
    "updates_by_theory",
]
