"""CSV files: what is read is what was written, and no spreadsheet takes a label for a formula."""

import pandas as pd
import pytest

from asyncsim.results.files import read_csv, write_csv


@pytest.mark.parametrize(
    "label", ["=1+1", "+A1", "-2", "@SUM(A1)", "'=x", "''-y", "'quoted'", "plain", "a=b", "-", "'"]
)
def test_labels_are_no_formulas_and_come_back(tmp_path, label):
    frame = pd.DataFrame({"method": [label, "other"], "eval_return": [-1.5, 2.0]})
    write_csv(tmp_path / "x.csv", frame)
    first = (tmp_path / "x.csv").read_text().splitlines()[1]
    assert first[0] not in "=+-@" and first.endswith(",-1.5")
    pd.testing.assert_frame_equal(read_csv(tmp_path / "x.csv"), frame)
