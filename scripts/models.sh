#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make models: has spin search the state spaces of the Promela models of tools/models. The
# head of each file says what there is:
#
#	Model: NAME KIND [-DOPTION...]		spin has to find nothing, in a complete search
#	Twin: NAME KIND [-DOPTION...], WHAT	with -DTWIN_NAME it has to find an error
#
# KIND is what is searched for, and of a twin, what has to be found: safety (assertions and
# deadlocks; of a twin: an assertion), deadlock (the same; of a twin: a deadlock), np
# (cycles without progress), fair (what the file's LTL formula forbids, under weak fairness).
#
# Usage: models.sh [--dir DIR] [PATTERN...]	only those whose names match, as in 'kcas/*'

. "$(dirname "$0")/lib.sh"

MODELS=$REPO/tools/models
WORK=$BUILD/models
# Of one search: seconds of the CPU, megabytes, and steps from the beginning.
LIMIT=${MODELS_LIMIT:-100}
MEMORY=${MODELS_MEMORY:-2500}
DEPTH=${MODELS_DEPTH:-1000000}
AT_ONCE=$((JOBS < 2 ? JOBS : 2))
FIELDS='%-4s  %-36s %10s %10s %7s %6s  %s\n'

PASSED=0
FAILED=0
CASES=()

# ---------------------------------------------------------------- what there is

# list FILE: the cases of a file, a line each: name, kind, "model" or "twin", options, what
list() {
	local base
	base=$(basename "$1" .pml)
	sed -nE 's/^ \* (Model|Twin): +//; T; s/^([^,]*)(, *(.*))?$/\1|\3/p' "$1" |
		paste -d '|' <(sed -nE 's/^ \* (Model|Twin): .*/\1/p' "$1") - |
		awk -F '|' -v base="$base" '{
			n = split($2, word, " ")
			twin = $1 == "Twin"
			options = twin ? "-DTWIN_" word[1] : ""
			for (i = 3; i <= n; i++)
				options = options " " word[i]
			print base "/" word[1] "|" word[2] "|" tolower($1) "|" options "|" $3
		}'
}

# The twins that a text on stdin can be made into.
used_twins() { grep -v '^ \*' | grep -oE 'TWIN_[A-Z0-9_]+' | sort -u; }

named_twins() { sed -nE 's/^ \* Twin: +([A-Z0-9_]+) .*/TWIN_\1/p' "$@" | sort -u; }

# included FILE: the files that it includes
included() { sed -nE "s|^#include \"(.*)\"|$MODELS/\\1|p" "$1"; }

# odd LIST: names that are there, in one line
odd() { [[ -z $1 ]] || echo "twins that are not both named and used: $(xargs <<<"$1")"; }

# What is wrong with the head of a file, if anything is.
head_error() {
	local cases files
	cases=$(list "$1")
	mapfile -t files < <(included "$1")
	if [[ $cases != *"|model|"* || $cases != *"|twin|"* ]]; then
		echo "names no model, or no twin"
	elif [[ -n $(cut -d '|' -f 1 <<<"$cases" | sort | uniq -d) ]]; then
		echo "names something twice"
	elif cut -d '|' -f 2 <<<"$cases" | grep -qvxE 'safety|deadlock|np|fair'; then
		echo "has a kind that there is not"
	elif grep -q '|twin|[^|]*|$' <<<"$cases"; then
		echo "does not say of each twin what is wrong with it"
	else
		odd "$(comm -13 <(named_twins "$1") <(used_twins <"$1")
			comm -23 <(named_twins "$1") <(cat "$1" "${files[@]}" | used_twins))"
	fi
}

# What is in files that others include has to be somebody's.
shared_error() {
	odd "$(comm -13 <(named_twins "$MODELS"/*.pml) <(cat "$MODELS"/*.h 2>/dev/null | used_twins))"
}

choose() {
	local line pattern
	while read -r line; do
		for pattern; do
			# shellcheck disable=SC2053 # a pattern it is
			[[ ${line%%|*} != $pattern ]] || { CASES+=("$line"); break; }
		done
	done
}

# ---------------------------------------------------------------- one search

declare -A PAN_COMPILE=([safety]="-DSAFETY" [deadlock]="-DSAFETY" [np]="-DNP" [fair]="-DNFAIR=3")
declare -A PAN_RUN=([safety]="" [deadlock]="" [np]="-l" [fair]="-a -f")
declare -A FOUND=([safety]="assertion violated" [deadlock]="invalid end state"
	[np]="non-progress cycle" [fair]="acceptance cycle")

search() {
	local name=$1 kind=$2 options=$3 dir=$WORK/$1 reduce=
	# It has a status of its own for each way to fail.
	trap - ERR
	rm -rf "$dir"
	mkdir -p "$dir"
	cd "$dir" || return
	# Which steps are independent is not what spin takes it to be if processes stop others.
	! grep -q provided "$MODELS/${name%%/*}.pml" || reduce=-DNOREDUCE
	# shellcheck disable=SC2086 # several options
	spin -a $options "$MODELS/${name%%/*}.pml" >build.log 2>&1 || return 101
	# shellcheck disable=SC2086 # one option or none
	nice -n 19 gcc -O1 -w $reduce -DVECTORSZ=4096 -DMEMLIM="$MEMORY" ${PAN_COMPILE[$kind]} \
		-I"$MODELS" -o pan pan.c >>build.log 2>&1 || return 101
	ulimit -t "$LIMIT"
	TIMEFORMAT=%U
	# shellcheck disable=SC2086 # the same
	{ time nice -n 19 ./pan -m"$DEPTH" ${PAN_RUN[$kind]} >pan.log 2>&1; } 2>time.log
}

start_case() {
	local name kind rest
	IFS='|' read -r name kind _ rest _ <<<"$1"
	(in_subshell search "$name" "$kind" "$rest") 8>&- </dev/null &
	RUNNING[$!]=$1
}

number() { sed -nE "s/^ *([0-9]+) $1.*/\1/p" "$LOG" | head -n 1; }

# What was found, in spin's words; or why that is not known; or nothing. In $1: status.
finding() {
	if (($1 == 101)); then
		echo "does not build: $(tail -n 1 "${LOG%/*}/build.log")"
	elif (($1 == 128 + 9 || $1 == 128 + 24)); then
		echo "not done after $LIMIT s, or killed"
	elif ! grep -q 'errors: [0-9]' "$LOG"; then
		echo "no result, status $1: $(tail -n 1 "$LOG")"
	elif grep -q 'errors: 0$' "$LOG"; then
		# A depth that is cut off is no error for spin.
		grep -oE 'max search depth too small|MEMLIM bound|out of memory|Search not completed' \
			"$LOG" | head -n 1
	else
		sed -nE 's/^pan:1: ((assertion|invalid end|non-progress|acceptance) [a-z]+).*/\1/p' "$LOG"
	fi
}

row() {
	local name=$2 verdict=$3 depth seconds
	depth=$(sed -nE 's/.*depth reached ([0-9]+).*/\1/p' "$LOG" 2>/dev/null | head -n 1) || true
	seconds=$(tail -n 1 "${LOG%/*}/time.log" 2>/dev/null) || true
	# shellcheck disable=SC2059 # that is what it is for
	printf "$FIELDS" "$1" "$name" "$(number 'states, stored' 2>/dev/null)" \
		"$(number transitions 2>/dev/null)" "$depth" "$seconds" "$verdict"
}

passed() { PASSED=$((PASSED + 1)); row ok "$@"; }
failed() { FAILED=$((FAILED + 1)); row FAIL "$@"; }

# judge CASE STATUS
judge() {
	local name kind type what found
	IFS='|' read -r name kind type _ what <<<"$1"
	LOG=$WORK/$name/pan.log
	found=$(finding "$2") || true
	case $type in
	model)
		if [[ -z $found ]]; then passed "$name" pass; else failed "$name" "$found"; fi ;;
	twin)
		if [[ $found == "${FOUND[$kind]}" ]]; then
			passed "$name" "twin caught: $what"
		else
			failed "$name" "twin not caught (${found:-nothing found}): $what"
		fi ;;
	esac
}

# ---------------------------------------------------------------- all of them

stop_all() {
	local pid
	for pid in "${!RUNNING[@]}"; do
		pkill -TERM -P "$pid" 2>/dev/null || true
		kill -TERM "$pid" 2>/dev/null || true
	done
}

run_all() {
	local case
	for case; do
		((${#RUNNING[@]} < AT_ONCE)) || finish_job
		start_case "$case"
	done
	finish_jobs
}

read_heads() {
	local file error LOG=/dev/null
	for file in "$MODELS"/*.pml; do
		[[ -e $file ]] || die "no model in $MODELS"
		error=$(head_error "$file") || true
		if [[ -n $error ]]; then
			failed "$(basename "$file" .pml)" "its head: $error"
			continue
		fi
		choose "$@" < <(list "$file")
	done
	error=$(shared_error) || true
	[[ -z $error ]] || failed "shared files" "$error"
}

if [[ ${1:-} == --dir ]]; then
	[[ -d ${2:-} ]] || die "usage: models.sh [--dir DIR] [PATTERN...]"
	MODELS=$(cd "$2" && pwd)
	WORK=$MODELS/build
	shift 2
fi
(($#)) || set -- '*'
ensure_tools "$TOOLS_MODELS"
mkdir -p "$WORK"
exec 8>"$WORK/.lock"
wait_for_lock 8 "$WORK/.lock"
read_heads "$@"
((${#CASES[@]} || FAILED)) || die "no model in $MODELS matches: $*"
on_exit stop_all
step "Searching the states of ${#CASES[@]} models and twins, $AT_ONCE at a time"
# shellcheck disable=SC2059 # that is what it is for
printf "$FIELDS" "" name states transitions depth seconds verdict
run_all "${CASES[@]}"
echo "$PASSED passed, $FAILED failed"
((FAILED == 0)) || exit 1
