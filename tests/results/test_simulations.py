"""Traces are files of their own."""

import json

import pytest

from asyncsim import results


def test_save_json_is_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.json"
    results.save_json(path, {"a": 1})
    with pytest.raises(ValueError):
        results.save_json(path, {"a": float("nan")})
    assert json.loads(path.read_text()) == {"a": 1} and list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError, match="there is no directory"):
        results.save_json(tmp_path / "none" / "a.json", {})
