import hashlib
from datetime import UTC, date, datetime

import polars as pl
import pytest

from mlops_runner.data.sources import parquet

COLUMNS = {"x": {"type": "int"}, "y": {"type": "string", "role": "target"}}
DAY = date(2026, 1, 1)


@pytest.fixture
def folder(stage):
    """Write files below a folder, and run the stage on it."""
    root = stage.folder / "loans"

    def run(files, columns=COLUMNS, partitions="none", **fields):
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                content.write_parquet(path)
        source = {"kind": "parquet", "path": "loans", "partitions": partitions}
        return stage.run(stage.describe(source, columns, **fields), {"source": root})

    return run


@pytest.fixture
def scanned(monkeypatch):
    monkeypatch.setattr(parquet, "MOST_HELD", -1)


def rows(*values, **more):
    return pl.DataFrame({"x": list(values), "y": ["uv"[value % 2] for value in values], **more})


def test_files_are_read_in_the_order_of_their_names(stage, folder):
    folder({"b.parquet": rows(3, 4), "a/z.parquet": rows(2), "a.parquet": rows(1), "a/b/c.parquet": rows(0)})
    assert stage.side()["x"].to_list() == [0, 2, 1, 3, 4]


def test_hidden_files_are_passed_over(stage, folder):
    folder({"a.parquet": rows(1, 2), "_SUCCESS": b"", ".a.crc": b"crc", "_old/b.parquet": rows(3)})
    assert stage.side()["x"].to_list() == [1, 2]


def test_folder_without_files_is_refused(stage, folder):
    (found,) = stage.complaints(folder, {"_SUCCESS": b""})
    assert (found.code, found.message) == ("empty-source", "loans: holds no files")


def test_file_that_is_no_parquet_is_named(stage, folder):
    (found,) = stage.complaints(folder, {"a.parquet": rows(1), "notes.txt": b"hello, world"})
    assert found.message.startswith("loans: notes.txt: the file cannot be read as Parquet: ")


def test_name_of_a_file_is_no_pattern(stage, folder):
    folder({"[a]*.parquet": rows(1, 2), "a.parquet": rows(3)})
    assert stage.side()["x"].to_list() == [1, 2, 3]


def test_rows_are_named_by_their_file(stage, folder):
    columns = {**COLUMNS, "x": {"type": "int", "max": 2}}
    (found,) = stage.complaints(folder, {"a.parquet": rows(1, 2), "b.parquet": rows(1, 5)}, columns)
    assert found.message == 'loans: column "x": 1 row is above 2 (max): b.parquet row 2 "5"'


def test_folders_named_key_and_value_are_columns_of_text(stage, folder):
    files = {"year=2025/a.parquet": rows(1, 2), "year=2026/b.parquet": rows(3), "year=2026/a.parquet": rows(4)}
    folder(files, {"year": {"type": "int"}, **COLUMNS}, "hive")
    assert stage.side().rows() == [(2025, 1, "v"), (2025, 2, "u"), (2026, 4, "u"), (2026, 3, "v")]


def test_folder_values_are_unquoted_and_may_be_missing(stage, folder):
    files = {"city=S%C3%A3o%20Paulo/a.parquet": rows(1), "city=__HIVE_DEFAULT_PARTITION__/a.parquet": rows(2)}
    folder(files, {"city": {"type": "string", "max_missing": 1}, **COLUMNS}, "hive")
    assert stage.side()["city"].to_list() == ["São Paulo", None]


def test_folder_value_of_another_type_is_refused(stage, folder):
    files = {"year=2025/a.parquet": rows(1, 2), "year=last/b.parquet": rows(3)}
    (found,) = stage.complaints(folder, files, {"year": {"type": "int"}, **COLUMNS}, "hive")
    assert '1 value is not a whole number of 64 bits: year=last/b.parquet row 1 "last"' in found.message


def test_folders_must_be_alike(stage, folder):
    files = {"year=2025/a.parquet": rows(1), "z.parquet": rows(2)}
    (found,) = stage.complaints(folder, files, {"year": {"type": "int"}, **COLUMNS}, "hive")
    assert found.message == "loans: z.parquet: the file must lie in year=…"


def test_folder_and_column_of_one_name_are_refused(stage, folder):
    (found,) = stage.complaints(folder, {"x=1/a.parquet": rows(1)}, COLUMNS, "hive")
    assert (found.code, found.hint) == ("duplicate-column", "set partitions: none, or drop it from the files")


def test_undeclared_folders_are_complained_about(stage, folder):
    (found,) = stage.complaints(folder, {"year=2025/a.parquet": rows(1, 2)}, COLUMNS, "hive")
    assert (found.code, 'column "year"' in found.message) == ("undeclared-column", True)


def test_files_may_store_a_column_in_several_widths_and_orders(stage, folder):
    wide = rows(3).select("y", pl.col("x").cast(pl.UInt64))
    folder({"a.parquet": rows(1).cast({"x": pl.Int8}), "b.parquet": wide, "c.parquet": rows(2).cast({"x": pl.Int32})})
    assert stage.side()["x"].to_list() == [1, 3, 2]


def test_whole_number_too_large_for_64_bits_is_refused_in_mixed_files(stage, folder):
    huge = pl.DataFrame({"x": [2**63], "y": ["u"]}, schema_overrides={"x": pl.UInt64})
    (found,) = stage.complaints(folder, {"a.parquet": rows(1), "b.parquet": huge})
    assert found.message.endswith('b.parquet row 1 "9223372036854775808"')


def test_times_of_several_zones_become_utc(stage, folder):
    noon = pl.Series("t", [datetime(2026, 1, 1, 12, tzinfo=UTC)])
    files = {
        "a.parquet": rows(1).with_columns(noon.dt.convert_time_zone("Asia/Tokyo")),
        "b.parquet": rows(2).with_columns(noon.dt.replace_time_zone(None).cast(pl.Datetime("ns"))),
    }
    folder(files, {**COLUMNS, "t": {"type": "datetime"}})
    assert stage.side()["t"].to_list() == [noon.dt.replace_time_zone(None)[0]] * 2


@pytest.mark.parametrize(
    ("other", "code", "says"),
    [
        (pl.DataFrame({"x": ["7"], "y": ["u"]}), "wrong-type", 'column "x" is stored as String, declared as int'),
        (pl.DataFrame({"y": ["u"]}), "missing-column", 'column "x" is not there'),
        (rows(1, z=[1]), "undeclared-column", 'column "z" is not there in a.parquet'),
    ],
)
def test_file_that_differs_from_the_first_is_named(stage, folder, other, code, says):
    (found,) = stage.complaints(folder, {"a.parquet": rows(1), "b.parquet": other})
    assert found.code == code
    assert found.message == f"loans: b.parquet: {says}"


def test_undeclared_columns_of_later_files_are_ignored_when_asked(stage, folder):
    folder({"a.parquet": rows(1), "b.parquet": rows(2, z=[[1]])}, undeclared="ignore")
    assert stage.side()["x"].to_list() == [1, 2]


def test_many_files_that_differ_are_summed_up(stage, folder):
    files = {f"{at:03}.parquet": rows(1) if at == 0 else pl.DataFrame({"y": ["u"]}) for at in range(60)}
    found = stage.complaints(folder, files)
    assert (len(found), found[-1].message) == (21, "loans: 39 more columns of files do not fit")


SPLIT = {"kind": "random", "seed": 1, "stratify": "y"}
MANY = {
    "a.parquet": pl.DataFrame({"x": range(700), "f": [i / 7 for i in range(700)], "y": ["u", "v"] * 350}),
    "b.parquet": pl.DataFrame({"x": range(300), "f": [None, 2.5] * 150, "y": ["v", "v", "u"] * 100}),
}
THREE = {**COLUMNS, "f": {"type": "float", "max_missing": 1}}


def digests(stage):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in stage.out.iterdir()}


@pytest.mark.parametrize("cleaning", [[], [{"kind": "filter", "where": {"column": "x", "min": 10}}]])
def test_a_scan_gives_the_bytes_that_rows_in_memory_give(stage, folder, monkeypatch, cleaning):
    fields = {"split": SPLIT, "folds": {"seed": 1}, "cleaning": cleaning}
    folder(MANY, THREE, **fields)
    held = digests(stage)
    monkeypatch.setattr(parquet, "MOST_HELD", -1)
    folder(MANY, THREE, **fields)
    assert digests(stage) == held


def test_rows_of_a_scan_are_named_by_their_file_even_after_cleaning(stage, folder, scanned):
    cleaning = [{"kind": "filter", "where": {"column": "x", "min": 2}}]
    columns = {**COLUMNS, "x": {"type": "int", "max": 4}}
    files = {"a.parquet": rows(1, 2, 3), "b.parquet": rows(1, 4, 5)}
    (found,) = stage.complaints(folder, files, columns, cleaning=cleaning)
    assert found.message.endswith('b.parquet row 3 "5"')


def test_values_of_a_scan_that_do_not_fit_are_refused(stage, folder, scanned):
    files = {"a.parquet": rows(1, 2, f=[1.0, 2.0]), "b.parquet": rows(3, f=[float("nan")])}
    (found,) = stage.complaints(folder, files, THREE)
    assert found.message == 'loans: column "f": 1 value is not a finite number: b.parquet row 1 "nan"'


def test_damage_inside_a_file_is_found_where_its_rows_are_read(stage, folder, scanned):
    folder({"a.parquet": rows(1, 2), "b.parquet": rows(*range(5000))})
    damaged = stage.folder / "loans" / "b.parquet"
    raw = bytearray(damaged.read_bytes())
    raw[4:400] = b"\xff" * 396
    (found,) = stage.complaints(folder, {"b.parquet": bytes(raw)})
    assert found.code == "malformed-parquet"
    assert found.message.startswith("loans: b.parquet: the file cannot be read as Parquet: ")


@pytest.mark.parametrize("kind", [pl.List(pl.Int64), pl.Struct({"k": pl.Int64}), pl.Binary, pl.Time])
def test_type_without_counterpart_is_refused_only_when_declared(stage, folder, kind):
    frame = rows(1, 2).with_columns(pl.lit(None, kind).alias("n"))
    folder({"a.parquet": frame}, undeclared="ignore")
    (found,) = stage.complaints(folder, {"a.parquet": frame}, {**COLUMNS, "n": {"type": "string", "max_missing": 1}})
    assert (found.code, "declared as string" in found.message) == ("wrong-type", True)
