import json

import pytest

COLUMNS = {"a": {"type": "int"}, "b": {"type": "float"}, "y": {"type": "string", "role": "target"}}


@pytest.fixture
def folder(stage):
    """Write files below a folder, and run the stage on it."""
    root = stage.folder / "loans"
    root.mkdir()

    def run(files, columns=COLUMNS, dialect=None, **fields):
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        source = {"kind": "csv", "path": "loans", **(dialect or {})}
        return stage.run(stage.describe(source, columns, **fields), {"source": root})

    return run


def test_files_are_one_table_in_the_order_of_their_names(stage, folder):
    folder({"2.csv": "a,b,y\n3,1,u\n", "1.csv": "a,b,y\n1,1,u\n2,1,v\n", "1/x.csv": "a,b,y\n0,1,v\n", "_note": "text"})
    assert stage.side()["a"].to_list() == [0, 1, 2, 3]


def test_files_may_order_their_columns_and_write_their_lines_differently(stage, folder):
    folder({"1.csv": "a,b,y\n1,2,u\n", "2.csv": b'\xef\xbb\xbfy,"a",b\r\nv,2,3\r\n'})
    assert stage.side().rows() == [(1, 2.0, "u"), (2, 3.0, "v")]


def test_files_without_a_header_follow_the_declared_columns(stage, folder):
    folder({"1.csv": "1;2;u\n", "2.csv": "2;3;v\n"}, dialect={"header": False, "delimiter": ";"})
    assert stage.side().rows() == [(1, 2.0, "u"), (2, 3.0, "v")]


def test_rows_are_named_by_the_line_of_their_file(stage, folder):
    files = {"1.csv": 'a,b,y\n1,1,"u\nu"\n2,1,v\n', "2.csv": 'a,b,y\n3,1,"u\nu"\nx,1,v\n'}
    (found,) = stage.complaints(folder, files)
    assert found.code == "wrong-value"
    assert '2.csv line 4 "x"' in found.message


def test_every_file_that_does_not_fit_is_named(stage, folder):
    files = {"1.csv": "a,b,y\n1,2,u\n", "2.csv": "a,c,y\n1,2,u\n", "3.csv": "a,b,y\n1,2\n", "4.csv": "", "5": "a;b;y\n"}
    found = stage.complaints(folder, files)
    assert [one.message for one in found] == [
        'loans: 2.csv: column "b" is declared but not there',
        'loans: 2.csv: column "c" is not declared',
        "loans: 3.csv: the header has 3 fields, 1 row not: line 2 has 2",
        "loans: 4.csv: the file is empty",
        "loans: 5: line 1 holds no ',', so the table has a single column",
    ]


def test_many_files_that_do_not_fit_are_summed_up(stage, folder):
    found = stage.complaints(folder, {f"{n:02}.csv": "a,b\n1,2\n" for n in range(30)})
    assert (len(found), found[-1].message) == (21, "loans: 10 more complaints about its files")


def test_columns_that_only_some_files_have_are_ignored_when_asked(stage, folder):
    folder({"1.csv": "a,b,y\n1,2,u\n", "2.csv": "a,b,c,y\n2,3,9,v\n"}, undeclared="ignore")
    assert stage.side().rows() == [(1, 2.0, "u"), (2, 3.0, "v")]


def test_a_folder_in_which_no_file_counts_is_refused(stage, folder):
    (found,) = stage.complaints(folder, {"_SUCCESS": ""})
    assert (found.code, found.message) == ("empty-source", "loans: holds no files")


def test_the_files_that_were_read_are_recorded(stage, folder):
    folder({"2.csv": "a,b,y\n3,1,u\n", "1.csv": "a,b,y\n1,1,u\n2,1,v\n"})
    recorded = json.loads((stage.out / "quality.json").read_text())["files"]
    assert recorded == [{"name": "1.csv", "rows": 2}, {"name": "2.csv", "rows": 1}]
    assert stage.said[0] == "read 3 rows x 3 columns from loans (2 files)"


def test_rows_that_are_divided_among_files_otherwise_are_the_same_data(stage, folder):
    folder({"1.csv": "a,b,y\n1,1,u\n2,1,v\n3,1,u\n"})
    one = stage.out.joinpath("train.parquet").read_bytes()
    folder({"1.csv": "a,b,y\n1,1,u\n", "2.csv": "a,b,y\n2,1,v\n3,1,u\n"})
    assert stage.out.joinpath("train.parquet").read_bytes() == one
