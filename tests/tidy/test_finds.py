#!/usr/bin/env python3
"""Show that each check of tidy.py can fail: one TAP line for each sin."""

import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.dont_write_bytecode = True

import tidy

ROOT = pathlib.Path(__file__).resolve().parents[2]
MESON = "foreach module : [\n  'base',\n  'codec',\n  'chain',\n  'cli',\n]\n"
LONG = "int long_one(void)\n{\n" + "\treturn 0;\n" * 71 + "}\n"
WAIVED = "/* long: a table of steps */\n" + LONG
STATES = 'STATE(A, ONE, 0, "")\nSTATE(A, TWO, 1, "")\n'
WINDOW = 'GROUP(ONE, "", "")\nWINDOW(a, ONE, {}, "", "", "", "", "{}")\n'
UNSHOWN = 'UNSHOWN(a, "why")\n'
RISKS = "".join(
    f'RISK({number}, {name}, "", "", "", "unit/b/c")\n'
    for number, name in enumerate(tidy.RISKS, 1)
)
MUTANT = 'DEFECT(a_b, "", {}, {})\n'
BROKEN = {
    "src/base/b.c": "int b = MUTANT(a_b);\n",
    "tests/e2e/meson.build": "foreach row : [['c', 60]]\n  test('e2e-' + row[0], python)\nendforeach\n",
    "tests/unit/meson.build": "foreach name : ['d']\n  test(name, python)\nendforeach\ntest('e', python)\n",
}
RISK_TEST = {"tests/unit/test_b.c": "static void c(void **state)\n{\n}\n"}

# A tree in which no check finds anything.
CLEAN = {
    "meson.build": MESON,
    "src/base/a.h": "/* a.h - a thing, 1.5 times */\nint a(void);\n",
    "src/base/a.c": '#include "base/a.h"\n\nint a(void)\n{\n\treturn 1; /* a double strcpy( */\n}\n',
    "src/chain/evm/b.c": '#include "base/a.h"\n\n#include "chain/evm/b.def"\n',
    "src/chain/evm/c.c": WAIVED,
}

# what it is, the check that must find it, the files that are another
SINS = (
    ("an arrow up", tidy.check_arrows, {"src/base/b.c": '#include "codec/x.h"\n'}),
    ("an arrow sideways", tidy.check_arrows, {"src/chain/evm/b.c": '#include "chain/bitcoin/x.h"\n'}),
    ("an arrow up in a module", tidy.check_arrows, {"src/cli/ask/b.c": '#include "cli/key/x.h"\n'}),
    ("an arrow to nowhere", tidy.check_arrows, {"src/base/b.c": '#include "nowhere/x.h"\n'}),
    ("a path not from src/", tidy.check_arrows, {"src/base/b.c": '#include "a.h"\n'}),
    (
        "own header second",
        tidy.check_own_header_first,
        {"src/base/a.c": '#include <stdio.h>\n#include "base/a.h"\n'},
    ),
    ("a header without head", tidy.check_header_head, {"src/base/a.h": "int a(void);\n"}),
    ("a long line", tidy.check_columns, {"src/base/b.c": "\t/* " + "x" * 80 + " */\n"}),
    ("a long function", tidy.check_function_length, {"src/base/b.c": LONG}),
    (
        "a fourth waiver",
        tidy.check_function_length,
        {f"src/base/{name}.c": WAIVED for name in ("b", "c", "d")},
    ),
    (
        "a waiver for nothing",
        tidy.check_function_length,
        {"src/base/b.c": "/* long: not at all */\nint b(void)\n{\n\treturn 0;\n}\n"},
    ),
    ("a long file", tidy.check_file_length, {"src/base/b.c": "int b;\n" * 601}),
    ("another form", tidy.check_format, {"src/base/b.c": "int b(void) { return 0; }\n"}),
    ("blanks at the end", tidy.check_whitespace, {"src/base/b.c": "int b; \n"}),
    ("no last newline", tidy.check_whitespace, {"src/base/b.c": "int b;"}),
    ("a double", tidy.check_floating_point, {"src/base/b.c": "double b;\n"}),
    ("a fraction", tidy.check_floating_point, {"src/base/b.c": "int b = 3 * 1.5;\n"}),
    ("an exponent", tidy.check_floating_point, {"src/base/b.c": "long b = 1e18;\n"}),
    ("strtod", tidy.check_floating_point, {"src/base/b.c": "long b = strtod(s, 0);\n"}),
    ("strcpy", tidy.check_banned, {"src/base/b.c": "\tstrcpy(a, b);\n"}),
    ("malloc above base", tidy.check_banned, {"src/codec/b.c": "\tmalloc(1);\n"}),
    ("a path outside", tidy.check_outside, {"README.md": "see /wo" "rk/x\n"}),
    ("a number outside", tidy.check_outside, {"README.md": "see iss" "ue #12\n"}),
    ("a thing to do", tidy.check_outside, {"src/base/b.c": "/* TO" "DO: more */\n"}),
    ("a page that is missing", tidy.check_docs, {"src/base/err.def": 'ERR(OK, NONE, 0, "done")\n'}),
    (
        "a stale page",
        tidy.check_docs,
        {"src/base/err.def": 'ERR(OK, NONE, 0, "done")\n', "docs/errors.md": "# Errors\n"},
    ),
    (
        "an edge to nowhere",
        tidy.check_states,
        {"src/engine/states.def": STATES + 'EDGE(A, ONE, THREE, "")\n'},
    ),
    (
        "an island",
        tidy.check_states,
        {"src/engine/states.def": STATES + 'EDGE(A, TWO, ONE, "")\n'},
    ),
    (
        "a code that is used twice",
        tidy.check_states,
        {"src/engine/states.def": 'STATE(A, ONE, 0, "")\nSTATE(A, TWO, 0, "")\n'},
    ),
    (
        "a risk whose test is gone",
        tidy.check_risks,
        {"tests/risks.def": RISKS.replace("unit/b/c", "unit/b/gone"), **RISK_TEST},
    ),
    (
        "a risk without a test",
        tidy.check_risks,
        {"tests/risks.def": RISKS.replace("unit/b/c", ""), **RISK_TEST},
    ),
    (
        "eleven risks",
        tidy.check_risks,
        {"tests/risks.def": RISKS.rpartition("RISK(")[0], **RISK_TEST},
    ),
    (
        "a window whose test is gone",
        tidy.check_windows,
        {"tests/windows.def": WINDOW.format("CLOSED", "unit/a/b") + UNSHOWN},
    ),
    (
        "a window without a test",
        tidy.check_windows,
        {"tests/windows.def": WINDOW.format("BOUNDED", "") + UNSHOWN},
    ),
    (
        "a scenario for nothing",
        tidy.check_windows,
        {
            "tests/windows.def": WINDOW.format("OPEN", "") + UNSHOWN,
            "src/sim/story/scenarios.def": "SCENARIO(b, NULL, {}, {})\n",
        },
    ),
    (
        "a window without a group",
        tidy.check_windows,
        {"tests/windows.def": 'WINDOW(a, TWO, OPEN, "", "", "", "", "")\n' + UNSHOWN},
    ),
    (
        "a window that no scenario shows, and nobody says why",
        tidy.check_windows,
        {"tests/windows.def": WINDOW.format("OPEN", "")},
    ),
    (
        "a window with a scenario, and why it has none",
        tidy.check_windows,
        {
            "tests/windows.def": WINDOW.format("OPEN", "") + UNSHOWN,
            "src/sim/story/scenarios.def": "SCENARIO(a, NULL, {}, {})\n",
        },
    ),
    (
        "why there is no scenario of nothing",
        tidy.check_windows,
        {"tests/windows.def": 'GROUP(ONE, "", "")\n' + UNSHOWN},
    ),
    *(
        (
            f"a mutant that is for {suite}/{program}, which is no test",
            tidy.check_mutants,
            {"src/base/mutant.def": MUTANT.format(suite, program), **BROKEN},
        )
        for suite, program in (("e2e", "c"), ("unit", "g"), ("unit", "unit-d"), ("gone", "d"))
    ),
    (
        "a mutant of nothing",
        tidy.check_mutants,
        {
            "src/base/mutant.def": MUTANT.format("unit", "d"),
            **{name: BROKEN[name] for name in BROKEN if name.startswith("tests/")},
        },
    ),
    (
        "a promise whose test is gone",
        tidy.check_proofs,
        {"INTERNALS.md": "## The tests\n\n| G1 | unit: `it_holds` |\n"},
    ),
    (
        "a story without its test",
        tidy.check_proofs,
        {"docs/findings.md": "It is mended. Test: e2e `it_holds`.\n"},
    ),
    (
        "a story without its second test",
        tidy.check_proofs,
        {"docs/findings.md": "Tests: `./do x`,\n`it_holds`.\n", "tests/a": "it_too"},
    ),
    (
        "a story that is not kept",
        tidy.check_proofs,
        {"docs/findings.md": "Seeds 17 and 18.\n", "tests/sim/seeds": "17  so\n"},
    ),
    (
        "a story that is not kept, on a line of its own",
        tidy.check_proofs,
        {"docs/findings.md": "Seeds\n17, 18. Test: `a`.\n", "tests/a": "17 a"},
    ),
    (
        "a story that is kept, and not told",
        tidy.check_proofs,
        {"docs/findings.md": "Seed 17.\n", "tests/sim/seeds": "17  so\n18  too\n"},
    ),
    (
        "a statement for nobody",
        tidy.check_statements,
        {"sql/a.sql": "-- name: a_get\n-- out: n i64\nSELECT 1 AS n;\n"},
    ),
    ("a script that can't run", tidy.check_scripts, {"x": "#!/bin/sh\ntrue\n"}),
    ("a script that does not parse", tidy.check_scripts, {"bin/x": "#!/bin/sh\nif\n"}),
)


def found_in(check, files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in {**CLEAN, **files}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            path.chmod(0o755 if name.startswith("bin/") else 0o644)
        (root / "tools").mkdir()
        shutil.copy(ROOT / "tools" / "gen_docs.py", root / "tools")
        shutil.copy(ROOT / ".clang-format", root)
        return list(check(tidy.Tree(root)))


def main():
    failed = 0
    print(f"1..{len(tidy.CHECKS) + len(SINS)}")
    for number, check in enumerate(tidy.CHECKS, 1):
        problems = found_in(check, {})
        failed += bool(problems)
        print(f"{'not ' if problems else ''}ok {number} - a clean tree: {check.__doc__}")
        for problem in problems:
            print(f"# {problem}")
    for number, (name, check, files) in enumerate(SINS, len(tidy.CHECKS) + 1):
        problems = found_in(check, files)
        failed += not problems
        print(f"{'' if problems else 'not '}ok {number} - finds: {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
