"""Sources of a Data document: where rows come from."""

from typing import Annotated, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, Field, model_validator

from mlops_runner.specs import sql_text
from mlops_runner.specs.base import (
    CallablePath,
    Digest,
    Part,
    RelativePath,
    Scalar,
    Secret,
    Timestamp,
    Words,
    complaint,
)


def _web_address(value: str | Secret) -> str | Secret:
    if isinstance(value, Secret):
        return value
    found = urlsplit(value)
    if found.scheme not in {"http", "https"} or not found.hostname:
        raise complaint("invalid-url", '"{given}" is not a web address', "https://host/path", given=value)
    if "@" in found.netloc:
        raise complaint("plain-secret", "a web address must not carry a password", "url: {secret: NAME}")
    return value


def _database(value: str | Secret) -> str | Secret:
    if isinstance(value, Secret):
        return value
    found = urlsplit(value)
    if not found.scheme or not (found.netloc or found.path):
        raise complaint("invalid-url", "this is not a connection URL", "sqlite:///data/shop.db, or {secret: NAME}")
    if found.password is not None or "password" in parse_qs(found.query):
        raise complaint("plain-secret", "a connection URL must not show its password", "url: {secret: NAME}")
    return value


def _select(value: str) -> str:
    if why := sql_text.fault(value):
        raise complaint("not-a-select", "the query is not one SELECT: {why}", "rows are read, nothing else", why=why)
    if other := sorted(sql_text.parameters(value) - {sql_text.AS_OF}):
        raise complaint("unknown-parameter", "the query has a parameter :{name}", "only :as_of is known", name=other[0])
    return value


WebAddress = Annotated[str | Secret, AfterValidator(_web_address), Words("a web address")]
Database = Annotated[str | Secret, AfterValidator(_database), Words("a connection URL")]
Query = Annotated[str, AfterValidator(_select), Words("a SELECT")]


class Dialect(Part):
    """How delimited text is written."""

    delimiter: Annotated[str, Field(min_length=1, max_length=1, description="Character between fields.")] = ","
    quote: Annotated[
        Literal["double", "single", "none"], Field(description="Quotation mark around fields that need one.")
    ] = "double"
    encoding: Annotated[
        Literal["utf-8", "utf-16", "latin-1", "windows-1252"], Field(description="Encoding of the text.")
    ] = "utf-8"
    header: Annotated[
        bool,
        Field(description="Whether the first line names the columns; without one they are taken in declared order."),
    ] = True
    skip_lines: Annotated[int, Field(ge=0, description="Lines above the header that are passed over.")] = 0
    trim: Annotated[bool, Field(description="Whether spaces around a field are left out.")] = False
    decimal: Annotated[Literal[".", ","], Field(description="Decimal mark of numbers.")] = "."
    null_values: Annotated[tuple[str, ...], Field(description="Texts that mean a missing value.")] = ("",)

    @model_validator(mode="after")
    def _marks_differ(self) -> "Dialect":
        if self.decimal == self.delimiter:
            raise complaint("ambiguous-dialect", "delimiter and decimal are the same character", "change one of them")
        return self


class CsvSource(Dialect):
    """Delimited text in the declared dialect, of one file or several; every header must match the declared columns."""

    kind: Literal["csv"]
    path: Annotated[
        RelativePath,
        Field(
            description="A file, a pattern with *, or a folder; may be tracked by DVC.",
            examples=["data/loans.csv", "data/loans-*.csv", "data/loans"],
        ),
    ]


class ParquetSource(Part):
    """One Parquet file, every file that a pattern matches, or a folder of them: read in the order of their names."""

    kind: Literal["parquet"]
    path: Annotated[
        RelativePath,
        Field(
            description="A file, a pattern with *, or a folder; may be tracked by DVC.",
            examples=["data/loans.parquet", "data/loans/2026-*.parquet", "data/loans"],
        ),
    ]
    partitions: Annotated[
        Literal["none", "hive"], Field(description="Whether folders named key=value are columns.")
    ] = "none"


class SqlSource(Part):
    """What a query answers. The rows are fetched once, kept as a snapshot, and pinned by their digest."""

    kind: Literal["sql"]
    url: Annotated[Database, Field(description="Connection URL.", examples=[{"secret": "WAREHOUSE_URL"}])]
    query: Annotated[
        Query,
        Field(
            min_length=1,
            description="One SELECT; :as_of in it stands for the field as_of.",
            examples=["SELECT * FROM loans WHERE granted < :as_of"],
        ),
    ]
    order_by: Annotated[
        tuple[str, ...],
        Field(min_length=1, description="Columns that give the rows their order: SQL promises none."),
    ]
    as_of: Annotated[Timestamp | None, Field(description="Point in time the query is about.")] = None
    digest: Annotated[Digest | None, Field(description="Digest of the rows; written by `mlops data refresh`.")] = None

    @model_validator(mode="after")
    def _time_is_used(self) -> "SqlSource":
        used = sql_text.AS_OF in sql_text.parameters(self.query)
        if self.as_of is not None and not used:
            raise complaint("unused-as-of", "as_of is set, but the query has no :as_of", "use it, or remove the field")
        if self.digest is not None and self.as_of is None and used:
            raise complaint("missing-as-of", "the query has :as_of, but as_of is not set", "the time the digest is of")
        return self


class CsvFormat(Dialect):
    """Delimited text."""

    kind: Literal["csv"]


class ParquetFormat(Part):
    """A Parquet file."""

    kind: Literal["parquet"]


class HttpSource(Part):
    """A file on a web server, fetched once, kept, and pinned by its digest."""

    kind: Literal["http"]
    url: Annotated[
        WebAddress,
        Field(
            description="Address of the file; a secret when it is signed, or carries a password.",
            examples=["https://example.org/loans.csv", {"secret": "LOANS_URL"}],
        ),
    ]
    format: Annotated[
        CsvFormat | ParquetFormat, Field(discriminator="kind", description="What the file is, and its dialect.")
    ]
    headers: Annotated[
        dict[str, str | Secret],
        Field(description="Headers to send.", examples=[{"Authorization": {"secret": "LOANS_TOKEN"}}]),
    ] = {}
    max_bytes: Annotated[int, Field(ge=1, description="Largest answer accepted, in bytes.")] = 10 * 2**30
    digest: Annotated[Digest | None, Field(description="Digest of the file; written by `mlops data refresh`.")] = None


class SklearnSource(Part):
    """A data set that ships with scikit-learn: no download. Its target column is called `target`."""

    kind: Literal["sklearn"]
    dataset: Annotated[
        Literal["breast_cancer", "iris", "wine", "digits", "diabetes"], Field(description="Name of the set.")
    ]


class PythonSource(Part):
    """A function of the project that returns a polars.DataFrame."""

    kind: Literal["python"]
    callable: Annotated[CallablePath, Field(description="package.module:function.", examples=["callables.loans:load"])]
    params: Annotated[dict[str, Scalar], Field(description="Keyword arguments for the function.")] = {}
    inputs: Annotated[
        dict[str, RelativePath],
        Field(description="Files or folders the function reads; passed as keyword arguments of type pathlib.Path."),
    ] = {}


Source = Annotated[
    CsvSource | ParquetSource | SqlSource | HttpSource | SklearnSource | PythonSource, Field(discriminator="kind")
]
