"""Compiled programs are kept between commands."""

from __future__ import annotations

import os
from pathlib import Path


def keep_compiled() -> None:
    """Let JAX keep compiled programs between runs, small ones too; not those that call back, as on MuJoCo: it cannot.

    They are in JAX_COMPILATION_CACHE_DIR, or else in the user's cache.
    """
    import jax

    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # a user without a home
        return
    for key, value in (
        ("jax_compilation_cache_dir", str(home / "asyncsim" / "compiled")),
        ("jax_persistent_cache_min_compile_time_secs", 0.0),
        ("jax_persistent_cache_min_entry_size_bytes", -1),
    ):
        if key.upper() not in os.environ:
            jax.config.update(key, value)
