#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make explore: debra and kcas in userspace, under a scheduler that tries all orders in
# which small scenarios can go on, and twins that are broken on purpose, which have to be
# found. Then the same scenarios with real threads under AddressSanitizer and
# ThreadSanitizer. Documentation/explore.md
#
# Usage: explore.sh [SCENARIO | SCENARIO+TWIN]...     only these, and no threads
# Environment: SECONDS_TO_RUN, for each scenario at most; REPLAY, a schedule that was printed

. "$(dirname "$0")/lib.sh"

OUT=$BUILD/explore
TOOLS_EXPLORE="make:make gcc:gcc /usr/include/stdlib.h:libc6-dev"
# What AddressSanitizer must find as well.
ASAN_TWINS="RETIRE_EARLY"
PASSED=0
FAILED=0

build() {
	mkdir -p "$OUT"
	with_progress "building" "$OUT/build.log" '^(cc|gcc) .* -c ' \
		make -C "$REPO/tools/explore" O="$OUT" CC=gcc -j "$JOBS" && return
	grep -E 'error|warning' "$OUT/build.log" >&2 || tail -n 20 "$OUT/build.log" >&2
	die "the explorer does not build (see $OUT/build.log)"
}

# The explorer's own lines are the progress.
run_explorer() {
	local pid shown rc=0
	setsid "$OUT/explore" -s "$SECONDS_TO_RUN" "$@" >"$OUT/explore.log" </dev/null &
	pid=$!
	on_exit "kill_session $pid"
	tail -n +1 -f --pid=$pid "$OUT/explore.log" | sed -u '/^[0-9]* passed, /d' &
	shown=$!
	wait "$pid" || rc=$?
	wait "$shown" || true
	unset 'CLEANUP[-1]'
	PASSED=$((PASSED + $(grep -c '^ok ' "$OUT/explore.log" || true)))
	FAILED=$((FAILED + $(grep -c '^FAIL ' "$OUT/explore.log" || true)))
	((rc < 2)) || { echo "FAIL  the explorer came to no end"; FAILED=$((FAILED + 1)); }
}

# Sanitizers want their shadow memory at fixed places.
NOT_RANDOMIZED=()
if setarch -R true 2>/dev/null; then NOT_RANDOMIZED=(setarch -R); fi

# threads NAME SECONDS [TWIN]: the scenarios with threads; output in a log
threads() {
	local name=$1
	shift
	with_progress "threads, $name $*" "$OUT/$name.log" - "${NOT_RANDOMIZED[@]}" \
		env ASAN_OPTIONS=detect_leaks=0 \
		TSAN_OPTIONS="suppressions=$REPO/tools/explore/tsan.supp" "$OUT/explore-$name" "$@"
}

run_threads() {
	local name=$1 seconds=$2
	if threads "$name" "$seconds"; then
		echo "ok    threads, $name: $(grep -c '^ok ' "$OUT/$name.log") scenarios," \
			"run $(awk '/^ok / { sum += $4 } END { print sum }' "$OUT/$name.log") times"
		PASSED=$((PASSED + 1))
		return
	fi
	echo "FAIL  threads, $name (see $OUT/$name.log)"
	grep -m 1 -A 20 -E 'WARNING|ERROR|^explore:' "$OUT/$name.log" || tail -n 20 "$OUT/$name.log"
	FAILED=$((FAILED + 1))
}

run_thread_twins() {
	local twin
	for twin in $ASAN_TWINS; do
		if ! threads asan 30 "$twin" && grep -q 'AddressSanitizer: ' "$OUT/asan.log"; then
			echo "ok    threads, asan: $twin is found"
			PASSED=$((PASSED + 1))
		else
			echo "FAIL  threads, asan: $twin is not found"
			FAILED=$((FAILED + 1))
		fi
	done
}

need_number SECONDS "${SECONDS_TO_RUN:=8}" 1 100000
check_paths
lock_command explore
ensure_tools "$TOOLS_EXPLORE"
build
if [[ -n ${REPLAY:-} ]]; then
	exec "$OUT/explore" -r "$REPLAY"
fi
step "Exploring, $SECONDS_TO_RUN s for each scenario at most"
run_explorer "$@"
if ((!$#)); then
	step "The same with threads"
	run_threads asan 0.5
	run_threads tsan 0.5
	run_thread_twins
fi
echo "$PASSED passed, $FAILED failed"
((FAILED == 0)) || exit 1
