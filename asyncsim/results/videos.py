"""Films of episodes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .directories import beside
from .files import check_file


def check_video(path: Path) -> None:
    """Raises OSError where no film can be written."""
    check_file(path, ".gif", ".mp4")
    try:
        import imageio.v3  # noqa: F401

        if path.suffix == ".mp4":
            import imageio_ffmpeg  # noqa: F401
    except ImportError as error:
        raise OSError(f"{path}: {error}: pip install imageio imageio-ffmpeg, the second for .mp4 only") from None


def save_video(path: Path, frames: Sequence[np.ndarray], rate: float) -> None:
    """Write frames, (height, width, 3) each and of bytes, at so many per second; whole or not at all."""
    import imageio.v3 as imageio

    options = {"duration": 1000 / rate, "loop": 0} if path.suffix == ".gif" else {"fps": rate, "plugin": "FFMPEG"}
    new = beside(path.resolve(), f"{os.getpid()}.new{path.suffix}")
    try:
        imageio.imwrite(new, np.stack(frames), **options)
        new.replace(path.resolve())
    finally:
        new.unlink(missing_ok=True)
