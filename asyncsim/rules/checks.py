"""The check of arguments that rules share."""


def positive_integer(key: str, value: object) -> None:
    """Raises ValueError, which names the key, for anything but an integer >= 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{key}={value!r} is no number of gradients: give an integer >= 1")
