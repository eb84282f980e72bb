import re

import pytest

from asyncsim.cluster import Recorded, read_recording


@pytest.fixture
def read(tmp_path):
    def read(text, workers=None):
        path = tmp_path / "times.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_recording(path, workers)

    return read


def test_seconds_keep_the_order_of_their_rows(read):
    text = "worker,seconds\n1,3\n0,1.5\n0,2e-1\n1,4\n"
    assert read(text) == read(text, workers=2) == (Recorded((1.5, 0.2)), Recorded((3.0, 4.0)))


def test_stamps_are_put_in_order(read):
    assert read("worker,start,finish\n0,10,12\n0,-5,1\n1,0,0.5\n0,12,15\n") == (
        Recorded((6.0, 2.0, 3.0)),
        Recorded((0.5,)),
    )


def test_other_columns_blank_lines_spaces_and_spreadsheets_do_no_harm(read):
    text = '\ufeffhost , seconds,worker\r\n\r\na, 2 ,0\r\n"b, c",3,0\r\n  \r\n'
    assert read(text) == (Recorded((2.0, 3.0)),)
    assert read("worker,start,finish,seconds\n0,1,2,7\n") == (Recorded((7.0,)),)


def test_plain_numbers(read):
    assert read("worker,seconds\n+0,+1.5e+1\n00,.5\n0,5.\n0,1E-3\n") == (Recorded((15.0, 0.5, 5.0, 0.001)),)


def test_stamps_are_subtracted_exactly(read):
    rows = "0,1700000000.1,1700000000.2\n0,1700000000.2,1700000000.200001\n0,1e-99999999999999999999,0.1\n"
    assert read("worker,start,finish\n" + rows) == (Recorded((0.1, 0.1, 0.000001)),)
    close = "0,1700000000.00000002,1700000000.5\n0,1700000000.00000001,1700000001\n"  # equal as floats
    assert read("worker,start,finish\n" + close) == (Recorded((0.99999999, 0.49999998)),)


HEAD = "worker,seconds\n0,1.0\n1,2.0\n"
STAMPS = "worker,start,finish\n0,1.0,2.0\n"


@pytest.mark.parametrize(
    "text, line",
    [
        (HEAD + "0,-3\n", "row 4: seconds=-3 is no duration"),
        (HEAD + "0,0.0\n", "row 4: seconds=0.0 is no duration"),
        (HEAD + "0,\n", "row 4: seconds is missing"),
        (HEAD + "0\n", "row 4: seconds is missing"),
        (HEAD + ",\n", "row 4: worker is missing"),
        (HEAD + "\n0,nan\n", "row 5: seconds=nan is not finite"),
        (HEAD + "0,inf\n", "row 4: seconds=inf is not finite"),
        (HEAD + "0,1e999\n", "row 4: seconds=1e999 is not finite"),
        (HEAD + "0_1,1\n", "row 4: worker='0_1' is no worker: give an integer >= 0"),
        (HEAD + "٠,1\n", "row 4: worker='٠' is no worker"),
        (HEAD + "0,1_5\n", "row 4: seconds='1_5' is no number: give finite seconds"),
        (HEAD + "0,١\n", "row 4: seconds='١' is no number"),
        (HEAD + "0,0x1p3\n", "row 4: seconds='0x1p3' is no number"),
        (HEAD + f"{'1' * 5000},1\n", "row 4: worker='111111111111...1111111111111' is no worker"),
        (STAMPS + "1,1_0,11\n", "row 3: start='1_0' is no number"),
        (STAMPS + "1,10,1_1\n", "row 3: finish='1_1' is no number"),
        (STAMPS + f"1,1,1.{'0' * 400}1\n", "row 3: finish=1.0"),  # later by less than a float can be
        (HEAD + "0,soon\n", "row 4: seconds='soon' is no number"),
        (HEAD + "0,1,5\n", "row 4: 3 fields under a header of 2"),  # a decimal comma
        (HEAD + "one,1\n", "row 4: worker='one' is no worker"),
        (HEAD + "1.0,1\n", "row 4: worker='1.0' is no worker"),
        (HEAD + "-1,1\n", "row 4: worker=-1 is unknown: give one of 0 .. 1"),
        (HEAD + "2,1\n", "row 4: worker=2 is unknown: give one of 0 .. 1"),
        ('worker,seconds,note\n0,1,"two\nlines"\n0,-1,\n', "row 4: seconds=-1"),
        (HEAD + '0,"1\n0,2\n', "row 4: not CSV"),
        (STAMPS + "1,3.5,3.25\n", "row 3: finish=3.25 is not after start=3.5"),
        (STAMPS + "1,3.5,3.5\n", "row 3: finish=3.5 is not after start=3.5"),
        (STAMPS + "1,,3.5\n", "row 3: start is missing"),
        (STAMPS + "1,3.5\n", "row 3: finish is missing"),
        (STAMPS + "1,2024-01-01,3.5\n", "row 3: start='2024-01-01' is no number"),
        (STAMPS + "1,-1e308,1e308\n", "row 3: finish=1e308 is too far"),
        ("worker,second\n0,1\n", "row 1: no column 'seconds': did you mean 'second'?"),
        ("wrker,seconds\n0,1\n", "row 1: no column 'worker': did you mean 'wrker'?"),
        ("worker,strat,finish\n0,1,2\n", "row 1: no column 'start': did you mean 'strat'?"),
        ("worker,start,end\n0,1,2\n", "row 1: no column 'finish': known: end"),
        ("worker;seconds\n0;1\n", "row 1: no column 'worker': did you mean 'worker;seconds'?"),
        ("\n0,1\n1,2\n", "row 2: no column 'worker': known: 0, 1"),
        ("worker,seconds,seconds\n0,1,2\n", "row 1: 2 columns 'seconds'"),
        ("", "times.csv is empty"),
        ("\n \n", "times.csv is empty"),
        ("worker,seconds\n", "times.csv has no row below its header"),
        ("worker,seconds\n0,1\n", "times.csv has no row of worker 1 of 2"),
        (b"worker,seconds\n0,\xff\n", "times.csv is no text"),
    ],
)
def test_a_bad_recording_is_refused_in_one_line_with_its_row(read, text, line):
    with pytest.raises(ValueError) as error:
        read(text, workers=2)
    message = str(error.value)
    assert line in message and "\n" not in message and "times.csv" in message and len(message) < 400
    assert re.search(r": give|did you mean|known:", message), message


def test_without_workers_the_file_says_how_many_there_are(read):
    with pytest.raises(ValueError, match="has no row of worker 0, 2 of 4: give every worker"):
        read("worker,seconds\n3,1\n1,1\n")
    with pytest.raises(ValueError, match="has no row of worker 0, 1, 2, 3, 4, ... of 1000000000000"):
        read("worker,seconds\n999999999999,1\n")
    with pytest.raises(ValueError, match="worker=-1 is unknown: give an integer >= 0"):
        read("worker,seconds\n-1,1\n")


@pytest.mark.parametrize("workers", [0, -1, 1.5, True])
def test_a_bad_number_of_workers_is_named(read, workers):
    with pytest.raises(ValueError, match=f"workers={workers} is no number of workers: give"):
        read(HEAD, workers)
