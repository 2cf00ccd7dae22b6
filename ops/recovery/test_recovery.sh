#!/bin/sh
# test_recovery.sh - try out on a copy of a node what one hopes not to need.
#
# The node itself is only read, also while it runs; all else happens in a folder of its
# own, which stays when the copy did not recover. docs/node/BACKUP_RECOVERY.md says more.
set -u

usage() {
	cat <<'END'
usage: test_recovery.sh --mode crash|reorg|corruption [--data-dir DIR]
                        [--reorg-depth N] [--corrupt-snapshot]

  crash        the program is killed while it changes and anchors the state
  reorg        the newest N blocks of the chain give way to others (N: 3)
  corruption   the reorg database is damaged; with --corrupt-snapshot, the
               newest snapshot

  --data-dir   the node that is copied, which is to be there; else that of
               ./pawl.yaml or $PAWL_CONFIG, or /var/lib/ailee, and where there is
               none an empty one. Nothing of it is changed.

Ends with 0 when the copy recovered, 2 when it did not, and 1 when it could not be
tried. $PAWL is the program, where pawl is neither beside this file nor in the path.
END
}

refuse() {
	echo "test_recovery.sh: $*" >&2
	exit 1
}

mode='' data='' depth='' snapshot=''
while [ $# -gt 0 ]; do
	case $1 in
	--mode | --data-dir | --reorg-depth)
		[ $# -gt 1 ] || refuse "$1 wants a value: see --help"
		case $1 in
		--mode) mode=$2 ;;
		--data-dir) data=$2 ;;
		*) depth=$2 ;;
		esac
		shift
		;;
	--corrupt-snapshot) snapshot=yes ;;
	--help | -h)
		usage
		exit 0
		;;
	*) refuse "$1 is no option of it: see --help" ;;
	esac
	shift
done
case $mode in
crash | reorg | corruption) ;;
'') refuse "--mode is crash, reorg or corruption" ;;
*) refuse "--mode is crash, reorg or corruption, and not $mode" ;;
esac
[ -z "$depth" ] || [ "$mode" = reorg ] || refuse "--reorg-depth is of --mode reorg"
[ -z "$snapshot" ] || [ "$mode" = corruption ] ||
	refuse "--corrupt-snapshot is of --mode corruption"
case ${depth:-3} in
*[!0-9]*) refuse "--reorg-depth: $depth is no number" ;;
*[1-9]*) ;;
*) refuse "--reorg-depth $depth: a reorg takes one block at least" ;;
esac

here=$(dirname "$0")
if [ -n "${PAWL:-}" ]; then
	pawl=$PAWL
elif [ -x "$here/pawl" ]; then
	pawl=$here/pawl
else
	pawl=pawl
fi
command -v "$pawl" >/dev/null || refuse "there is no program $pawl: PAWL=/path/to/pawl"

work=$(mktemp -d "${TMPDIR:-/tmp}/test_recovery.XXXXXX") || exit 1
if [ -z "$data" ] && [ ! -e "${PAWL_CONFIG:-pawl.yaml}" ]; then
	data=/var/lib/ailee
	if [ ! -e $data ]; then
		data=$work/none # nobody named one: an empty node
		mkdir "$data"
	fi
fi
log=$work/node/l2/l2_snapshots.dat
kept=
child=
finish() {
	[ -z "$child" ] || kill -9 "$child" 2>/dev/null
	if [ -n "$kept" ]; then
		echo "The copy is kept: $work" >&2
	else
		rm -rf "$work"
	fi
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

fail() {
	echo "Recovery failed: $*" >&2
	kept=yes
	exit 2
}

# The program, as the node of the copy: what the environment says is of the other one.
p() {
	env -i HOME="${HOME:-/}" PATH="$PATH" "$pawl" --config "$work/node/pawl.yaml" "$@"
}

copy() {
	set -- node rehearse "$work/node" "$@"
	[ -z "$data" ] || set -- "$@" --data-dir "$data"
	"$pawl" "$@"
	case $? in
	0) ;;
	2 | 6) fail "what the copy has does not hold" ;;
	*) refuse "the node could not be copied" ;;
	esac
}

# The state of the copy: that of its newest valid snapshot, and something to work on.
state() {
	if [ -s "$log" ]; then
		p node recover --latest-valid || fail "no snapshot of the node holds"
	fi
	change first | p node apply - || fail "the state takes no changes"
	p node create-anchor --quiet >/dev/null || fail "the state can't be anchored"
}

# 100 changes, each done once by its id.
change() {
	i=0
	while [ $i -lt 100 ]; do
		echo "{\"do\":\"credit\",\"peer\":\"rehearsal-$i\",\"amount\":1,\"id\":\"rehearsal-$1-$i\"}"
		i=$((i + 1))
	done
}

sound() {
	p node state --quiet >/dev/null || fail "the state is damaged $1"
}

verified() {
	p node verify || fail "the newest snapshot does not hold $1"
}

# -- a crash -----------------------------------------------------------------------

killed() {
	env -i HOME="${HOME:-/}" PATH="$PATH" "$pawl" --config "$work/node/pawl.yaml" "$@" \
		>/dev/null 2>&1 &
	child=$!
	sleep "0.0$round"
	kill -9 $child 2>/dev/null
	wait $child 2>/dev/null
	child=
}

crash() {
	copy
	state
	for round in 1 2 3 4 5 6; do
		change "$round" >"$work/changes.$round"
		killed node apply "$work/changes.$round"
		sound "behind a kill"
		p node apply "$work/changes.$round" --quiet || fail "changes were refused"
		killed node create-anchor
		sound "behind a kill"
		p node create-anchor --quiet >/dev/null || fail "the state can't be anchored"
		p node verify >/dev/null || fail "the newest snapshot does not hold"
	done
	echo "Killed 12 times"
	for round in 1 2 3 4 5 6; do
		[ "$(p node apply "$work/changes.$round" --json)" = '{"fresh":0,"known":100}' ] ||
			fail "changes were lost or done twice"
	done
	echo "Each of 600 changes was done once"
	printf 'SNAPSHOT v1\ntimestamp_ms 1\nbalances 2\nbalance "torn' >>"$log"
	verified "behind a torn one"
	change last | p node apply - --quiet || fail "changes were refused"
	p node create-anchor --quiet >/dev/null || fail "no snapshot is written behind a torn one"
	verified "behind a torn one"
}

# -- a reorg -----------------------------------------------------------------------

reorg() {
	copy --reorg-depth "${depth:-3}"
	p node reorgs 1 || fail "the reorg database is damaged"
	p node anchors | tail -n 4
}

# -- corruption --------------------------------------------------------------------

# Another digit in the root of the newest anchor.
spoil() {
	line=$(grep -an '^anchor "' "$log" | tail -n 1 | cut -d : -f 1)
	at=$(($(head -n $((line - 1)) "$log" | wc -c) + 8))
	digit=$(dd if="$log" bs=1 skip="$at" count=1 2>/dev/null)
	other=0
	[ "$digit" != 0 ] || other=1
	printf %s "$other" | dd of="$log" bs=1 seek="$at" conv=notrunc 2>/dev/null
}

corrupt_snapshot() {
	if [ "$(head -c 11 "$log")" != "SNAPSHOT v1" ]; then
		p node convert "$log" "$log.text" --to 1 >/dev/null ||
			fail "the log can't be converted"
		mv "$log.text" "$log"
	fi
	spoil
	p node verify
	[ $? -eq 2 ] || fail "the damage was not seen"
	p node recover --latest-valid || fail "the log was not put right"
	verified "behind its recovery"
}

corrupt_database() {
	[ -d "$work/node/l2/reorg_db" ] || p node init-reorg-db || fail "no reorg database"
	printf 'damaged\n' >"$work/node/l2/reorg_db/CURRENT"
	p node reorgs && fail "the damage was not seen"
	p node rebuild-reorg-db || fail "the reorg database was not rebuilt"
	p node reorgs || fail "the reorg database is damaged behind its recovery"
	p node anchors | tail -n 4
}

corruption() {
	copy
	state
	if [ -n "$snapshot" ]; then
		corrupt_snapshot
	else
		corrupt_database
	fi
	sound "behind its recovery"
}

"$mode"
echo "Recovery test passed: $mode"
