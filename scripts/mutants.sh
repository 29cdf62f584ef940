#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make mutants: changes one line of the code at a time, in a copy, and has something notice
# each change. The lists in tools/mutants say what is changed and who has to notice;
# tools/mutants/README.md says how to read them.
#
# Usage: mutants.sh [--dir DIR]     with the lists in DIR
# Environment: MUTANT, patterns of names: only these; FULL=1, also what needs a virtual
# machine.

. "$(dirname "$0")/lib.sh"

LISTS=$REPO/tools/mutants
WORK=$BUILD/mutants
# What one needs in order to build and to run a copy.
PARTS="Makefile Kconfig kernel kunit scripts tools"
# How far below the text after "at" the changed line may be.
REACH=40
# Of CPU time, for each scenario of the explorer where the list does not say.
EXPLORE_SECONDS=6
TORTURE_SECONDS=30

NAMES=()
# By name. KILL has one killer a line.
declare -A FILE=() AT=() OLD=() NEW=() TAG=() KILL=() WHY=() EXEMPT=() LINE=() OVER=()
declare -A COUNT=([killed]=0 [SURVIVED]=0 [exempt]=0 [later]=0)
FAILED=0

complain() { FAILED=$((FAILED + 1)); printf 'FAIL  %s\n' "$*"; }

# ---------------------------------------------------------------- the lists

# read_list FILE: paragraphs of "field: text"; spaces within a text are as they are.
read_list() {
	local line field text name=
	while IFS= read -r line || [[ -n $line ]]; do
		[[ $line != "#"* ]] || continue
		[[ -n $line ]] || { name=; continue; }
		field=${line%%:*}
		text=${line#*:}
		text=${text# }
		if [[ $field == mutant ]]; then
			name=$text
			[[ -z ${FILE[$name]+x} ]] || complain "$name: is there twice"
			NAMES+=("$name")
			FILE[$name]='' AT[$name]='' OLD[$name]='' NEW[$name]='' TAG[$name]=''
			KILL[$name]='' WHY[$name]='' EXEMPT[$name]=''
			continue
		fi
		[[ -n $name ]] || die "$1: \"$line\" belongs to no mutant"
		set_field "$name" "$field" "$text" || die "$1: $name: there is no field \"$field\""
	done <"$1"
}

set_field() {
	case $2 in
	file) FILE[$1]=$3 ;;
	at) AT[$1]=$3 ;;
	old) OLD[$1]=$3 ;;
	new) NEW[$1]=$3 ;;
	tag) TAG[$1]=$3 ;;
	kill) KILL[$1]+=$3$'\n' ;;
	why) WHY[$1]=$3 ;;
	exempt) EXEMPT[$1]=$3 ;;
	*) return 1 ;;
	esac
}

# What is wrong with a record, if anything is.
record_error() {
	if [[ ! $1 =~ ^[a-z0-9-]+$ ]]; then
		echo "is no name"
	elif [[ -z ${FILE[$1]} || -z ${AT[$1]} || -z ${OLD[$1]} || -z ${WHY[$1]} ]]; then
		echo "needs file, at, old and why"
	elif [[ -z ${KILL[$1]} && -z ${EXEMPT[$1]} ]]; then
		echo "says neither who kills it nor why it is exempt"
	elif [[ -n ${KILL[$1]} && -n ${EXEMPT[$1]} ]]; then
		echo "cannot be exempt and have killers"
	elif [[ ${OLD[$1]} == "${NEW[$1]}" ]]; then
		echo "changes nothing"
	elif grep -qvE '^((litmus|model|explore|kunit|torture) .|$)' <<<"${KILL[$1]}"; then
		echo "has a killer that there is not"
	fi
}

# mutate NAME DIR [OUT]: the number of the line that changes, of the only place where the
# list's texts are as it says; with OUT the changed file is left there.
mutate() {
	AT_TEXT=${AT[$1]} OLD_TEXT=${OLD[$1]} NEW_TEXT=${NEW[$1]} awk -v reach=$REACH -v out="${3:-/dev/null}" '
		BEGIN { at = ENVIRON["AT_TEXT"]; old = ENVIRON["OLD_TEXT"]; new = ENVIRON["NEW_TEXT"] }
		index($0, at) { found++; if (!from) from = NR }
		from && !line && NR <= from + reach && (i = index($0, old)) {
			line = NR
			rest = substr($0, i + length(old))
			twice = index(rest, old)
			$0 = substr($0, 1, i - 1) new rest
		}
		{ print >out }
		END {
			if (found != 1)
				print "\"" at "\" is there " found + 0 " times"
			else if (!line)
				print "\"" old "\" is not there, or too far below"
			else if (twice)
				print "\"" old "\" is there twice in line " line
			else {
				print line
				exit 0
			}
			exit 1
		}' "$2/${FILE[$1]}"
}

# The tag of the place, as in DMM(pin:A).
tag_of() {
	local tag=${TAG[$1]}
	[[ -n $tag ]] || tag=$(grep -oE "$TAGS" <<<"${AT[$1]}" | head -n 1) || true
	[[ -n $tag ]] || tag=$(grep -F -m 1 "${AT[$1]}" "$REPO/${FILE[$1]}" | grep -oE "$TAGS" | head -n 1) || true
	echo "$tag"
}

check_record() {
	local name=$1 error
	error=$(record_error "$name")
	if [[ -z $error && ! -f $REPO/${FILE[$name]} ]]; then error="there is no file ${FILE[$name]}"; fi
	if [[ -z $error ]]; then
		LINE[$name]=$(mutate "$name" "$REPO") || error="stale: ${LINE[$name]}"
	fi
	[[ -z $error ]] || { complain "$name: $error"; OVER[$name]=1; return; }
	TAG[$name]=$(tag_of "$name")
}

chosen() {
	local pattern
	for pattern in "${PATTERNS[@]}"; do
		# shellcheck disable=SC2053 # a pattern it is
		[[ $1 != $pattern ]] || return 0
	done
	return 1
}

# ---------------------------------------------------------------- tags

# Where the code says what a barrier is for, that is, where a sentence begins with its tag.
tag_sites() {
	(cd "$REPO" && grep -roE "[*.] +$TAGS:" kernel) | sed -E 's/:[*.] +/ /; s/:$//' | sort
}

mutated_sites() {
	local name
	for name in "${NAMES[@]}"; do
		[[ -z ${TAG[$name]} || -z ${LINE[$name]} ]] ||
			echo "${FILE[$name]} ${TAG[$name]} ${LINE[$name]}"
	done | sort -u | cut -d ' ' -f 1,2
}

# Each place with a tag has a mutant of its own, which changes another line.
check_tags() {
	local left
	left=$(comm -23 <(tag_sites) <(mutated_sites))
	if [[ -n $left ]]; then
		complain "places with a tag and without a mutant: $(paste -sd ';' <<<"$left" | sed 's/;/; /g')"
	else
		printf 'ok    every place with a tag has a mutant (%d places)\n' "$(tag_sites | wc -l)"
	fi
}

# ---------------------------------------------------------------- what is known beforehand

# killers KIND: the second words of all killers of that kind
killers() {
	local name
	for name in "${NAMES[@]}"; do
		[[ -n ${OVER[$name]:-} ]] || sed -n "s/^$1 \([^ ]*\).*/\1/p" <<<"${KILL[$name]}"
	done | sort -u
}

# run_beforehand WHAT COMMAND...: its verdicts go to a log. What is not in there has not passed.
run_beforehand() {
	local what=$1
	shift
	step "Running the $what that the lists name ($(($# - 1)))"
	with_progress "$what" "$WORK/$what.log" '^(ok|FAIL) ' "$@" || true
}

run_litmus() {
	local tests=()
	mapfile -t tests < <(killers litmus)
	((${#tests[@]})) || return 0
	run_beforehand litmus "$REPO/scripts/litmus.sh" "${tests[@]}"
}

run_models() {
	local twins=()
	mapfile -t twins < <(killers model)
	((${#twins[@]})) || return 0
	run_beforehand models "$REPO/scripts/models.sh" "${twins[@]}"
}

copy_tree() {
	local part
	rm -rf "$1"
	mkdir -p "$1"
	for part in $PARTS; do
		cp -a "$REPO/$part" "$1/"
	done
	rm -rf "$1"/tools/*/build
}

# What is not changed has to pass: else what finds a mutant is only broken. Its objects are
# also where the copies begin.
build_base() {
	local log=$WORK/base.log
	copy_tree "$WORK/base"
	[[ -n $(killers explore) ]] || return 0
	step "Building what is not changed"
	with_progress "building" "$log" '^(cc|gcc) .* -c ' \
		make -C "$WORK/base/tools/explore" CC=gcc -j "$JOBS" O=../../build/explore ../../build/explore/explore ||
		{ tail -n 20 "$log" >&2; die "the explorer does not build (log: $log)"; }
}

explore_base() {
	trap - ERR
	"$WORK/base/build/explore/explore" -s "$EXPLORE_SECONDS" "$1" >"$WORK/base-$1.log" 2>&1
}

judge_scenario() {
	(($2 == 0)) || complain "$1 fails already without a mutant (see ${WORK#"$REPO"/}/base-$1.log)"
}

check_scenarios() {
	local scenario failed=$FAILED JUDGE=judge_scenario
	step "Exploring what is not changed ($(killers explore | wc -l) scenarios)"
	while read -r scenario; do
		[[ -n $scenario ]] || continue
		((${#RUNNING[@]} < JOBS)) || finish_job
		explore_base "$scenario" &
		RUNNING[$!]=$scenario
	done < <(killers explore)
	finish_jobs
	((FAILED == failed)) || die "so nothing can be said of mutants"
}

# ---------------------------------------------------------------- one mutant

# Each killer: 0 if it notices, 1 if it does not, 2 if it is no killer at all. It leaves what to
# say of it in SAID.

# The memory model says of the pattern what becomes of it with the barrier weakened so.
kill_litmus() {
	local name=$1 test=$2 tag
	tag=${TAG[$name]#?MM(}
	SAID="$test is no test of ${TAG[$name]:-a tag}"
	sed -n 's/^ \* Tags: *//p' "$REPO/tools/litmus/$test.litmus" 2>/dev/null | tr ' ' '\n' |
		grep -qxF "${tag%)}" || return 2
	SAID="$test has the bug"
	grep -qx "ok    $test: Sometimes" "$WORK/litmus.log"
}

kill_model() {
	SAID="model $2 has the bug"
	awk -v twin="$2" '$1 == "ok" && $2 == twin && /twin caught/ { found = 1 } END { exit !found }' \
		"$WORK/models.log"
}

# What is to be built of it: the explorer if it is to run, else what the change is in. All
# headers are in op.c. Nothing of what the explorer has no part for, which its Makefile names: that
# is built with the modules.
target_of() {
	local file=${FILE[$1]}
	! grep -qwF "$file" "$REPO/tools/explore/Makefile" || return 0
	[[ $file == kernel/*.c ]] || file=kernel/kcas/op.c
	case ${KILL[$1]} in
	*explore\ *) echo explore ;;
	*) echo "fibers/${file%.c}.o" ;;
	esac
}

build_mutant() {
	local target
	target=$(target_of "$1")
	[[ -n $target ]] || return 0
	make -C "$WORK/$1/tools/explore" CC=gcc O=../../build/explore \
		"../../build/explore/$target" >"$WORK/$1.log" 2>&1
}

kill_explore() {
	local name=$1 scenario=$2 seconds=${3:-$EXPLORE_SECONDS} rc=0 log=$WORK/$1.log start=$SECONDS
	timeout -k 5 $((seconds * 4 + 20)) "$WORK/$name/build/explore/explore" -s "$seconds" "$scenario" \
		>>"$log" 2>&1 </dev/null || rc=$?
	SAID="explore $scenario, $((SECONDS - start)) s"
	((rc == 1 || rc == 2)) && grep -q '^FAIL ' "$log" && return
	((rc == 124)) && SAID+=" and no end" && return
	return 1
}

# kill_kunit NAME FILTER [FLAVOUR]: in the tree of all of these, which has the change by now
kill_kunit() {
	SAID="kunit $2${3:+ on $3}"
	! env -C "$WORK/base" FILTER="$2" DEBUG="${3:-}" KCAS_CACHE="$CACHE" scripts/test.sh </dev/null >>"$WORK/$1.log" 2>&1 &&
		tail -n 1 "$WORK/$1.log" | grep -qE '^[0-9]+ passed, [1-9][0-9]* failed'
}

kill_torture() {
	SAID="torture $2"
	! env -C "$WORK/base" TORTURE="$2" SECONDS_TO_RUN=$TORTURE_SECONDS KCAS_CACHE="$CACHE" \
		scripts/torture.sh </dev/null >>"$WORK/$1.log" 2>&1 &&
		tail -n 1 "$WORK/$1.log" | grep -q '^TORTURE: FAILURE'
}

# try NAME KINDS: those killers of the list, in its order. Prints what came of it, as in
# "killed|by whom".
try() {
	local name=$1 kinds=$2 left="" killer words rc
	trap - ERR
	set +e
	while read -r killer; do
		[[ -n $killer ]] || continue
		[[ $kinds == *"${killer%% *}"* ]] || { left=later; continue; }
		SAID=
		read -ra words <<<"$killer"
		"kill_${words[0]}" "$name" "${words[@]:1}"
		rc=$?
		if ((rc == 0)); then
			echo "killed|$SAID"
			return
		elif ((rc == 2)); then
			echo "error|$SAID"
			return
		fi
	done <<<"${KILL[$name]}"
	echo "${left:-SURVIVED}|$(paste -sd, <<<"${KILL[$name]%$'\n'}")"
}

# The copy with the change, which has to be a program; then who is quick.
try_mutant() {
	local name=$1
	cp -a "$WORK/base" "$WORK/$name"
	mutate "$name" "$REPO" "$WORK/$name/${FILE[$name]}" >/dev/null
	diff -u "$REPO/${FILE[$name]}" "$WORK/$name/${FILE[$name]}" >"$WORK/$name.diff" || true
	if ! build_mutant "$name"; then
		echo "error|it does not build: $(grep -m 1 error "$WORK/$name.log")"
	else
		try "$name" "litmus model explore"
	fi >"$WORK/$name.result"
}

# ---------------------------------------------------------------- all of them

show() {
	printf '%-9s %-32s %s\n' "$1" "$2" "$3"
}

# judge NAME STATUS: what is in the result.
judge() {
	local name=$1 verdict text
	IFS='|' read -r verdict text <"$WORK/$name.result" || verdict=error text="it was not tried"
	if [[ $verdict == later && ${FULL:-0} != 0 ]]; then
		LATER+=("$name")
		return
	fi
	case $verdict in
	killed) rm -rf "${WORK:?}/$name" ;;
	later) text="left to $text: FULL=1" ; rm -rf "${WORK:?}/$name" ;;
	SURVIVED) text="$text; ${FILE[$name]}:${LINE[$name]}, log and diff in ${WORK#"$REPO"/}" ;;
	*) complain "$name: $text"; return ;;
	esac
	COUNT[$verdict]=$((COUNT[$verdict] + 1))
	show "$verdict" "$name" "$text"
}

# Virtual machines one at a time, and all in one tree, in which little is to be built anew then.
try_later() {
	local name
	for name; do
		cp "$WORK/$name/${FILE[$name]}" "$WORK/base/${FILE[$name]}"
		try "$name" "kunit torture" >"$WORK/$name.result"
		cp "$REPO/${FILE[$name]}" "$WORK/base/${FILE[$name]}"
		judge "$name" 0
	done
}

# In virtual machines what is not changed has to pass as well.
check_base_in_guests() {
	local filter
	while read -ra filter; do
		! kill_kunit base "${filter[@]}" || die "kunit ${filter[*]} fails already without a mutant"
	done < <(for name; do sed -n 's/^kunit //p' <<<"${KILL[$name]}"; done | sort -u)
}

exempt() {
	COUNT[exempt]=$((COUNT[exempt] + 1))
	show exempt "$1" "${EXEMPT[$1]}"
}

run_all() {
	local name
	for name in "${NAMES[@]}"; do
		[[ -z ${OVER[$name]:-} ]] || continue
		if [[ -n ${EXEMPT[$name]} ]]; then
			exempt "$name"
			continue
		fi
		((${#RUNNING[@]} < JOBS)) || finish_job
		try_mutant "$name" &
		RUNNING[$!]=$name
	done
	finish_jobs
}

stop_all() {
	local pid
	for pid in "${!RUNNING[@]}"; do
		kill -TERM "$pid" 2>/dev/null || true
	done
}

summary() {
	printf '%d mutants: %d killed, %d survived, %d exempt, %d left to virtual machines; %d wrong; %d s\n' \
		"$((COUNT[killed] + COUNT[SURVIVED] + COUNT[exempt] + COUNT[later]))" "${COUNT[killed]}" \
		"${COUNT[SURVIVED]}" "${COUNT[exempt]}" "${COUNT[later]}" "$FAILED" "$SECONDS"
	((COUNT[SURVIVED] + FAILED == 0))
}

if [[ ${1:-} == --dir ]]; then
	[[ -d ${2:-} ]] || die "usage: mutants.sh [--dir DIR]"
	LISTS=$(cd "$2" && pwd)
	WORK=$LISTS/build
	shift 2
fi
check_paths
ensure_tools "make:make gcc:gcc /usr/include/stdlib.h:libc6-dev"
mkdir -p "$WORK"
exec 8>"$WORK/.lock"
wait_for_lock 8 "$WORK/.lock"
rm -rf "${WORK:?}"/*
for list in "$LISTS"/*.list; do
	[[ -e $list ]] || die "there is no list in $LISTS"
	read_list "$list"
done
for name in "${NAMES[@]}"; do
	check_record "$name"
done
[[ -n ${MUTANT:-} ]] || check_tags
read -ra PATTERNS <<<"${MUTANT:-*}"
for name in "${NAMES[@]}"; do
	chosen "$name" || OVER[$name]=1
done
LATER=()
on_exit stop_all
build_base
run_litmus
run_models
check_scenarios
step "Trying $((${#NAMES[@]} - ${#OVER[@]})) mutants, $JOBS at a time"
run_all
if ((${#LATER[@]})); then
	step "Those that need a virtual machine (${#LATER[@]})"
	check_base_in_guests "${LATER[@]}"
	try_later "${LATER[@]}"
fi
rm -rf "$WORK/base"
summary || exit 1
