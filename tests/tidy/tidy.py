"""What this tree holds itself to, as checks over its text.

A check is a function of a Tree that yields problems, each a line for a person. CHECKS at
the end names them all. The rules are data at the top of each check.
"""

import functools
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess

COLUMNS = 90
TAB = 8
BODY_LINES = 70
FILE_LINES = 600
WAIVERS = 3
WAIVER = "/* long:"
CODE = ("src", "tests", "fuzz", "bench")
LEFT_OUT = {".git", "node_modules", "__pycache__"}

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'', re.DOTALL)


def blanked(text):
    """C without comments, strings and character constants, line by line where it was.

    What an #include names stays."""

    def blank(match):
        start = text.rfind("\n", 0, match.start()) + 1
        if re.match(r"\s*#\s*include", text[start : match.start()]):
            return match.group()
        return re.sub(r"[^\n]", " ", match.group())

    return TOKEN.sub(blank, text)


class File:
    """One file of the tree, read when somebody looks."""

    def __init__(self, root, path):
        self.path = path
        self.name = path.relative_to(root).as_posix()

    @functools.cached_property
    def text(self):
        return self.path.read_text(encoding="utf-8", errors="replace")

    @functools.cached_property
    def lines(self):
        return self.text.split("\n")

    @functools.cached_property
    def code(self):
        return blanked(self.text).split("\n")

    @property
    def is_generated(self):
        return "enerated by" in "\n".join(self.lines[:3])


class Tree:
    """The files of a checkout, without what was built."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.files = [File(self.root, path) for path in self._walk()]

    def _walk(self):
        for folder, folders, names in os.walk(self.root):
            at_top = pathlib.Path(folder) == self.root
            folders[:] = sorted(
                name
                for name in folders
                if name not in LEFT_OUT and not (at_top and name.startswith("build"))
            )
            for name in sorted(names):
                path = pathlib.Path(folder, name)
                if path.is_file() and not path.is_symlink():
                    yield path

    def c_files(self, *tops):
        """C that people write, below these folders."""
        for file in self.files:
            if file.name.endswith((".c", ".h")) and not file.is_generated:
                if file.name.split("/")[0] in (tops or CODE):
                    yield file


# --- the house ---------------------------------------------------------------------------------

# Folders of a module that are strangers to each other.
SIBLINGS = {"chain": ("evm", "bitcoin"), "kinds": ("airdrop", "fence", "track", "node")}
# The folders of a module, lowest first; "" is the module's own, and who is not named is on top.
ROOMS = {
    "chain": ("pool", "", "follower"),
    "tell": ("channel", "subscriber", "bot", ""),
    "serve": ("request", "command", "submit", "watch", "vital", "door", ""),
    "cli": ("term", "config", "", "ask", "report", "owner", "daemon", "airdrop", "command",
            "key", "endpoints", "verify", "doctor", "journal", "simulate", "node"),
}
INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)"')


def floors(tree):
    """The modules, lowest first: the list in meson.build."""
    text = (tree.root / "meson.build").read_text(encoding="utf-8")
    listed = re.search(r"foreach module : \[(.*?)\]", text, re.DOTALL)
    return re.findall(r"'(\w+)'", listed.group(1))


def includes(file):
    for number, line in enumerate(file.code, 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1)


def floor_of(parts):
    """Of MODULE/[ROOM/]FILE, within its module."""
    rooms = ROOMS.get(parts[0], ())
    room = parts[1] if len(parts) > 2 else ""
    return rooms.index(room) if room in rooms else len(rooms)


def strangers(module, room, there):
    siblings = SIBLINGS.get(module, ())
    return module == there[0] and room in siblings and there[1] in siblings and room != there[1]


def check_arrows(tree):
    """an include points to its own module or to a lower floor"""
    order = floors(tree)
    for file in tree.files:
        parts = file.name.split("/")
        if parts[0] != "src" or not file.name.endswith((".c", ".h", ".def")):
            continue
        module = parts[1]
        for number, target in includes(file):
            there = target.split("/")
            where = f"{file.name}:{number}"
            if len(there) == 1:
                yield f"{where}: {target} is not written from src/"
            elif there[0] not in order or module not in order:
                yield f"{where}: {target}: no such module in meson.build"
            elif order.index(there[0]) > order.index(module):
                yield f"{where}: {module} may not include {target}"
            elif strangers(module, parts[2], there):
                yield f"{where}: {module}/{parts[2]} may not include {target}"
            elif there[0] == module and floor_of(there) > floor_of(parts[1:]):
                yield f"{where}: may not include {target}: ROOMS of tidy.py has it above"


def check_own_header_first(tree):
    """a source file includes its own header before all others (or its inner one, NAME_in.h)"""
    for file in tree.c_files("src"):
        own = file.name[len("src/") : -1] + "h"
        if not file.name.endswith(".c") or not (tree.root / "src" / own).is_file():
            continue
        first = next((line for line in file.code if re.match(r"\s*#\s*include", line)), "")
        if f'"{own}"' not in first and f'"{own[:-2]}_in.h"' not in first:
            yield f"{file.name}: the first include is not {own}"


def check_header_head(tree):
    """a header begins with its name and what it is for"""
    for file in tree.c_files("src"):
        name = file.name.rsplit("/", 1)[-1]
        if name.endswith(".h") and not file.text.startswith(f"/* {name} - "):
            yield f"{file.name}: does not begin with `/* {name} - `"


# --- the form ----------------------------------------------------------------------------------


def check_columns(tree):
    """no line of code is longer than 90 columns"""
    for file in tree.c_files():
        for number, line in enumerate(file.lines, 1):
            if len(line.expandtabs(TAB)) > COLUMNS:
                yield f"{file.name}:{number}: {len(line.expandtabs(TAB))} columns"


def functions(file):
    """The bodies: (line of the brace, lines between the braces)."""
    start = None
    for number, line in enumerate(file.code, 1):
        if line.rstrip() == "{":
            start = number
        elif line.startswith("}") and start:
            yield start, number - start - 1
            start = None


def waived(file, brace):
    """Whether the comment on top of a function says why it is long."""
    for line in reversed(file.lines[: brace - 1]):
        if not line.strip() or line.startswith("}"):
            return False
        if WAIVER in line:
            return True
    return False


def check_function_length(tree):
    """no function is longer than 70 lines, but for three that say why"""
    used = 0
    written = 0
    for file in tree.c_files():
        written += sum(WAIVER in line for line in file.lines)
        for brace, length in functions(file):
            if length <= BODY_LINES:
                continue
            if waived(file, brace):
                used += 1
            else:
                yield f"{file.name}:{brace}: a body of {length} lines"
    if used > WAIVERS:
        yield f"{used} functions are waived, {WAIVERS} may be"
    if written > used:
        yield f"{written - used} waivers `{WAIVER}` that no long function needs"


def check_file_length(tree):
    """no file of src/ is longer than 600 lines"""
    for file in tree.c_files("src"):
        length = file.text.count("\n")
        if length > FILE_LINES:
            yield f"{file.name}: {length} lines"


def check_format(tree):
    """clang-format finds nothing to change"""
    tool = shutil.which("clang-format")
    if not tool:
        yield "clang-format is missing: ./do test installs it"
        return
    names = [file.name for file in tree.c_files()]
    if not names:
        return
    done = subprocess.run(
        [tool, "--dry-run", "-Werror", "--ferror-limit=1", *names],
        cwd=tree.root,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    for line in done.stderr.split("\n"):
        if "clang-format-violations" in line:
            yield line.split(": error")[0] + ": ./do format"


def check_whitespace(tree):
    """no blanks at a line's end, and a newline at the end of each file"""
    for file in tree.files:
        if not file.name.endswith((".c", ".h", ".def", ".py", ".sql", ".build", ".md")):
            continue
        if file.text and not file.text.endswith("\n"):
            yield f"{file.name}: no newline at the end"
        for number, line in enumerate(file.lines, 1):
            if line != line.rstrip():
                yield f"{file.name}:{number}: blanks at the end"


# --- what is not used --------------------------------------------------------------------------

FLOATING = re.compile(
    r"\b(?:double|float|_Float\d+|json_real\w*|json_number_value|strto[dfl]d?(?=\()|"
    r"sqlite3_(?:column|value|bind|result)_double)\b"
    r"|(?<![\w.])(?:\d+\.\d*|\.\d+|\d+(?=[eE][-+]?\d))(?:[eE][-+]?\d+)?[fFlL]?(?!\w)"
)

# name: the folders that may use it all the same
BANNED = {
    "strcpy": (),
    "strcat": (),
    "strncpy": (),
    "strncat": (),
    "sprintf": (),
    "vsprintf": (),
    "gets": (),
    "scanf": (),
    "sscanf": (),
    "fscanf": (),
    "atoi": (),
    "atol": (),
    "atoll": (),
    "atof": (),
    "strtok": (),
    "strtok_r": (),
    "system": (),
    "popen": (),
    "alloca": (),
    "mktemp": (),
    "tmpnam": (),
    "tempnam": (),
    "asctime": (),
    "ctime": (),
    "gmtime": (),
    "localtime": (),
    "rand": (),
    "srand": (),
    "random": (),
    "srandom": (),
    "assert": (),
    "malloc": ("src/base/",),
    "calloc": ("src/base/",),
    "realloc": ("src/base/",),
    "reallocarray": ("src/base/",),
    "strdup": ("src/base/",),
    "strndup": ("src/base/",),
    "asprintf": ("src/base/",),
    "vasprintf": ("src/base/",),
    "sleep": (),
    "usleep": (),
    "nanosleep": (),
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")


def check_floating_point(tree):
    """no floating point in src/"""
    for file in tree.c_files("src"):
        for number, line in enumerate(file.code, 1):
            match = FLOATING.search(line)
            if match and not INCLUDE.match(line):
                yield f"{file.name}:{number}: {match.group()}"


def check_banned(tree):
    """no function that can't be used safely, or that belongs to another place"""
    for file in tree.c_files("src"):
        for number, line in enumerate(file.code, 1):
            for name in CALL.findall(line):
                if not file.name.startswith(BANNED[name] or ("\0",)):
                    yield f"{file.name}:{number}: {name}()"


# In pieces, so that this file passes its own check.
OUTSIDE = re.compile(
    "|".join(
        (
            "/wo" r"rk/",
            r"\.\./sha" "red",
            r"(?i:\bissue) #?[0-9]",
            r"\bTO" r"DO\b",
            r"\bFIX" r"ME\b",
            r"\bXX" r"X\b",
            r"\bHA" r"CK\b",
        )
    )
)


def check_outside(tree):
    """the project speaks of itself alone, and of nothing that is still to be done"""
    for file in tree.files:
        if file.name == "LICENSE" or b"\0" in file.path.read_bytes()[:1024]:
            continue
        for number, line in enumerate(file.lines, 1):
            match = OUTSIDE.search(line)
            if match:
                yield f"{file.name}:{number}: {match.group()}"


# --- tables and scripts ------------------------------------------------------------------------


def gen_docs(tree):
    path = tree.root / "tools" / "gen_docs.py"
    spec = importlib.util.spec_from_file_location("gen_docs", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check_docs(tree):
    """the pages that repeat a table are fresh: errors, crash points, states, config keys"""
    for path, _ in gen_docs(tree).stale():
        yield f"{path.relative_to(tree.root)} is not what its table says: ./do docs"


def check_states(tree):
    """every edge joins two states of its machine, and every state with edges is reached"""
    source = tree.root / "src" / "engine" / "states.def"
    if not source.is_file():
        return
    rows = gen_docs(tree).read_table(source)
    for machine in dict.fromkeys(row[0] for row in rows):
        states = [r for r in rows if r.macro == "STATE" and r[0] == machine]
        edges = [r for r in rows if r.macro == "EDGE" and r[0] == machine]
        names = [row[1] for row in states]
        codes = [row[2] for row in states]
        if len(set(codes)) != len(codes) or len(set(names)) != len(names):
            yield f"{machine}: a name or a code is there twice"
        pairs = [(row[1], row[2]) for row in edges]
        for pair in pairs:
            if not set(pair) <= set(names):
                yield f"{machine}: an edge joins unknown states: {pair[0]}, {pair[1]}"
        if len(set(pairs)) != len(pairs):
            yield f"{machine}: an edge is there twice"
        reached = {row[1] for row in states if row[2] == "0"} | {pair[1] for pair in pairs}
        for name in names:
            if name not in reached and any(name in pair for pair in pairs):
                yield f"{machine}: nothing leads to {name}"


# Where the cases of a suite's programs stand, and what begins one; a program without cases is
# the name of a world, or of a test in the suite's meson.build.
CASES = {
    "unit": ("tests/unit/test_{}.c", r"\bvoid {}\(void \*\*"),
    "contract": ("tests/contract/test_{}.c", r"\bvoid {}\(void \*\*"),
    "torture": ("tests/torture/test_{}.c", r"\bvoid {}\(void \*\*"),
    "e2e": ("tests/e2e/test_{}.py", r"^def {}\("),
    "cli": ("tests/cli/test_{}.py", r"^def {}\("),
}


def has_test(tree, ref):
    """SUITE/PROGRAM/CASE: is there such a case? SUITE/PROGRAM: does its meson.build say so?"""
    suite, program, *case = ref.split("/")
    if case and suite in CASES:
        path, begins = CASES[suite]
        path = tree.root / path.format(program)
        return path.is_file() and re.search(
            begins.format(re.escape(case[0])), path.read_text(encoding="utf-8"), re.M
        )
    build = tree.root / "tests" / suite / "meson.build"
    program = program.removeprefix("torture-")
    return build.is_file() and f"'{program}'" in build.read_text(encoding="utf-8")


def check_windows(tree):
    """every crash window has a name, a group, tests that are there, and a scenario or a reason"""
    source = tree.root / "tests" / "windows.def"
    if not source.is_file():
        return
    docs = gen_docs(tree)
    rows = docs.read_table(source)
    shown = set(docs.scenarios())
    groups = {row[0] for row in rows if row.macro == "GROUP"}
    unshown = {row[0] for row in rows if row.macro == "UNSHOWN" and row[1]}
    seen = set()
    for row in (row for row in rows if row.macro == "WINDOW"):
        name, group, mark = row.arguments[:3]
        if name in seen or not re.fullmatch(r"[a-z0-9-]+", name):
            yield f"{name}: is there twice, or is no name"
        seen.add(name)
        if group not in groups or mark not in ("CLOSED", "BOUNDED", "OPEN"):
            yield f"{name}: no such group or mark: {group}, {mark}"
        if not row[7] and name not in shown and mark != "OPEN":
            yield f"{name}: nothing tests it"
        if (name in shown) == (name in unshown):
            yield f"{name}: a scenario, or why there is none: one of them"
        for ref in row[7].split():
            if not has_test(tree, ref):
                yield f"{name}: there is no test {ref}"
    for name in unshown - seen:
        yield f"tests/windows.def: {name} is no window"
    for name in shown - seen:
        yield f"src/sim/story/scenarios.def: {name} is no window"


PROGRAM = re.compile(r"\btest\((?:'([\w-]+)'( \+)?|\w)")


def has_program(tree, suite, program):
    """Does the suite's meson.build make a test by this name: said as it is, or a word of a list
    behind what its test() puts before each?"""
    build = tree.root / "tests" / suite / "meson.build"
    text = build.read_text(encoding="utf-8") if build.is_file() else ""
    for said, joined in PROGRAM.findall(text):
        if said and not joined:
            found = program == said
        else:
            found = program.startswith(said) and f"'{program[len(said):]}'" in text
        if found:
            return True
    return False


def check_mutants(tree):
    """every mutant is somewhere in the code, and the program that must find it is there"""
    source = tree.root / "src" / "base" / "mutant.def"
    if not source.is_file():
        return
    used = set()
    for file in tree.c_files():
        used.update(re.findall(r"\bMUTANT\((\w+)\)", file.text))
    for name, _, suite, program in (row.arguments for row in gen_docs(tree).read_table(source)):
        if name not in used:
            yield f"{name}: nothing is broken by it"
        if (suite, program) != ("sim", "simulate") and not has_program(tree, suite, program):
            yield f"{name}: there is no test {suite}/{program}"


def check_risks(tree):
    """the twelve risks are there, in their order, each with tests that are there"""
    source = tree.root / "tests" / "risks.def"
    if not source.is_file():
        return
    rows = gen_docs(tree).read_table(source)
    numbers = [row[0] for row in rows]
    if numbers != [str(n + 1) for n in range(len(RISKS))]:
        yield f"tests/risks.def: not 1 to {len(RISKS)}, but {' '.join(numbers)}"
    for row, name in zip(rows, RISKS):
        if row[1] != name:
            yield f"tests/risks.def: {row[0]} is {name}, not {row[1]}"
        if not row[5].split():
            yield f"{row[1]}: nothing tests it"
        for ref in row[5].split():
            if not has_test(tree, ref):
                yield f"{row[1]}: there is no test {ref}"


RISKS = (
    "nodes-fail", "pool-exhausted", "memory-leaks", "chat-limits", "reorgs", "stale-nodes",
    "fee-spikes", "migrations", "told-twice", "forgotten-state", "never-cleaned", "nobody-watches",
)


# What proves a promise, or that something found is mended: by the name of its test.
PROOFS = (
    ("INTERNALS.md", re.compile(r"## The tests.*", re.DOTALL), re.compile(r"`([\w-]+)`")),
    ("docs/findings.md", re.compile(r"\bTests?:(?:`[^`]*`|[^`.])*"), re.compile(r"`([\w-]+)`")),
    ("docs/findings.md", re.compile(r"\b[Ss]eeds?\s[\d,\sand]*"), re.compile(r"\d+")),
)


def check_proofs(tree):
    """every test and story that the promises and the findings name is there, and no other story"""
    pages = {file.name: file.text for file in tree.files if file.name in [p[0] for p in PROOFS]}
    known = set()
    for file in tree.files:
        if file.name.startswith("tests/") or file.name == "src/sim/story/acts.def":
            known.update(re.findall(r"[\w-]+", file.text))
    for page, part, name in PROOFS:
        for text in part.findall(pages.get(page, "")):
            for test in name.findall(text):
                if test not in known:
                    yield f"{page}: there is no test or story {test}"
    told = set(re.findall(r"\d+", pages.get("docs/findings.md", "")))
    for file in (file for file in tree.files if file.name == "tests/sim/seeds"):
        for seed in re.findall(r"^\d+", file.text, re.M):
            if seed not in told:
                yield f"{file.name}: docs/findings.md does not tell what {seed} found"


NAMED = re.compile(r"^-- name: (\w+)$", re.M)
STATEMENT = re.compile(r"\bsql_([a-z0-9_]+?)(?:_(?:begin|next|end|one))?\b|\bSQL_([A-Z0-9_]+)\b")


def check_statements(tree):
    """every named statement is used"""
    used = set()
    for file in tree.c_files():
        used.update((low or high.lower()) for low, high in STATEMENT.findall(file.text))
    for file in tree.files:
        if re.fullmatch(r"sql/\w+\.sql", file.name):
            for name in NAMED.findall(file.text):
                if name not in used:
                    yield f"{file.name}: {name} is used nowhere"


def check_scripts(tree):
    """scripts are executable, parse, and please shellcheck where it is installed"""
    for file in tree.files:
        first = file.path.read_bytes()[:64].split(b"\n")[0].decode("utf-8", "replace")
        if not first.startswith("#!"):
            continue
        if not os.access(file.path, os.X_OK):
            yield f"{file.name}: not executable"
        if "python" in first:
            try:
                compile(file.text, file.name, "exec")
            except SyntaxError as error:
                yield f"{file.name}:{error.lineno}: {error.msg}"
        elif first.endswith("sh"):
            tool = ["shellcheck"] if shutil.which("shellcheck") else [first[2:].strip(), "-n"]
            done = subprocess.run(
                [*tool, file.name], cwd=tree.root, capture_output=True, encoding="utf-8", check=False
            )
            if done.returncode:
                yield f"{file.name}: {done.stdout or done.stderr}"


CHECKS = (
    check_arrows,
    check_own_header_first,
    check_header_head,
    check_columns,
    check_function_length,
    check_file_length,
    check_format,
    check_whitespace,
    check_floating_point,
    check_banned,
    check_outside,
    check_docs,
    check_states,
    check_windows,
    check_mutants,
    check_risks,
    check_proofs,
    check_statements,
    check_scripts,
)
