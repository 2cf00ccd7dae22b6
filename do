#!/bin/sh
# The front door: everything that one does with this tree, a verb each. It installs what the
# verb needs and nothing else, and asks no package manager anything when nothing is missing.
set -eu
cd "$(dirname "$0")"
here=$PWD

# verb | the file that it works on (a verb without it is not there) | what it needs | what it does
verbs='
build    | meson.build               | build            | compile build/pawl
demo     | tools/demo.py             | build anvil      | pay 1,000 recipients on a real node, killed again and again
test     | tools/run_tests.py        | build test nodes | build all, and run all suites
torture  | tests/torture/meson.build | build test       | die at every instant, for longer than ./do test does
simulate | tools/simulate.py         | build            | tell stories of a made-up world on all cores
fuzz     | fuzz/meson.build          | build clang      | hostile bytes for every reader of outside input
bench    | bench/run.py              | build test anvil | measure, and write docs/benchmarks.md
mutants  | tools/run_mutants.py      | build test       | break the code in many ways: each must be found
damage   | tests/unit/l2_damages.py  | build test       | spoil logs of snapshots 100,000 times, and each byte of a small one
powercut | tests/powercut/powercut.py | build anvil disks | take the power from real disks while it pays
coverage | tools/coverage.py        | build test nodes | which lines and branches no suite reaches: docs/coverage.md
sanitize | tools/run_tests.py        | build test       | run the suites unit, sql and torture under ASan and UBSan
analyze  | meson.build               | build test clang | compile with gcc -fanalyzer, and with clang
format   | .clang-format             | format           | put the C code into its form
docs     | tools/gen_docs.py         | python           | write the generated pages of docs/
install  | meson.build               | build            | install the program
'

# verb | what may follow it | what that does
options='
test     | NAME...        | a suite, a program, or a part of its name: these alone
simulate | --lives N      | so many stories
simulate | --seconds N    | for so long (else for a minute)
simulate | --from SEED    | the first one (else others than last time)
simulate | --days N       | each of so many days, instead of some minutes
fuzz     | SECONDS        | for each reader (else 60)
fuzz     | NAME...        | behind the seconds: these readers alone
bench    | NAME...        | these figures alone, which are only shown
mutants  | NAME...        | these alone
mutants  | --simulate[=N] | by stories of the simulated world, N for each at most (else 5,000)
damage   | --rounds N     | so many random damages (else 100,000)
damage   | --seed N       | others (else those of seed 1)
damage   | --jobs N       | by so many processes (else one for each core)
powercut | --cuts N       | so many (else 200)
powercut | --seed N       | the same cuts again
powercut | --keep DIR     | for the image that fails
powercut | --mutant NAME  | with a defect, which must be found
powercut | -v             | a line for each cut and image
coverage | SUITE...       | by these alone; what they do not reach is only shown
coverage | --again        | by the counts that are there
install  | --prefix DIR   | where to (else /usr/local)
'

# What a need is made of: Debian packages. One behind a slash is a command that does as well.
packages='
build   gcc/gcc libc6-dev meson/meson ninja-build/ninja pkgconf/pkg-config python3/python3
build   libuv1-dev libcurl4-openssl-dev libmicrohttpd-dev libsqlite3-dev zlib1g-dev libzstd-dev libjansson-dev libyaml-dev
build   libsecp256k1-dev libsodium-dev libssl-dev librocksdb-dev libarchive-dev ca-certificates
npm     nodejs/node npm/npm
test    libcmocka-dev nettle-dev libwolfssl-dev clang-format/clang-format postgresql/initdb
test    prometheus/promtool curl/curl
clang   clang/clang
format  clang-format/clang-format
python  python3/python3
disks   libfuse3-dev e2fsprogs/mkfs.ext4 xfsprogs/mkfs.xfs mount/mount
'

say() {
	printf './do: %s\n' "$*" >&2
}

die() {
	say "$*"
	exit 1
}

# The rows of the table whose file is there, as: verb|needs|text
rows() {
	printf '%s' "$verbs" | while IFS='|' read -r verb file needs text; do
		file=$(echo "$file" | tr -d ' ')
		if [ -n "$file" ] && [ -e "$file" ]; then
			echo "$(echo "$verb" | tr -d ' ')|$needs|$text"
		fi
	done
}

usage() {
	echo "usage: ./do VERB"
	rows | while IFS='|' read -r verb needs text; do
		printf '  %-9s%s\n' "$verb" "$text"
	done
	echo "what may follow a verb: ./do VERB --help"
}

help_of() {
	verb=$1
	rows | while IFS='|' read -r name needs text; do
		[ "$name" != "$verb" ] || printf './do %s:%s\n' "$verb" "$text"
	done
	printf '%s' "$options" | while IFS='|' read -r name option text; do
		[ "$(echo "$name" | tr -d ' ')" != "$verb" ] || printf ' %s %s\n' "$option" "$text"
	done
}

needs_of() {
	rows | while IFS='|' read -r verb needs text; do
		[ "$verb" != "$1" ] || echo "$needs"
	done
}

# --- packages --------------------------------------------------------------------------------

packages_of() {
	for need in "$@"; do
		printf '%s' "$packages" | while read -r name list; do
			[ "$name" != "$need" ] || echo "$list"
		done
	done
}

# Debian keeps the server's programs out of PATH.
have_command() {
	command -v "$1" >/dev/null 2>&1 && return 0
	[ "$1" = initdb ] || return 1
	for initdb in /usr/lib/postgresql/*/bin/initdb; do
		[ ! -x "$initdb" ] || return 0
	done
	return 1
}

missing_of() {
	for word in $(packages_of "$@"); do
		case $word in
		*/*) have_command "${word#*/}" || echo "${word%/*}" ;;
		*)
			dpkg-query -W -f '${db:Status-Status}\n' "$word" 2>/dev/null |
				grep -qx installed || echo "$word"
			;;
		esac
	done
}

# The tests start servers of their own, as whom they like. Debian's package would make a
# cluster and run it as a service: this folder is read by its configuration, and the file
# goes away again after the install, so that a cluster that somebody wants later is made.
no_cluster=/etc/postgresql-common/createcluster.d/pawl.conf

# Runs as root, with the missing packages as arguments. A bare system has no lists yet, an old
# one has stale ones: only a failed install makes us fetch them. apt waits for the lock of
# dpkg by itself, but not for that of the lists.
# shellcheck disable=SC2016
as_root='
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
no_cluster=$1
log=$2
shift 2
case " $* " in
*" postgresql "*)
	mkdir -p "${no_cluster%/*}"
	echo "create_main_cluster = false" >"$no_cluster"
	;;
esac
# Likewise Prometheus: nothing of it is to run but what a test starts.
masked=
unit=/etc/systemd/system/prometheus.service
case " $* " in
*" prometheus "*)
	if [ -d "${unit%/*}" ] && [ ! -e "$unit" ] && [ ! -L "$unit" ]; then
		ln -s /dev/null "$unit"
		masked=$unit
	fi
	;;
esac
clean() {
	rm -f "$no_cluster"
	[ -z "$masked" ] || rm -f "$masked" "${unit%/*}/multi-user.target.wants/${unit##*/}"
}
trap clean EXIT
install() {
	apt-get install -y -q --no-install-recommends --no-remove \
		-o DPkg::Lock::Timeout=600 "$@" </dev/null >"$log" 2>&1
}
update() {
	for try in 1 2 3 4 5 6 7 8 9 10 11 12; do
		apt-get update -q -o DPkg::Lock::Timeout=600 </dev/null >"$log" 2>&1 && return
		grep -q "Could not get lock" "$log" || return
		sleep 5
	done
	return 1
}
install "$@" || { update && install "$@"; }
'

# How to become root, for what is missing: as we are, by sudo without a word, or by sudo with a
# question, where a terminal is there to answer it. Else the user gets the line to type.
find_root() {
	if [ "$(id -u)" = 0 ]; then
		root=
	elif sudo -n true 2>/dev/null; then
		root=sudo
	elif [ -t 0 ] && command -v sudo >/dev/null; then
		root=sudo
		sudo -v
	else
		say "packages are missing, and this user can't install them. As root, type:"
		case " $* " in
		*" postgresql "*)
			printf '%s && ' "mkdir -p ${no_cluster%/*}" \
				"echo 'create_main_cluster = false' >$no_cluster"
			;;
		esac
		echo "apt-get update && apt-get install --no-install-recommends $*"
		exit 1
	fi
}

install_packages() {
	# shellcheck disable=SC2046
	set -- $(missing_of "$@" | sort -u)
	[ $# -gt 0 ] || return 0
	say "installing $*"
	log=$(mktemp)
	if ! $root sh -c "$as_root" sh "$no_cluster" "$log" "$@"; then
		cat "$log" >&2
		rm -f "$log"
		die "apt-get could not install: $*"
	fi
	rm -f "$log"
}

# --- real programs from npm -------------------------------------------------------------------

architecture() {
	dpkg --print-architecture 2>/dev/null && return
	case $(uname -m) in
	aarch64) echo arm64 ;;
	*) echo amd64 ;;
	esac
}

peers=$here/build/peers
anvil=$peers/anvil/node_modules/@foundry-rs/anvil-linux-$(architecture)/bin/anvil

# What a need takes from npm: folders of tests/peers, each with its package.json.
peers_of() {
	case $1 in
	anvil) echo anvil ;;
	nodes) echo anvil others bitcoin ;;
	esac
}

# A file of such a folder, with the packages for this machine, called by their own names: the
# general ones leave their programs out without a word where they think that node is too old.
peer_file() {
	case $(architecture) in
	amd64) cat "$1" ;;
	*) sed 's/-linux-\(amd64\|x64\)/-linux-arm64/' "$1" ;;
	esac
}

have_peer() {
	case $1 in
	anvil) [ -z "${PAWL_ANVIL:-}" ] || return 0 ;;
	others) [ -z "${PAWL_PEERS:-}" ] || return 0 ;;
	bitcoin) [ -z "${PAWL_BITCOIN:-}" ] || return 0 ;;
	esac
	for file in "tests/peers/$1"/*; do
		peer_file "$file" | cmp -s - "$peers/$1/${file##*/}" || return 1
	done
}

missing_peers() {
	for name in $(peers_of "$1"); do
		have_peer "$name" || echo "$name"
	done
}

# The folder gets its name when it is whole: an install that was killed is begun anew.
install_peer() {
	say "installing the $1 of tests/peers from npm"
	rm -rf "${peers:?}/$1" "$peers/$1.new"
	mkdir -p "$peers/$1.new"
	for file in "tests/peers/$1"/*; do
		peer_file "$file" >"$peers/$1.new/${file##*/}"
	done
	(cd "$peers/$1.new" && npm install --ignore-scripts --no-audit --no-fund \
		--no-package-lock --no-update-notifier --loglevel=error </dev/null >npm.log 2>&1) || {
		cat "$peers/$1.new/npm.log" >&2
		die "npm could not install what tests/peers/$1 names"
	}
	mv "$peers/$1.new" "$peers/$1"
}

install_peers() {
	install_packages npm
	for name in "$@"; do
		install_peer "$name"
	done
	[ -n "${PAWL_ANVIL:-}" ] || [ -x "$anvil" ] ||
		die "npm installed no Anvil for $(architecture)"
}

# Installs what the verb needs. What comes from npm comes while we compile: who needs it calls
# await_peers first, and whatever happens we leave no apt behind.
peers_pid=
prepare() {
	needs=$(needs_of "$1")
	wanted=$(for need in $needs; do missing_peers "$need"; done)
	# shellcheck disable=SC2046,SC2086
	set -- $(missing_of $needs ${wanted:+npm} | sort -u)
	[ $# = 0 ] || find_root "$@"
	mkdir -p build
	# shellcheck disable=SC2086
	install_packages $needs
	if [ -n "$wanted" ]; then
		# shellcheck disable=SC2086
		install_peers $wanted &
		peers_pid=$!
		trap 'wait "$peers_pid"' EXIT
	fi
}

await_peers() {
	[ -z "$peers_pid" ] || wait "$peers_pid"
	trap - EXIT
	export PAWL_ANVIL="${PAWL_ANVIL:-$anvil}" PAWL_PEERS="${PAWL_PEERS:-$peers/others}"
	export PAWL_BITCOIN="${PAWL_BITCOIN:-$peers/bitcoin}"
}

# --- building ---------------------------------------------------------------------------------

# configure DIR OPTION...: makes the folder, or brings its options up to date. What was killed
# while it configured has no build.ninja.
configure() {
	dir=$1
	shift
	if [ -f "$dir/build.ninja" ]; then
		has_options "$dir" "$@" && return
		set -- --reconfigure "$@"
	else
		rm -rf "$dir/meson-private"
	fi
	meson setup "$@" "$dir" >"$dir.log" 2>&1 || {
		cat "$dir.log" >&2
		die "meson could not configure $dir"
	}
	rm "$dir.log"
}

has_options() {
	known=$1/meson-private/cmd_line.txt
	shift
	for option in "$@"; do
		option=${option#-D}
		grep -qxF "${option%%=*} = ${option#*=}" "$known" || return
	done
}

with_clang() (
	export CC=clang
	configure "$@"
)

# Where there is nothing to do, ninja would say so.
compile() {
	if ninja -n -C "$@" | grep -q 'no work to do'; then
		return
	elif [ -t 1 ]; then
		ninja -C "$@"
	else
		ninja --quiet -C "$@"
	fi
}

# The program alone. A folder that has tests keeps them.
build_pawl() {
	[ -f build/build.ninja ] || configure build -Dtests=false
	compile build pawl
}

build_all() {
	configure build -Dtests=true
	compile build
}

# --- verbs ------------------------------------------------------------------------------------

do_build() {
	build_pawl
}

do_demo() {
	build_pawl
	await_peers
	exec python3 tools/demo.py build/pawl "$@"
}

do_test() {
	build_all
	await_peers
	exec python3 tools/run_tests.py build "$@"
}

do_torture() {
	build_all
	exec python3 tools/run_tests.py build torture-long
}

do_simulate() {
	build_pawl
	exec python3 tools/simulate.py build/pawl "$@"
}

# The defects of src/base/mutant.def, each against the test program that must find it.
do_mutants() {
	configure build-mutants -Dtests=true -Dmutants=true
	compile build-mutants
	exec python3 tools/run_mutants.py build-mutants "$@"
}

# What is found lies in build-fuzz/found/NAME-*; add it to fuzz/corpus/NAME with the mending.
do_fuzz() {
	seconds=${1:-60}
	[ $# = 0 ] || shift
	# shellcheck disable=SC2046
	[ $# != 0 ] || set -- $(ls fuzz/corpus)
	with_clang build-fuzz -Dtests=false -Dfuzz=true -Db_sanitize=address,undefined \
		-Db_lundef=false -Dwerror=false -Doptimization=1
	compile build-fuzz
	for target in "$@"; do
		say "fuzz: $target for $seconds s"
		mkdir -p "build-fuzz/corpus/$target" build-fuzz/found
		"build-fuzz/fuzz/fuzz_$target" -max_total_time="$seconds" -rss_limit_mb=1500 \
			-timeout=20 -verbosity=0 -artifact_prefix="build-fuzz/found/$target-" \
			"build-fuzz/corpus/$target" "fuzz/corpus/$target" ||
			die "fuzz: $target: an input that ends it lies in build-fuzz/found"
	done
	say "fuzz: nothing found"
}

do_bench() {
	build_all
	await_peers
	exec python3 bench/run.py build "$@"
}

# Large logs of both formats against a second opinion; then of a small one each change of each
# byte, and each place where it may end.
do_damage() {
	configure build -Dtests=true
	compile build tests/unit/l2_finder tests/unit/test_l2_log
	nice -n 10 python3 tests/unit/l2_damages.py build/tests/unit/l2_finder --rounds 100000 \
		--blocks 20 --balances 1000 --jobs "$(nproc)" "$@"
	export L2_EVERY=1 L2_VECTORS="$here/tests/vectors/l2" CMOCKA_MESSAGE_OUTPUT=TAP
	exec nice -n 10 build/tests/unit/test_l2_log
}

# Says so where there is nothing to cut, before anything is installed for it.
can_powercut() {
	lacks=
	[ -e /dev/loop-control ] || lacks="this machine has no loop devices"
	[ -e /dev/fuse ] || lacks="this machine has no FUSE"
	[ "$(id -u)" = 0 ] || lacks="only root can mount"
	[ -n "$lacks" ] || return 0
	say "powercut: $lacks"
	exit 77
}

# A mutant of src/base/mutant.def must be found: --mutant NAME.
do_powercut() {
	folder=build
	mutants=false
	case " $* " in
	*" --mutant"*) folder=build-mutants mutants=true ;;
	esac
	[ -f $folder/build.ninja ] || configure $folder -Dtests=false
	configure $folder -Dpowercut=true -Dmutants=$mutants
	compile $folder pawl tests/powercut/recorder
	await_peers
	exec nice -n 10 python3 tests/powercut/powercut.py $folder/pawl \
		$folder/tests/powercut/recorder "$@"
}

# Every place that is not reached, by SUITE... alone if it is named: build-coverage/coverage.md.
do_coverage() {
	configure build-coverage -Dtests=true -Db_coverage=true -Doptimization=0 -Dwerror=false
	compile build-coverage
	await_peers
	exec python3 tools/coverage.py build-coverage "$@"
}

do_sanitize() {
	configure build-sanitize -Dtests=true -Db_sanitize=address,undefined -Dwerror=false \
		-Doptimization=1
	compile build-sanitize
	export ASAN_OPTIONS=abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1
	exec python3 tools/run_tests.py --slow 5 build-sanitize unit sql torture
}

# Without optimizer the analyzer of gcc sees more.
do_analyze() {
	configure build-analyze -Dtests=false -Doptimization=0 -Dc_args=-fanalyzer
	compile build-analyze
	with_clang build-clang -Dtests=true
	compile build-clang
	same_stories
}

# A story is the same to the byte, whatever compiled it.
same_stories() {
	build_pawl
	for seed in $(seq 1 100); do
		for folder in build build-clang; do
			$folder/pawl simulate --trace --seed "$seed" 2>/dev/null >$folder/story || true
		done
		cmp build/story build-clang/story || die "story $seed is another one under clang"
	done
	say "100 stories are the same from gcc and clang"
}

do_format() {
	for folder in src tests bench fuzz; do
		[ ! -d $folder ] || find $folder -name '*.[ch]' -exec clang-format -i {} +
	done
}

do_docs() {
	exec python3 tools/gen_docs.py
}

do_install() {
	case ${1:-} in
	--prefix) prefix=${2:-} ;;
	--prefix=*) prefix=${1#--prefix=} ;;
	*) prefix=/usr/local ;;
	esac
	[ -n "$prefix" ] || die "--prefix needs a folder"
	build_pawl
	configure build "-Dprefix=$prefix"
	compile build pawl
	exec meson install -C build --no-rebuild
}

verb=${1:-}
case $verb in
"" | -h | --help)
	usage
	exit 0
	;;
esac
if [ -z "$(needs_of "$verb")" ]; then
	usage >&2
	exit 1
fi
shift
case " $* " in
*" -h "* | *" --help "*)
	help_of "$verb"
	exit 0
	;;
esac
[ "$verb" != powercut ] || can_powercut
prepare "$verb"
"do_$verb" "$@"
