"""`box://` in the tools that people use it with, each the real one, on the emulator."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import fsspec
import pytest
import test_docs

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
REASON = "the tools that box:// is tried with: pip install -e '.[interop]'"

pandas = pytest.importorskip("pandas", reason=REASON)
pyarrow = pytest.importorskip("pyarrow", reason=REASON)


workplace = test_docs.workplace


@pytest.fixture
def frame():
    """A table of 30,000 rows with a column to part it by."""
    count = 30_000
    return pandas.DataFrame(
        {
            "line": [f"line-{number % 3}" for number in range(count)],
            "number": range(count),
            "temperature": [20 + number % 70 / 7 for number in range(count)],
        }
    )


def test_pandas_csv(fs, frame):
    frame.to_csv("box://Maintenance/x.csv", index=False)
    pandas.testing.assert_frame_equal(pandas.read_csv("box://Maintenance/x.csv"), frame)
    frame.to_csv("box://Maintenance/x.csv.gz", index=False)
    pandas.testing.assert_frame_equal(pandas.read_csv("box://Maintenance/x.csv.gz"), frame)
    version = fs.info("/Maintenance/x.csv")["version"]
    frame[:5].to_csv("box://Maintenance/x.csv", index=False)
    assert len(pandas.read_csv("box:///Maintenance/x.csv")) == 5
    assert len(pandas.read_csv(f"box:///Maintenance/x.csv?version={version}")) == len(frame)
    assert sum(map(len, pandas.read_csv(f"box:///Maintenance/x.csv?version={version}", chunksize=7_000))) == len(frame)


def test_pandas_takes_settings_as_storage_options(fs, frame):
    fs.mkdir("/below")
    frame.to_csv("box:///x.csv", index=False, storage_options={"root_folder": fs.info("/below")["id"]})
    assert fs.find("/") == ["/below/x.csv"]


def test_a_frame_that_fails_on_its_way_leaves_no_file(fs, frame):
    class Unprintable:
        def __str__(self):
            raise RuntimeError("no text")

    broken = frame.assign(bad=[Unprintable() if number == 20_000 else 0 for number in range(len(frame))])
    with pytest.warns(UserWarning, match="nothing of it was written"), pytest.raises(RuntimeError, match="no text"):
        broken.to_csv("box:///x.csv")
    assert not fs.exists("/x.csv")


def test_pandas_parquet(fs, frame):
    frame.to_parquet("box://Maintenance/x.parquet")
    pandas.testing.assert_frame_equal(pandas.read_parquet("box://Maintenance/x.parquet"), frame)
    some = pandas.read_parquet("box://Maintenance/x.parquet", columns=["number"], filters=[("number", "<", 3)])
    assert list(some["number"]) == [0, 1, 2]


def test_pyarrow_datasets(fs, frame, box):
    from pyarrow import dataset

    table = pyarrow.Table.from_pandas(frame)
    dataset.write_dataset(table, "/data", filesystem=fs, format="parquet", partitioning=["line"])
    assert fs.glob("/data/*/*.parquet") == [f"/data/line-{number}/part-0.parquet" for number in range(3)]
    fs.invalidate_cache()
    read = dataset.dataset("/data", filesystem=fs, partitioning=["line"])
    assert read.count_rows() == len(frame)
    one = read.to_table(columns=["number"], filter=dataset.field("line") == "line-1")
    assert one["number"].to_pylist() == [number for number in range(len(frame)) if number % 3 == 1]
    dataset.write_dataset(
        table[:3],
        "/data",
        filesystem=fs,
        format="parquet",
        existing_data_behavior="delete_matching",
        partitioning=["line"],
    )
    assert dataset.dataset("/data", filesystem=fs, partitioning=["line"]).count_rows() == 3


def test_parquet_by_the_parts_that_are_wanted(fs, frame):
    frame.to_parquet("box:///x.parquet", row_group_size=5_000)
    from fsspec.parquet import open_parquet_file

    with open_parquet_file("/x.parquet", fs=fs, columns=["number"], engine="pyarrow") as file:
        assert pandas.read_parquet(file, columns=["number"])["number"].sum() == frame["number"].sum()


def test_duckdb(fs, frame):
    duckdb = pytest.importorskip("duckdb", reason=REASON)
    frame.to_parquet("box:///x.parquet")
    frame[:3].to_csv("box:///parts/1.csv", index=False)
    frame[3:5].to_csv("box:///parts/2.csv", index=False)
    with duckdb.connect() as connection:
        connection.register_filesystem(fs)
        question = "SELECT line, count(*) FROM 'box:///x.parquet' WHERE number < 10 GROUP BY line ORDER BY line"
        assert connection.execute(question).fetchall() == [("line-0", 4), ("line-1", 3), ("line-2", 3)]
        assert connection.execute("SELECT sum(number) FROM read_csv('box:///parts/*.csv')").fetchone() == (10,)
        connection.execute("COPY (SELECT 42 AS answer) TO 'box:///answer.csv' (HEADER)")
        assert fs.cat_file("/answer.csv") == b"answer\n42\n"
        connection.execute("COPY (SELECT 42 AS answer) TO 'box:///answer.parquet' (FORMAT parquet)")
        assert pandas.read_parquet("box:///answer.parquet")["answer"].tolist() == [42]


@pytest.fixture
def cluster(fs, box_environment):
    """A client of two worker processes, which have the environment and no more."""
    distributed = pytest.importorskip("distributed", reason=REASON)
    # the workers are spawned, so that they begin with this process's environment and nothing else of it
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=2, processes=True, dashboard_address=":0") as local,
        distributed.Client(local) as client,
    ):
        yield client


def test_dask_frames_on_a_cluster_of_two_processes(fs, frame, cluster):
    frames = pytest.importorskip("dask.dataframe", reason=REASON)
    parted = frames.from_pandas(frame, npartitions=4)
    parted.to_parquet("box:///dask/parquet")
    read = frames.read_parquet("box:///dask/parquet")
    assert read["number"].sum().compute() == frame["number"].sum()
    parted.to_csv("box:///dask/csv/*.csv", index=False)
    assert len(fs.glob("/dask/csv/*.csv")) == 4
    lines = frames.read_csv("box:///dask/csv/*.csv", blocksize=100_000)
    assert lines.npartitions > 4
    assert lines.groupby("line")["number"].max().compute().to_dict() == frame.groupby("line")["number"].max().to_dict()
    assert len(set(cluster.run(os.getpid).values())) == 2


def test_a_file_system_goes_to_the_workers_as_its_settings(fs, cluster):
    fs.pipe_file("/x.txt", b"abc")

    def read(own):
        return own.cat_file("/x.txt"), os.getpid()

    (content, there) = cluster.submit(read, fs).result()
    assert content == b"abc"
    assert there != os.getpid()


def test_a_zarr_array(fs):
    zarr = pytest.importorskip("zarr", reason=REASON)
    numpy = pytest.importorskip("numpy", reason=REASON)
    values = numpy.arange(40_000).reshape(200, 200)
    array = zarr.open("box:///array.zarr", mode="w", shape=values.shape, chunks=(50, 100), dtype=values.dtype)
    array[:] = values
    array[3:60, 90:110] = -1
    values[3:60, 90:110] = -1
    read = zarr.open("box:///array.zarr", mode="r")
    assert numpy.array_equal(read[:], values)
    assert numpy.array_equal(read[10:20, 95:105], values[10:20, 95:105])
    assert fs.exists("/array.zarr/zarr.json")


def test_a_file_can_be_cached_on_the_local_disk(fs, tmp_path, box):
    fs.pipe_file("/x.txt", b"abc")
    options = {"cache_storage": str(tmp_path), "check_files": True}
    for content in (b"abc", b"other"):
        fs.pipe_file("/x.txt", content)
        with fsspec.open("filecache::box:///x.txt", filecache=options) as file:
            assert file.read() == content


def test_what_the_page_shows_of_these_tools_works(fs, tmp_path, workplace):
    for module in ("dask.dataframe", "duckdb", "zarr"):
        pytest.importorskip(module, reason=REASON)
    page = (test_docs.DOCS / "guide" / "box-urls.md").read_text(encoding="utf-8")
    cells = re.findall(r"^```(?:py|python|ipython)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", test_docs.RUN],
        input=json.dumps(cells),
        cwd=workplace,
        env={**os.environ, "IPYTHONDIR": str(tmp_path / ".ipython")},
        text=True,
        capture_output=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
