#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Reads the console of a guest of `make test` and says what came of it.
#
# Usage: judge.sh --log FILE --parser FILE --cpus N --suites "MODULE=COUNT ..."
#                 [--checks "NAME ..."] [--caught "KIND ..."] [--filtered yes]
#   --parser  the kernel's tools/testing/kunit/kunit.py
#   --suites  the test modules, and how many suites each of them has
#   --checks  further checks whose results the guest must have given
#   --filtered  not all of the suites were chosen
#   --caught  the log is of the deliberately broken variants: something must fail in each
#             but those whose names begin with "none"
# The last line of stdout is "N passed, N failed"; the status is 0 only if
# something passed and nothing failed. Whatever is wrong beside the test cases,
# a splat for instance, counts as one failed each.

. "$(dirname "$0")/lib.sh"

PASSED=0
FAILED=0
SKIPPED=0

problem() {
	echo "FAILED: $*"
	FAILED=$((FAILED + 1))
}

verdict() {
	printf '%d passed, %d failed' "$PASSED" "$FAILED"
	((SKIPPED == 0)) || printf ', %d skipped' "$SKIPPED"
	echo
	((FAILED == 0 && PASSED > 0))
}

# guest_says PATTERN: what the guest's script said, without the mark.
guest_says() { sed -nE "s/^kcas: ($1)/\1/p" "$CONSOLE"; }

judge_splats() {
	local splats count
	splats=$(find_splats "$LOG")
	[[ -n $splats ]] || return 0
	count=$(wc -l <<<"$splats")
	problem "the kernel complained ($count lines of $LOG; the first ones follow)"
	head -n 20 <<<"$splats" | sed 's/^/  /'
}

judge_guest() {
	local final cpus
	cpus=$(guest_says 'cpus .*' | head -n 1)
	[[ ${cpus#cpus } == "$CPUS" ]] || problem "the guest had \"${cpus#cpus }\" CPUs instead of $CPUS"
	final=$(guest_says 'final .*' | tail -n 1)
	case $final in
	"final ok") ;;
	"") problem "the guest did not come to its end: a crash or a hang" ;;
	*) problem "the guest says: ${final#final FAIL }" ;;
	esac
	guest_says '(insmod|rmmod) .*|still loaded.*' | sed 's/^/  /'
}

# module_output MODULE: what was on the console while it was loaded.
module_output() {
	awk -v begin="kcas: module-begin $1" -v end="kcas: module-end $1 " '
		$0 == begin { on = 1; next }
		index($0, end) == 1 { on = 0 }
		on' "$CONSOLE"
}

# The line is "Testing complete. Ran 3 tests: passed: 2, failed: 1", with only
# those of passed, failed, crashed, skipped and errors that are not zero.
count_of() {
	sed -nE "s/.*Testing complete\. .*[ :]$1: ([0-9]+).*/\1/p" "$TMP/parsed" | tail -n 1
}

judge_cases() {
	local module=$1 failed crashed errors rc=0
	"$PARSER" parse "$TMP/ktap" >"$TMP/parsed" 2>&1 || rc=$?
	sed -E 's/^\[[0-9:]+\] ?//; /^Testing complete/d; /^Elapsed time/d' "$TMP/parsed"
	failed=$(count_of failed)
	crashed=$(count_of crashed)
	errors=$(count_of errors)
	PASSED=$((PASSED + $(count_of passed | grep . || echo 0)))
	SKIPPED=$((SKIPPED + $(count_of skipped | grep . || echo 0)))
	FAILED=$((FAILED + ${failed:-0} + ${crashed:-0}))
	grep -q 'Testing complete' "$TMP/parsed" || problem "$module: kunit.py gave no totals"
	[[ -z $errors ]] || problem "$module: $errors errors in the form of its results"
	((rc == 0 || ${failed:-0} + ${crashed:-0} + ${errors:-0} > 0)) ||
		problem "$module: kunit.py ended with status $rc"
}

# judge_module NAME SUITES
judge_module() {
	local module=$1 suites=$2 results
	module_output "$module" >"$TMP/ktap"
	if ! grep -qx "kcas: module-begin $module" "$CONSOLE"; then
		problem "$module was not loaded"
		return
	fi
	[[ ! -s $TMP/ktap ]] || judge_cases "$module"
	results=$(grep -cE '^(not )?ok [0-9]+ ' "$TMP/ktap" || true)
	((results == suites || (FILTERED && results > 0))) ||
		problem "$module has $suites suites, of which $results gave a result"
	grep -qE "^kcas: module-end $module rc=" "$CONSOLE" ||
		problem "$module did not come to its end"
}

judge_check() {
	case $(guest_says "check $1 .*" | tail -n 1) in
	"check $1 ok")
		echo "[PASSED] $1"
		PASSED=$((PASSED + 1)) ;;
	"") problem "$1 was not run" ;;
	*) problem "$1" ;;
	esac
}

judge_run() {
	local entry name
	for entry in $SUITES; do
		judge_module "${entry%=*}" "${entry#*=}"
	done
	for name in $CHECKS; do
		judge_check "$name"
	done
	judge_guest
	judge_splats
	((PASSED + FAILED + SKIPPED > 0)) || problem "there were no tests at all"
}

# busted_output KIND: what was on the console while it was broken in that way.
busted_output() {
	awk -v begin="kcas: busted-begin $1" -v end="kcas: busted-end $1" '
		$0 == begin { on = 1; next }
		$0 == end { on = 0 }
		on' "$CONSOLE"
}

# A broken variant is caught by failed cases, or by what the kernel itself says (KASAN, a
# fault in freed memory). A guest that only hangs, or never got there, proves nothing. And
# nothing is caught when nothing is broken.
judge_caught() {
	local kind=$1 passed failed splats counted='KASAN|BUG|Oops|general protection|ODEBUG|corruption'
	# Where nothing is broken, a warning counts, too.
	[[ $kind != none* ]] || counted=.
	if ! grep -qx "kcas: busted-begin $kind" "$CONSOLE"; then
		problem "the broken variant $kind was not tried"
		return
	fi
	busted_output "$kind" >"$TMP/busted"
	passed=$(grep -cE '^ +ok ' "$TMP/busted" || true)
	failed=$(grep -cE '^ +not ok ' "$TMP/busted" || true)
	splats=$(find_splats "$TMP/busted" | grep -cE "$counted" || true)
	if [[ $kind == none* ]]; then
		((failed + splats == 0 && passed > 0)) ||
			{ problem "$kind: $failed cases fail, $splats splats, though nothing is broken"; return; }
		echo "[PASSED] nothing is caught when nothing is broken: $kind ($passed cases)"
	else
		((failed + splats > 0)) || { problem "the broken variant $kind was NOT caught"; return; }
		echo "[PASSED] the broken variant $kind is caught ($failed failed cases, $splats splats)"
	fi
	PASSED=$((PASSED + 1))
}

judge_all_caught() {
	local kind
	for kind in $CAUGHT; do
		judge_caught "$kind"
	done
}

LOG='' PARSER='' CPUS='' SUITES='' CHECKS='' CAUGHT='' FILTERED=0
while (($# >= 2)); do
	case $1 in
	--log) LOG=$2 ;;
	--parser) PARSER=$2 ;;
	--cpus) CPUS=$2 ;;
	--suites) SUITES=$2 ;;
	--checks) CHECKS=$2 ;;
	--caught) CAUGHT=$2 ;;
	--filtered) FILTERED=1 ;;
	*) die "judge.sh: unknown option $1" ;;
	esac
	shift 2
done
[[ -f $LOG ]] || die "judge.sh: no log \"$LOG\""
[[ -n $CAUGHT || -x $PARSER ]] || die "judge.sh: no parser \"$PARSER\""

make_tmp TMP
CONSOLE=$TMP/console
plain_console "$LOG" >"$CONSOLE"
if [[ -n $CAUGHT ]]; then judge_all_caught; else judge_run; fi
rc=0
verdict || rc=1
exit $rc
