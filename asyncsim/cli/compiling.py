"""How JAX compiles for commands that train: programs are kept between them, and floats have the bits asked for."""

from __future__ import annotations

import os
from pathlib import Path


def keep_compiled(x64: bool = False) -> None:
    """Let JAX keep compiled programs between runs, small ones too; not those that call back, as on MuJoCo: it cannot.

    They are in JAX_COMPILATION_CACHE_DIR, or else in the user's cache. x64: compute with floats of 64 bits, as
    JAX_ENABLE_X64 has it, too; such curves are others, with keys of their own in the store.
    """
    import jax

    if x64:
        jax.config.update("jax_enable_x64", True)
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
