"""Suites of checks as data: what may stand in `expectations/suites/*.yml`, read and validated.

Reading a suite never imports Great Expectations, which costs seconds: Dagster can name every check
from here.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from orchestration.database import quote
from orchestration.problems import Place, problems

#: The suites that ship with footpath.
SUITES = Path(__file__).parent / "suites"

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, Field(min_length=1)]
Severity = Literal["critical", "warning"]

_PLACEHOLDER = re.compile(r"\{(touched )?([A-Za-z_][A-Za-z0-9_]*)\}")


class SuiteError(ValueError):
    """A suite's file is wrong: the message names the file, the place and the remedy."""


class Check(BaseModel):
    """One check: a shipped expectation with its arguments, or a query for the offending rows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    severity: Severity
    description: Text
    expectation: Text | None = None
    kwargs: dict[str, Any] = {}
    unexpected_rows: Text | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.expectation is None) == (self.unexpected_rows is None):
            raise ValueError("give either `expectation` (with `kwargs`) or `unexpected_rows`")
        if self.kwargs and self.expectation is None:
            raise ValueError("`kwargs` belong to an `expectation`: remove them")
        query = self.unexpected_rows
        if query is not None and "{batch}" not in query and "{touched " not in query:
            raise ValueError("`unexpected_rows` must read from {batch}, which is the relation")
        return self

    @property
    def class_name(self) -> str:
        """Return the name of the Great Expectations class."""
        if self.expectation is None:
            return "UnexpectedRowsExpectation"
        if "_" not in self.expectation:
            return self.expectation
        return "".join(word.capitalize() for word in self.expectation.split("_"))

    def query(
        self,
        relation: str,
        schema: str | None = None,
        touched: Mapping[str, str] | None = None,
    ) -> str:
        """Return the query for the offending rows, with the names of tables filled in.

        `{batch}` is the suite's relation, `{users}` the table `users` of the same schema and
        `{touched users}` what `touched` has for that name. Other braces stay (a format string, a
        regular expression).
        """

        def fill(match: re.Match[str]) -> str:
            if match[1]:
                return (touched or {}).get(match[2]) or qualified(match[2], schema)
            if match[2] == "batch":
                return (touched or {}).get("batch") or qualified(relation, schema)
            return qualified(match[2], schema)

        return _PLACEHOLDER.sub(fill, self.unexpected_rows or "").strip().rstrip(";")

    @property
    def touched_names(self) -> list[str]:
        """The names that stand behind `touched` in the query."""
        return [name for kind, name in _PLACEHOLDER.findall(self.unexpected_rows or "") if kind]


class Touched(BaseModel):
    """Which rows of a relation a run may have changed: those whose `columns` are in one of its lists.

    With `between`, that column also has to lie in the span of the list, and the relation has to be a
    table. `from` is where to read instead of the relation of that name; without `by`, all of that.
    With `by_row_id` it has a column `rowid`, by which rows are read once they are found: of a wide
    table the other columns are then not read in full.
    `whole` stands for it when everything is checked (default: the relation of that name), or `from` itself with
    `whole_is_from`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Literal["rows", "regions", "people", "groups", "batches"] | None = None
    columns: tuple[Name, ...] = ()
    between: Name | None = None
    source: Annotated[Text | None, Field(alias="from")] = None
    by_row_id: bool = False
    whole: Name | None = None
    whole_is_from: bool = False

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.by is None) == bool(self.columns):
            raise ValueError("give `by` and `columns` together")
        if self.by is None and self.source is None:
            raise ValueError("give `by` (with `columns`), or `from` for all of a relation")
        if self.by_row_id and (self.by is None or self.source is None):
            raise ValueError("`by_row_id` needs `by`, and a `from` with a column rowid")
        if self.whole_is_from and (self.source is None or self.whole is not None):
            raise ValueError("`whole_is_from` needs a `from`, and no `whole`")
        return self

    def everything(self, name: str, schema: str | None) -> str:
        """Return what stands for the relation when everything is checked."""
        if self.whole_is_from and self.source is not None:
            return self.source
        return qualified(self.whole or name, schema)

    def keyless(self, name: str, schema: str | None) -> str:
        """Return the query for rows that no list can name: a column by which they are found is null."""
        relation = self.source or qualified(name, schema)
        columns = [*self.columns, *([self.between] if self.between else [])]
        # A query a column: DuckDB leaves out blocks without nulls, which it would not for an `or`.
        return " union all ".join(
            f"select 1 as one from {relation} as stored where stored.{quote(one)} is null"
            for one in columns
        )

    def rows(self, name: str, schema: str | None, lists: str) -> str:
        """Return the query for the rows; `lists` is the schema of the lists `unchecked_*`."""
        relation = self.source or qualified(name, schema)
        wanted = "stored.* exclude (rowid)" if self.by_row_id else "stored.*"
        query = f"select {wanted} from {relation} as stored"
        if self.by is None:
            return query
        listed = qualified(f"unchecked_{self.by}", lists)
        same = " and ".join(f"touched.{quote(one)} = stored.{quote(one)}" for one in self.columns)
        # Each column alone, too: DuckDB passes over other values of one column while it reads, not over other pairs.
        found = " and ".join(
            f"stored.{quote(one)} in (select {quote(one)} from {listed})" for one in self.columns
        )
        if len(self.columns) > 1 and not self.between:
            found += f" and exists (select 1 from {listed} as touched where {same})"
        if not self.between and not self.by_row_id:
            return f"{query} where {found}"
        # In two steps, by row ids: DuckDB would read all columns, and look at the spans for every stored row. Spans
        # of several runs may overlap, so a row may be found twice.
        rows = f"select stored.rowid as row_id from {relation} as stored"
        if self.between:
            span = f"stored.{quote(self.between)} between touched.from_at and touched.to_at"
            rows += f" inner join {listed} as touched on {same} and {span}"
        return (
            f"with found as materialized ({rows} where {found})"
            f" {query} where stored.rowid in (select row_id from found)"
        )


class Suite(BaseModel):
    """The checks of one relation at one gate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    gate: Literal[1, 2]
    relation: Name
    owner: Text
    description: str = ""
    touched: dict[Name, Touched] = {}
    checks: Annotated[tuple[Check, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [check.name for check in self.checks]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two checks are named {', '.join(twice)}: rename one of them")
        for check in self.checks:
            query = check.unexpected_rows or ""
            for name in check.touched_names:
                if name not in self.touched:
                    raise ValueError(f"check {check.name}: say under `touched` what {name} is")
            if self.gate == 1 and not ("batch_id" in query and "observed" in query):
                raise ValueError(
                    f"check {check.name}: at gate 1 a check is `unexpected_rows` that return "
                    "batch_id and observed, one row per failing batch"
                )
        return self


def qualified(name: str, schema: str | None) -> str:
    """Return a relation's quoted name."""
    return quote(name) if schema is None else f"{quote(schema)}.{quote(name)}"


def load_suites(*folders: Path) -> list[Suite]:
    """Read all suites of some folders (default: the shipped ones), in the order of folders and file names.

    Raises `SuiteError` when a folder does not exist, when a file is not YAML or is not a suite, and when it repeats
    another suite's name, or a check's name for one table.
    """
    suites: dict[str, Suite] = {}
    checks: set[tuple[int, str, str]] = set()
    for folder in folders or (SUITES,):
        if not folder.is_dir():
            raise SuiteError(
                f"{folder}: there is no such folder of suites; make it, or correct the setting"
            )
        for path in sorted(folder.glob("*.yml")):
            suite = _load(path)
            if suite.name in suites:
                raise SuiteError(f"{path}: another file already has a suite named {suite.name}")
            for check in suite.checks:
                key = (suite.gate, suite.relation, check.name)
                if key in checks:
                    raise SuiteError(
                        f"{path}: check {check.name}: another suite on {suite.relation} has a check of that name: "
                        "rename this one"
                    )
                checks.add(key)
            suites[suite.name] = suite
    return list(suites.values())


def _load(path: Path) -> Suite:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise SuiteError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise SuiteError(f"{path}: a suite is a mapping with name, gate, relation, owner, checks")
    try:
        return Suite.model_validate(data)
    except ValidationError as error:
        lines = problems(error, functools.partial(_words, data))
        raise SuiteError("\n".join(f"{path}: {line}" for line in lines)) from error


def _words(data: dict[str, Any], place: Place) -> list[str]:
    """Say a place with the check's name instead of its number."""
    if len(place) > 1 and place[0] == "checks" and isinstance(place[1], int):
        check = data["checks"][place[1]]
        name = check.get("name") if isinstance(check, dict) else None
        return [f"check {name or place[1] + 1}", *map(str, place[2:])]
    return [str(part) for part in place]
