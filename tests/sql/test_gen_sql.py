#!/usr/bin/env python3
"""What tools/gen_sql.py refuses, with file and line; and what it must not touch."""

import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
sys.dont_write_bytecode = True

import gen_sql

GOOD = "-- name: one\n-- in: a i64\n-- out: b text?\nSELECT b FROM t WHERE a = :a;\n"

# what it is, the text, the line, a word of the refusal
REFUSED = (
    ("an unknown type", GOOD.replace("a i64", "a int"), 1, "name type"),
    ("a parameter that is not used", GOOD.replace("a i64", "a i64, c i64"), 1, "does not use"),
    ("a parameter that is not declared", GOOD.replace("= :a", "= :c"), 1, ":c"),
    ("a name twice", GOOD + GOOD, 5, "already"),
    ("a parameter twice", GOOD.replace("a i64", "a i64, a i64"), 1, "twice"),
    ("no semicolon", GOOD.replace(";", ""), 4, "semicolon"),
    ("no semicolon before the next", GOOD.replace(";", "") + "\n" + GOOD, 6, "semicolon"),
    ("two statements", GOOD + "SELECT 1;\n", 5, "complete"),
    ("no name", "SELECT 1;\n", 1, "without a name"),
    ("a head that is not understood", GOOD.replace("-- out", "-- outt"), 3, "head"),
    ("a scan without a reason", GOOD.replace("-- out", "-- scan:\n-- out"), 1, "reason"),
    ("no columns of a SELECT", GOOD.replace("-- out: b text?\n", ""), 1, "neither"),
    ("a pg: without a text", GOOD + "-- pg:\n", 1, "semicolon"),
)


def refusal(text):
    try:
        gen_sql.Parser("x.sql", {}).parse(text)
    except gen_sql.Refused as e:
        return str(e)
    return ""


def numbered(body, head="-- in: a i64, b i64\n-- out: c i64\n"):
    s = gen_sql.Parser("x.sql", {}).parse("-- name: x\n" + head + body + "\n")[0]
    return s.sqlite, s.postgres


def check_numbers():
    """a name twice is one number; quoted text, casts and comments are left alone"""
    got = numbered("SELECT c FROM t -- :no\nWHERE b = :b AND a = :a AND d = ':a' AND e = :a;")
    assert got[0] == "SELECT c FROM t\nWHERE b = ?2 AND a = ?1 AND d = ':a' AND e = ?1;", got
    got = numbered("SELECT c::bigint FROM t WHERE a = :a /* :x */ AND b = :b;")
    assert got[1] == "SELECT c::bigint FROM t WHERE a = $1  AND b = $2;", got


def check_override():
    """the text behind pg: is PostgreSQL's alone"""
    got = numbered("SELECT c FROM t WHERE a = :a AND b = :b;\n-- pg:\nSELECT :b + :a AS c;")
    assert got == ("SELECT c FROM t WHERE a = ?1 AND b = ?2;", "SELECT $2 + $1 AS c;"), got


def check_dialect():
    """the words of a migration, and one that is none"""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "0001-a.sql")
        path.write_text("CREATE TABLE a (b {{INT}}, c {{BLOB}}) {{STRICT}};\n")
        m = gen_sql.Migration(str(path))
        assert m.sqlite == "CREATE TABLE a (b INTEGER, c BLOB) STRICT;", m.sqlite
        assert m.postgres == "CREATE TABLE a (b BIGINT, c BYTEA) ;", m.postgres
        path.write_text("\nCREATE TABLE a (b {{FLOAT}});\n")
        try:
            gen_sql.Migration(str(path))
        except gen_sql.Refused as e:
            assert "0001-a.sql:2" in str(e), e
        else:
            raise AssertionError("{{FLOAT}} was accepted")


def main():
    results = [("the good one is taken", not refusal(GOOD), refusal(GOOD))]
    for what, text, line, word in REFUSED:
        said = refusal(text)
        results.append((what + " is refused", "x.sql:%d" % line in said and word in said, said))
    for check in (check_numbers, check_override, check_dialect):
        try:
            check()
            results.append((check.__doc__, True, ""))
        except AssertionError as e:
            results.append((check.__doc__, False, str(e)))
    print("1..%d" % len(results))
    for number, (what, good, said) in enumerate(results, 1):
        print("%sok %d - %s" % ("" if good else "not ", number, what))
        if not good:
            print("# said: %s" % said)
    return 0 if all(good for _, good, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
