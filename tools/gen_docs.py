#!/usr/bin/env python3
"""Write the pages of docs/ that repeat a table of the source, from that table.

usage: gen_docs.py [--check]

With --check nothing is written: stale pages are named, and the exit code is 1.
"""

import datetime
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORD = re.compile(r'\s+|/\*.*?\*/|"(?:[^"\\]|\\.)*"|[(),]|[^\s"(),/]+|/', re.DOTALL)


def measured():
    """For a page of figures: when, and above which commit, where there is one."""
    head = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    said = subprocess.run(head, check=False, capture_output=True, text=True).stdout.strip()
    return f"on {datetime.date.today()}" + (f" at {said}" if said else "")


class Row:
    """One call of a table's macro. An argument that is a string knows it."""

    def __init__(self, macro, arguments):
        self.macro = macro
        self.arguments = arguments

    def __getitem__(self, index):
        return self.arguments[index]


def unquoted(words):
    """The text of an argument: adjacent strings are one, as in C."""
    if all(word.startswith('"') for word in words):
        text = "".join(word[1:-1] for word in words)
        return re.sub(r"\\(.)", r"\1", text)
    return " ".join(words).replace("( ", "(").replace(" )", ")").replace(" ,", ",")


def read_table(path):
    """All rows of a .def file, in their order."""
    rows = []
    macro = None
    depth = 0
    before = None
    for word in WORD.findall(path.read_text(encoding="utf-8")):
        if word.isspace() or word.startswith("/*"):
            continue
        if depth == 0 and word == "(":
            macro, arguments, words = before, [], []
        elif depth == 1 and word in ",)":
            arguments.append(unquoted(words))
            words = []
        elif depth > 0:
            words.append(word)
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth == 0 and word == ")":
            rows.append(Row(macro, arguments))
        before = word
    return rows


def explained(path):
    """The lines `NAME  what it means` of a table's head comment."""
    head = path.read_text(encoding="utf-8").split("*/")[0]
    return re.findall(r"^ \*   ([A-Z_]+) +(.+)$", head, re.MULTILINE)


def page(title, source, *parts):
    head = f"# {title}\n\nGenerated from `{source.relative_to(ROOT)}` by `./do docs`."
    return "\n\n".join([head, *parts]) + "\n"


def table(head, rows):
    def line(cells):
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    return "\n".join([line(head), "|" + "---|" * len(head), *map(line, rows)])


def code(text):
    return f"`{text}`" if text else ""


def errors_page(source):
    rows = read_table(source)
    return page(
        "Errors",
        source,
        "Each error belongs to a class, and the program acts on nothing else:",
        table(("class", "policy"), explained(source)),
        "A command that ends with an error exits with its code.",
        table(
            ("error", "class", "exit", "text"),
            [(code(row[0]), row[1], row[2], row[3]) for row in rows],
        ),
    )


def crash_points_page(source):
    rows = read_table(source)
    return page(
        "Crash points",
        source,
        "The places with a name at which the torture suite ends the program, beside every write\n"
        "and sync of the disk.",
        table(("point", "at this instant"), [(code(row[0]), row[1]) for row in rows]),
    )


def diagram(states, edges):
    lines = ["```mermaid", "stateDiagram-v2"]
    first = next((state for state in states if state[2] == "0"), None)
    if first:
        lines.append(f"    [*] --> {first[1].lower()}")
    lines += [f"    {edge[1].lower()} --> {edge[2].lower()}" for edge in edges]
    joined = {edge[1] for edge in edges} | {edge[2] for edge in edges}
    lines += [f"    {s[1].lower()}" for s in states if s[1] not in joined]
    return "\n".join([*lines, "```"])


def machine_part(machine, rows):
    states = [row for row in rows if row.macro == "STATE" and row[0] == machine]
    edges = [row for row in rows if row.macro == "EDGE" and row[0] == machine]
    parts = [
        f"## {machine.lower().replace('_', ' ')}",
        table(
            ("state", "code", "what is true in it"),
            [(code(row[1].lower()), row[2], row[3]) for row in states],
        ),
    ]
    if edges:
        moves = [(code(row[1].lower()), code(row[2].lower()), row[3]) for row in edges]
        parts += [diagram(states, edges), table(("from", "to", "what moves it"), moves)]
    return "\n\n".join(parts)


def states_page(source):
    rows = read_table(source)
    machines = dict.fromkeys(row[0] for row in rows)
    return page(
        "States",
        source,
        "Every durable state and every edge between two; any other move ends the program. The\n"
        "codes are what journals hold.",
        *(machine_part(machine, rows) for machine in machines),
    )


def config_default(text):
    words = {"REQUIRED": "required", "OPTIONAL": ""}
    return words.get(text, code(text))


def config_page(source):
    rows = read_table(source)
    parts = []
    for group in (row for row in rows if row.macro == "GROUP"):
        keys = [row for row in rows if row.macro == "KEY" and row[0] == group[0]]
        path = group[2] + "." if group[2] else ""
        only = {r[1]: f" ({r[0].lower()})" for r in rows if r.macro == "ONLY"}
        kinds = only if group[0] == "CHAIN" else {}
        lines = [
            (code(path + k[1]) + kinds.get(k[1], ""), config_default(k[3]), code(k[4]), k[5])
            for k in keys
        ]
        parts.append(table(("key", "default", "example", "what it is"), lines))
    return page(
        "Configuration",
        source,
        "The keys of `pawl.yaml`. Each has a twin in the environment that goes before the file:\n"
        "`PAWL_` and the path in capitals, joined by two underscores, as in\n"
        "`PAWL_CHAINS__MAINNET__POLL_MS=500`.",
        *parts,
    )


BODIES = {"JSON": "an object", "LIST": "an object", "LINES": "an object a line"}


def sentence(text):
    return text[0].upper() + text[1:] + "."


def members_shown(rows, plain):
    """A table of members; `plain` is what needs no word of when it is there."""
    when = {"NEEDED": "needed", "PERHAPS": "perhaps"}
    return table(
        ("member", "type", "", "what it is"),
        [
            (code(row[1]), row[3], when.get(row[2], "" if row[2] in plain else row[2]), row[4])
            for row in rows
        ],
    )


def members_of(members, macro, name, *where):
    return [
        row
        for row in members
        if row.macro == macro and row[0] == name and (not where or row[2] in where)
    ]


def route_part(route, members):
    parts = [f"## `{route[1]} {route[2]}`", sentence(route[5])]
    query = members_of(members, "ASK", route[0], "QUERY")
    body = members_of(members, "ASK", route[0], "BODY", "NEEDED")
    given = members_of(members, "GIVE", route[0])
    if query:
        parts += ["Behind the `?`:", members_shown(query, ("QUERY",))]
    if body:
        parts += [f"Takes {BODIES[route[3]]}:", members_shown(body, ("BODY",))]
    if route[4] == "STREAM":
        parts.append("Answers server-sent events.")
    if given:
        parts += ["Answers:", members_shown(given, ("ALWAYS",))]
    return "\n\n".join(parts)


def vital_part(vital, members):
    access = {"OPEN": "no token is needed", "GUARDED": "a token is needed"}[vital[2]]
    if vital[0] == "METRICS":
        access += ", unless `serve.metrics_open` is set"
    parts = [f"## `GET {vital[1]}`", f"{sentence(vital[3])[:-1]}; over TCP {access}."]
    parts.append(f"Answers {vital[4]}.")
    given = members_of(members, "GIVE", vital[0])
    return "\n\n".join([*parts, members_shown(given, ("ALWAYS",))] if given else parts)


def thing_part(name, members):
    return f"## {name}\n\n" + members_shown(members_of(members, "OF", name), ("ALWAYS",))


def labels_shown(text):
    return ", ".join(code(label) for label in text.split(", ") if label)


def metrics_page(source):
    return page(
        "Metrics",
        source,
        "What `GET /metrics` tells, in the text format of Prometheus. Nothing of it is a secret: an\n"
        "`endpoint` is `host:port`, and of a URL's path or key nothing is told. Counters begin at 0\n"
        "with each life of the process, but for that of commits.",
        table(
            ("metric", "type", "labels", "what it is"),
            [
                (code(row[1]), row[2].lower(), labels_shown(row[3]), row[4])
                for row in read_table(source)
            ],
        ),
    )


def limits_page(source):
    return page(
        "Limits of providers",
        source,
        "An endpoint of these hosts, or of a host below one of them, is asked no faster than its\n"
        "provider documents for those without a contract, unless it has a `rate` of its own in the\n"
        "configuration: nine tenths of the limit are the pace, and one tenth may be asked at once.\n"
        "Each call of a batch counts. Where methods have weights, the limit is in calls of the\n"
        "weight of `eth_call`; `eth_getBlockReceipts` and `eth_sendRawTransaction` weigh more at\n"
        "some, and what is then too fast is learned: a 429 is waited for as long as it says\n"
        "(`Retry-After`), and halves the pace. Other hosts have no limit before their first 429;\n"
        "PublicNode and LlamaNodes document none. Each process counts for itself, and the checks\n"
        "before a run apart from the run.",
        table(
            ("host", "calls", "in", "what it says", "where"),
            [
                (code(row[0]), row[1], f"{int(row[2]) // 1000} s", row[3], row[4])
                for row in read_table(source)
            ],
        ),
    )


def api_page(source):
    members = read_table(source.with_name("members.def"))
    vitals = source.parent.parent / "vital" / "vitals.def"
    things = dict.fromkeys(row[0] for row in members if row.macro == "OF")
    return page(
        "What an owner answers",
        source,
        "The process that owns a journal listens on `<journal>.sock`, a Unix socket of mode 0600,\n"
        "and speaks HTTP. What is asked is decided in a turn, and answered behind its commit.\n"
        "`pawl serve` answers the same over TCP, on `serve.listen` of its configuration, to who sends\n"
        "`Authorization: Bearer TOKEN` with a token of `serve.tokens`; else with 401. What names an\n"
        "`Origin` other than its own address is refused with 403, whatever it shows: no page of a\n"
        "browser asks here. On the socket no token is needed.\n"
        "`{name}` is percent-encoded. A body is JSON; members that a request does not have are\n"
        "refused. A refusal is `{\"error\", \"name\", \"exit\"}`: the sentence, the name in\n"
        "[errors](errors.md), and the exit code of the command that asks it. Another method than a\n"
        "path has is 405, and `Allow` says which; HEAD is a GET without its body, but of streams.\n"
        "What is no HTTP, or has a head of more than 16 KiB, is refused by the HTTP library before\n"
        "anything reads it: 400, 413, 414, 431 and 505 of those come with a page instead of that\n"
        "object, and where it has no room even for that, as with hundreds of arguments, the\n"
        "connection ends. A head that can be read in two ways is refused with 400: more than one\n"
        "`Host` or `Content-Length`, `Transfer-Encoding` beside that or other than `chunked`.\n\n"
        "A POST may have an `Idempotency-Key`, 1 to 255 visible ASCII characters: then it is done\n"
        "once. Who sends the same command with it again, also at the same time, after a crash, or in\n"
        "a year, gets the same answer, with the state of today and `Idempotency-Replayed: true`;\n"
        "another command with it is refused with 409, which names the first member that differs. The\n"
        "command is what counts, not its bytes. A key is written in the commit of what it led to, and\n"
        "never deleted. One whose command was refused is free: nothing was changed. Each token has\n"
        "keys of its own, and so has the socket. A journal that was put back has forgotten the keys\n"
        "that are younger than its copy: look at what is there before you send those again. Where\n"
        "changes of the layer-2 state were taken back, as `pawl node recover` does, the key that did\n"
        "them is refused with 409, which names them and the change that took them back: send them\n"
        "with a new key to do them again. The old one answers again when they are brought back;\n"
        "behind a state from elsewhere, of which nobody can say whether it has them, it is refused,\n"
        "as is one that an older version answered, which kept no numbers, where any state was\n"
        "replaced.\n"
        "What was asked over TCP is an event `asked` in the log of its operation, with the name of the\n"
        "token, which is also who switched an endpoint.",
        "From a shell, with the token in the environment:\n\n"
        "```sh\n"
        "curl -s -H \"Authorization: Bearer $PAWL_TOKEN\" http://127.0.0.1:8080/v1/operations\n"
        "```",
        "An amount of type `coin` is text in whole units, as in `1.5`; `units` is text in base\n"
        "units. The types that have a name of their own stand at the end.",
        *(route_part(route, members) for route in read_table(source)),
        *(vital_part(vital, members) for vital in read_table(vitals)),
        *(thing_part(name, members) for name in things),
    )


# What the third line of a window is called, by its mark.
WINDOW_ENDS = {"CLOSED": "What closes it", "BOUNDED": "What bounds it", "OPEN": "What is there"}


def scenarios():
    """The windows that the simulated world shows, by their names: what a trace of theirs says."""
    table_of = ROOT / "src" / "sim" / "story" / "scenarios.def"
    return {row[0]: row[1] for row in read_table(table_of)} if table_of.is_file() else {}


def window_part(number, row, unshown):
    shown = [f"pawl simulate --scenario {row[0]}"] if row[0] in scenarios() else []
    tests = ", ".join(code(ref) for ref in shown + row[7].split())
    mark = "" if row[2] == "CLOSED" else f" ({row[2].lower()})"
    lines = [
        f"### {number}. {row[0]}{mark}",
        row[3],
        f"- **Who has it.** {row[4]}.",
        f"- **{WINDOW_ENDS[row[2]]}** ({', '.join(row[6].split())}). {row[5]}",
        f"- **Tests.** {tests or 'none'}.",
    ]
    if unshown:
        lines.append(f"- **No scenario.** {unshown[0].upper()}{unshown[1:]}.")
    return "\n\n".join(lines[:2]) + "\n\n" + "\n".join(lines[2:])


def windows_page(source):
    rows = read_table(source)
    windows = [row for row in rows if row.macro == "WINDOW"]
    unshown = {row[0]: row[1] for row in rows if row.macro == "UNSHOWN"}
    numbers = {row[0]: number for number, row in enumerate(windows, 1)}
    parts = []
    for group in (row for row in rows if row.macro == "GROUP"):
        parts.append(f"## {group[1]}\n\n{group[2]}")
        parts += [
            window_part(numbers[row[0]], row, unshown.get(row[0]))
            for row in windows
            if row[1] == group[0]
        ]
    marks = [
        (mark.lower(), str(sum(row[2] == mark for row in windows)), means)
        for mark, means in explained(source)
    ]
    return page(
        "Crash windows",
        source,
        "What can go wrong between two instants when money is paid on a chain: each window, who\n"
        "was seen to have it, what closes it here, and the tests that show it. Most come from the\n"
        "bug reports and sources of other programs; those that were found on paper come from\n"
        "attacking this one's design. G0 to G11 are the promises of\n"
        "[INTERNALS.md](../INTERNALS.md#the-promise), which explain what a fence, a doubt and a tag\n"
        "are; its [table of words](../INTERNALS.md#words) has trail, stranger, intent, payload,\n"
        "attempt and empty attempt. `unit/forgotten/NAME` is a case of the program that\n"
        "`./do test forgotten` runs.",
        "The list is held complete by `./do test tidy`: each window has tests, which it looks for, or\n"
        "says that there is nothing to test, and each has a scenario of the simulated world, or says why\n"
        "that has none. What the simulated world finds beside them gets a window or a paragraph of\n"
        "[findings.md](findings.md), and with it a test.",
        table(("mark", "windows", "what it means"), marks),
        *parts,
    )


def risk_part(row):
    tests = row[5].split()
    return "\n\n".join(
        [
            f"## {row[0]}. {row[2]}",
            f"*{row[3]}*",
            row[4],
            f"The scene is `{tests[0]}`"
            + (f"; more of it: {', '.join(map(code, tests[1:]))}." if tests[1:] else "."),
        ]
    )


def risks_page(source):
    rows = read_table(source)
    return page(
        "Risks",
        source,
        "Twelve risks of a service that follows transactions and tells people of them, as a review of\n"
        "another one had found them before it went into production: in slanted letters what its users\n"
        "were to meet, then what holds here, and the tests that show it. `unit/track/NAME` is a case of\n"
        "the program that `./do test track` runs; `./do test tidy` looks for each of them.",
        *map(risk_part, rows),
    )


# Of each mutant, the first story of the simulator that went wrong with it, or a named scenario of
# which one did, or ">" and how many were told, or "-" and why no story can show it.
MUTANT_STORIES = ROOT / "tests" / "sim" / "mutants.txt"


def mutant_stories():
    if not MUTANT_STORIES.is_file():
        return {}
    lines = MUTANT_STORIES.read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines)


def mutants_page(source):
    stories = mutant_stories()

    def line(row):
        test = "pawl simulate" if row[2] == "sim" else f"{row[2]}/{row[3]}"
        story = stories.get(row[0], "")
        story = code(story) if story[:1].isalpha() else story.replace(">", "over ")
        story = story.removeprefix("- ")
        return (code(row[0]), row[1], code(test), story)

    return page(
        "Mutants",
        source,
        "Each is the program broken in one way, which `PAWL_MUTANT=name` switches on in a build that\n"
        "has them. `./do mutants` sees that each is found: by a program of the tests, or by stories of\n"
        "the simulator. The last column is one of the stories 1 to 5,000 that goes wrong with it;\n"
        "where none does, one of those in `tests/sim/seeds`, or a named scenario of which one does, or\n"
        "why no story can show it. `./do mutants --simulate` tells them, and keeps what came of it in\n"
        "`tests/sim/mutants.txt`.",
        table(("mutant", "what it breaks", "found by", "story"), map(line, read_table(source))),
    )


def simulate_page(source):
    sim = source.parent.parent

    def words(path, head):
        return table((head, "what it is"), [(code(r[1]), r[2]) for r in read_table(sim / path)])

    acts = [
        (code(row[1]), row[2], ", ".join(code(name) for name in row.arguments[3:] if name))
        for row in read_table(source)
    ]
    values = read_table(source.with_name("values.def"))
    parts = []
    for macro, (title, said) in VALUES.items():
        of_it = [(code(row[0]), row[1]) for row in values if row.macro == macro]
        parts += [f"## {title}", table((code(said), "what it means"), of_it)]
    return page(
        "What a story tells",
        source,
        "`pawl simulate --seed 42 --trace` tells a story line by line: the seconds since it began, and\n"
        "what happened. A process *rises* when it has opened its journal and goes on, *dies* where the\n"
        "story says so, *dies of it* when a disk failed it, *can't start* when another one owns the\n"
        "journal or it is damaged, *ends* by itself. *The other one* is a second process on the same\n"
        "disk, *the copy* one on a disk of its own. `asked` is what somebody asked over the socket, and\n"
        "how that was answered; `pawl` a command that was typed. *It calms down*: from now on nothing\n"
        "happens, and all has to come to its end. At last it is told what became of each list, and a\n"
        "hash of all that happened.",
        "`act N` is the N-th entry of the schedule, as `--acts` takes it, with what it does to whom:",
        table(("act", "what happens", "its numbers"), acts),
        "`ms` is a time, `per-mille` a chance, `list` and `key` count from 0, `row` from 1;\n"
        "`luck` and `where` are random numbers.",
        *parts,
        "## What happens to requests: `net fault=`, and the line `requests:`",
        words("node/fault.def", "fault"),
        "## What a node does wrong: `vice which=`",
        words("node/vice.def", "vice"),
        "## What the disk did: the line `disk:`",
        words("disk/disk_fault.def", "fault"),
    )


# Of values.def: the groups, and where their words stand.
VALUES = {
    "POWER": ("What dies with a process", "power="),
    "KEPT": ("What is kept", "keep what="),
    "PUT_BACK": ("How a journal is put back", "back how="),
    "EDITED": ("How a list is edited", "edit how="),
    "ROBBED": ("Of what who stands still is robbed", "stand robbed="),
    "RECEIVED": ("What a receiver does with what comes", "receiver how="),
}


def changes_page(source):
    rows = read_table(source)
    parts = []
    for change in (row for row in rows if row.macro == "CHANGE"):
        members = [row for row in rows if row.macro == "MEMBER" and row[0] == change[0]]
        parts.append(f"## {change[0].lower()}\n\n{sentence(change[1])}")
        parts.append(table(
            ("member", "", "type", "what it is"),
            [(code(row[1]), "" if row[3] == "NEEDED" else "may be left out", row[2].lower(), row[4])
             for row in members],
        ))
    return page(
        "Changes of the state of a layer 2",
        source,
        "Each is a line: an object with `do`, the name of the change, and its members.\n"
        "[state.md](state.md) says what every line may have besides, and what must hold.",
        table(("type", "what it is"), [(kind.lower(), text) for kind, text in explained(source)]),
        *parts,
    )


PAGES = (
    ("docs/errors.md", "src/base/err.def", errors_page),
    ("docs/crash-points.md", "src/base/crash.def", crash_points_page),
    ("docs/states.md", "src/engine/states.def", states_page),
    ("docs/config.md", "src/cli/config/config.def", config_page),
    ("docs/limits.md", "src/chain/pool/limits.def", limits_page),
    ("docs/api.md", "src/serve/request/routes.def", api_page),
    ("docs/metrics.md", "src/serve/vital/metrics.def", metrics_page),
    ("docs/crash-windows.md", "tests/windows.def", windows_page),
    ("docs/risks.md", "tests/risks.def", risks_page),
    ("docs/simulate.md", "src/sim/story/acts.def", simulate_page),
    ("docs/mutants.md", "src/base/mutant.def", mutants_page),
    ("docs/node/changes.md", "src/kinds/node/state/changes.def", changes_page),
)


def stale():
    """The pages that are not what their tables say, as (path, right text)."""
    for target, source, make in PAGES:
        path = ROOT / target
        if not (ROOT / source).is_file():
            continue
        text = make(ROOT / source)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            yield path, text


def main():
    check = sys.argv[1:] == ["--check"]
    old = list(stale())
    for path, text in old:
        if check:
            print(f"{path.relative_to(ROOT)} is stale: ./do docs")
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 1 if check and old else 0


if __name__ == "__main__":
    sys.exit(main())
