"""What the pages for people say must be so: links lead somewhere, commands exist, tables equal the code."""

import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest

from mlops_runner import errors
from mlops_runner.cli.main import COMMANDS, SECTIONS, cli
from mlops_runner.specs.schema import KINDS

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "benchmarks/README.md",
]
WRITTEN = [page for page in PAGES if "reference" not in page.parts]
SHELL = {"", "sh", "console"}

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`(mlops [^`]+)`")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    titles = [re.sub(r"[^\w\- ]", "", title.lower()) for title in HEADING.findall(prose(page))]
    return {title.strip().replace(" ", "-") for title in titles}


def commands(page: Path) -> list[str]:
    """The command lines of a page: of its shell blocks, and in the running text, where [] marks what is optional."""
    found = SPAN.findall(prose(page))
    for language, block in FENCE.findall(page.read_text(encoding="utf-8")):
        lines = block.splitlines() if language in SHELL else []
        prompts = [line.removeprefix("$ ") for line in lines if language == "sh" or line.startswith("$ ")]
        found += [part.strip() for line in prompts for part in re.split(r"&&|\|", line.partition(" #")[0])]
    mlops = [re.sub(r"^(\.venv/bin/)?mlops\b", "", text) for text in found if re.match(r"(\.venv/bin/)?mlops\b", text)]
    return [text.replace("[", "").replace("]", "").strip() for text in mlops]


def parse(command: click.Command, words: list[str], name: str) -> None:
    """Parse a command line without executing anything. Raises click.UsageError for what does not exist."""
    context = click.Context(command, info_name=name)
    values, rest, _ = command.make_parser(context).parse_args(list(words))
    for param in command.params:
        if isinstance(param.type, click.Choice) and values.get(param.name) is not None:
            param.type_cast_value(context, values[param.name])
    if isinstance(command, click.Group) and rest:
        inner = command.get_command(context, rest[0])
        if inner is None:
            raise click.UsageError(f"no command {rest[0]}")
        parse(inner, rest[1:], f"{name} {rest[0]}")


def test_every_page_is_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        targets = {link.partition("#")[0] for link in LINK.findall(prose(page)) if "://" not in link}
        linked = {(page.parent / target).resolve() for target in targets if target.endswith(".md")}
        waiting += sorted(linked - reached)
    assert {name_of(page) for page in PAGES} <= {name_of(page) for page in reached}


def test_the_list_of_commands_has_each_of_them_once():
    assert sorted(name for names in SECTIONS.values() for name in names) == sorted(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_to_a_file_and_an_anchor(page):
    for link in LINK.findall(prose(page)):
        target, _, anchor = link.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), link
        assert not anchor or anchor in anchors(file), link


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_every_command_that_is_shown_exists(page):
    for text in commands(page):
        try:
            parse(cli, shlex.split(text), "mlops")
        except click.UsageError as error:
            pytest.fail(f"mlops {text}: {error.format_message()}")


def test_a_command_that_does_not_exist_is_noticed():
    for text in ("plam", "plan --bsae main", "lock mend", "report --format word"):
        with pytest.raises(click.UsageError):
            parse(cli, text.split(), "mlops")


def test_every_command_is_in_the_table_of_the_readme():
    rows = re.findall(r"^\| (`mlops .+?) \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    named = {re.sub(r"^mlops ", "", span).split()[0] for row in rows for span in re.findall(r"`([^`]+)`", row)}
    assert set(cli.list_commands(click.Context(cli))) <= named


def test_the_exit_codes_of_the_readme_are_those_of_the_code():
    rows = re.findall(r"^\| ([\d, ]+) \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    documented = {int(code) for row in rows for code in row.split(",")}
    assert documented == {code for name, code in vars(errors).items() if name.startswith("EXIT_")}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_document_has_a_reference_page(kind):
    page = ROOT / "docs" / "reference" / f"{kind.lower()}.md"
    assert page.read_text(encoding="utf-8").startswith(f"# {kind}\n")


def test_no_tracked_file_names_a_machine():
    paths = r"(?<![\w.~/-])/(?:work|root|home/[a-z][\w-]*|Users/\w+)/"
    hosts = r"--(?:extra-)?index-url|--trusted-host|--find-links|https?://[^\s/]+/(?:[\w.-]+/)*simple\b"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    found = []
    for name in listed.decode().strip("\0").split("\0"):
        text = (ROOT / name).read_bytes().decode("utf-8", "replace") if (ROOT / name).is_file() else ""
        lines = [n for n, line in enumerate(text.splitlines(), 1) if re.search(f"{paths}|{hosts}", line)]
        found += [f"{name}:{number}" for number in lines if name != "tests/test_docs.py"]
    assert not found


def every_command(command, words=()):
    yield words, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            inner = command.get_command(click.Context(command), name)
            if not inner.hidden:
                yield from every_command(inner, (*words, name))


def test_the_examples_of_every_command_parse():
    for words, command in every_command(cli):
        shown = (command.help or "").partition("Examples:")[2].splitlines()
        lines = [re.split(r" {2,}| >", line.strip())[0] for line in shown if line.strip()]
        assert lines, words
        for part in (part.strip() for line in lines for part in re.split(r"&&|;", line)):
            if part.startswith("mlops "):
                parse(cli, shlex.split(part)[1:], "mlops")
