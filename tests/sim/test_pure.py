#!/usr/bin/env python3
"""The program as it is simulated reaches nothing outside: no clock, no network, no luck.

usage: test_pure.py PROGRAM
"""

import pathlib
import re
import subprocess
import sys

# Symbols of libraries and of the system that only the production world may use. Of libcurl the
# parser of URLs is for all: it asks nobody, and reads what will be asked as who asks does.
OUTSIDE = re.compile(
    r"^(uv_|curl_(?!url|free$)|MHD_|clock_|(gettimeofday|time|timer_\w+|ftime|getrandom|getentropy|"
    r"arc4random\w*|rand|random|socket|connect|bind|listen|accept4?|nanosleep|usleep|sleep|"
    r"thrd_create|fork|execve?)$)"
)
# Who has a part of a sum, or of a file, done by a thread, and has it joined before he returns: what
# comes of it depends on no order.
ASIDE = {f"kinds/node/snapshot/{name}.c" for name in ("bins", "log", "order", "root", "v1_check")}
LIBRARIES = re.compile(r"lib(uv|microhttpd)")


def lines(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def reached(program):
    names = (line.split()[-1].split("@")[0] for line in lines("nm", "-D", "-u", program))
    return sorted(name for name in names if OUTSIDE.match(name))


def linked(program):
    needed = (line for line in lines("readelf", "-d", program) if "(NEEDED)" in line)
    return sorted(line.split()[-1] for line in needed if LIBRARIES.search(line))


def threads(source):
    found = {str(path.relative_to(source)) for path in source.rglob("*.c")
             if "pthread_create(" in path.read_text(encoding="utf-8")}
    return sorted(found ^ ASIDE)


def result(number, found, what):
    for name in found:
        print(f"# {name}")
    print(f"{'not ' if found else ''}ok {number} - {what}")
    return not found


def main():
    program = sys.argv[1]
    good = result(1, reached(program), "nothing of the system's clock, network or luck is called")
    good = result(2, linked(program), "the production world's libraries are not linked") and good
    source = pathlib.Path(__file__).resolve().parents[2] / "src"
    good = result(3, threads(source), "threads work aside only where that decides nothing") and good
    print("1..3")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
