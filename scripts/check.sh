#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make check: what can be said without booting anything.
#
# Environment: KSRC

. "$(dirname "$0")/lib.sh"

# The versions whose stock headers the modules must build against.
STOCK_KVERS="6.12 6.1"

FAILURES=0
COUNT=0

# watched NAME COMMAND...: all output to stdout; now and then a sign of life.
watched() {
	local name=$1 pid start=$SECONDS next=8 rc=0
	shift
	(in_subshell "$@") 2>&1 </dev/null &
	pid=$!
	on_exit "kill $pid 2>/dev/null; wait $pid"
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		((SECONDS - start < next)) && continue
		next=$((SECONDS - start + 8))
		say "    ... $name: $((SECONDS - start)) s"
	done
	wait "$pid" || rc=$?
	unset 'CLEANUP[-1]'
	return $rc
}

# check NAME COMMAND...: one line, and the output if it fails.
check() {
	local name=$1 log=$TMP/check.log
	shift
	COUNT=$((COUNT + 1))
	if watched "$name" "$@" >"$log"; then
		printf 'ok    %s\n' "$name"
	else
		FAILURES=$((FAILURES + 1))
		printf 'FAIL  %s\n' "$name"
		sed '/^error: check.sh:/d; s/^/      /' "$log"
	fi
}

c_files() {
	(source_files '*.[chS]')
}

kbuild_files() {
	(source_files Makefile Kconfig Kbuild)
}

shell_files() {
	(cd "$REPO" && {
		find scripts tools kunit -name '*.sh' -type f 2>/dev/null
		echo tools/kcasstat/kcasstat
		find .ci -type f 2>/dev/null
	} | sort) || true
}

# no_output COMMAND...: fails if the command says anything at all.
no_output() {
	local out
	out=$("$@" 2>&1) || { printf '%s\n' "$out"; return 1; }
	[[ -z $out ]] || { printf '%s\n' "$out"; return 1; }
}

# allowed FILE: the types that scripts/checkpatch-allow names for it.
allowed() {
	local type pattern rest
	while read -r type pattern rest; do
		# shellcheck disable=SC2053 # a pattern it is
		[[ $type == "#"* || $1 != $pattern ]] || printf '%s,' "$type"
	done <"$REPO/scripts/checkpatch-allow"
}

checkpatch() {
	local file rc=0
	cd "$REPO" || return
	for file in "$@"; do
		no_output "$SOURCE/scripts/checkpatch.pl" --strict --no-tree --no-summary --quiet \
			--show-types --ignore "$(allowed "$file")" -f "$file" || rc=1
	done
	return $rc
}

kernel_doc() {
	cd "$REPO" || return
	no_output "$SOURCE/scripts/kernel-doc" -none -Werror "$@"
}

# compile NAME KDIR VARIABLE=VALUE...: all modules anew, any warning is an error.
compile() {
	local out=$BUILD/check-$1 kdir=$2
	shift 2
	rm -rf "$out"
	build_modules "$kdir" "$out" W=1 KCFLAGS=-Werror "$@" || return 1
	! grep -E 'warning:|WARNING:' "$out/build.log"
}

# Sparse's own complaints about the kernel's headers are not about us.
run_sparse() {
	local out=$BUILD/check-sparse
	rm -rf "$out"
	build_modules "$1" "$out" C=2 CF="-D__CHECK_ENDIAN__" DEBRA_DEBUG=1 || return 1
	grep -q '^ *CHECK ' "$out/build.log" || { echo "sparse was not run"; return 1; }
	! grep -E "^$out/.*(warning|error):" "$out/build.log"
}

check_shell() {
	cd "$REPO" || return
	shellcheck -x --source-path=SCRIPTDIR --source-path="$REPO" "$@"
}

spdx() {
	local file rc=0
	cd "$REPO" || return
	for file in "$@"; do
		head -n 3 "$file" | grep -q 'SPDX-License-Identifier: ' || { echo "$file: no SPDX line"; rc=1; }
	done
	return $rc
}

man_pages() {
	cd "$REPO" || return
	no_output mandoc -T lint -W warning "$@"
}

check_paths
lock_command check
ensure_tools "$TOOLS_MODULES" "$TOOLS_STOCK" "$TOOLS_CHECK" "$TOOLS_MODELS" "python3:python3" \
	"/bin/busybox:busybox-static"
SOURCE=$(KSRC=${KSRC:-} "$REPO/scripts/kunit-kernel.sh" source) || exit 1
TREE=$(KSRC=${KSRC:-} "$REPO/scripts/kunit-kernel.sh" build) || exit 1
CLANG=$(KSRC=${KSRC:-} "$REPO/scripts/kunit-kernel.sh" prepare clang) || exit 1
make_tmp TMP

mapfile -t C_FILES < <(c_files)
mapfile -t KBUILD_FILES < <(kbuild_files)
mapfile -t SHELL_FILES < <(shell_files)
((${#C_FILES[@]})) || die "there is no source file to check"

check "checkpatch --strict" checkpatch "${C_FILES[@]}" "${KBUILD_FILES[@]}"
check "SPDX lines" spdx "${C_FILES[@]}" "${KBUILD_FILES[@]}" "${SHELL_FILES[@]}"
check "kernel-doc" kernel_doc "${C_FILES[@]}"
check "sparse" run_sparse "$TREE"
check "W=1, KUnit kernel" compile kunit "$TREE" DEBRA_DEBUG=0
check "W=1, KUnit kernel, DEBRA_DEBUG=1" compile kunit-debug "$TREE" DEBRA_DEBUG=1
check "W=1, KUnit kernel, DEBRA_BUSTED=1" compile kunit-busted "$TREE" DEBRA_BUSTED=1
check "W=1, clang" compile clang "$CLANG"
for kver in $STOCK_KVERS; do
	kernel=$("$REPO/scripts/stock-kernel.sh" "$kver") || exit 1
	check "W=1, stock kernel ${kernel##*/}" compile "stock-$kver" \
		"$kernel/usr/src/linux-headers-${kernel##*/}"
done
check "shellcheck" check_shell "${SHELL_FILES[@]}"
check "man page" man_pages tools/kcasstat/kcasstat.8
check "code quoted in the tutorial" "$REPO/scripts/quotes.sh" \
	"$REPO/Documentation/tutorial.md" "$REPO"/tools/example/kcas_*.c
check "self-test of the scripts" "$REPO/scripts/selftest.sh"
check "self-test of kcasstat" "$REPO/tools/kcasstat/kcasstat_test.sh"
check "self-test of the history checker" "$REPO/tools/history/lincheck_test.py"
check "self-test of the benchmarks' report" "$REPO/tools/bench/results_test.py"

if ((FAILURES)); then
	echo "check: $FAILURES of $COUNT checks FAILED"
	exit 1
fi
echo "check: all $COUNT checks ok"
