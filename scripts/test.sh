#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make test: all KUnit suites in a virtual machine, the example module, and the
# broken variants that the tests must catch.
#
# Environment: DEBUG, KSRC, CPUS, TIMEOUT; FILTER, a glob: only these suites, and nothing else
# The last line of stdout is "N passed, N failed", the sum of all of it.

. "$(dirname "$0")/lib.sh"

# How the modules can be broken: a name, the module, its parameter (enum debra_bust in
# kernel/debra/internal.h, enum kcas_bust in kernel/kcas/internal.h), and the tests that must
# fail then. With the kinds that are none they must all pass: that nothing is caught where nothing
# is wrong, and that transactions bear it when accesses fail all the time.
BUSTED="none debra busted=0 *_trap.*
none_injected kcas tx_inject=61 kcas_tx_*.*
scan debra busted=1 debra_safety.debra_test_held*
late_mark debra busted=2 debra_trap.debra_test_late_mark*
no_ping debra busted=3 debra_trap.debra_test_silent_cpu_is*
no_wait debra busted=4 debra_trap.debra_test_silent_cpu_is*
no_settle debra busted=5 debra_trap.debra_test_silent_cpu_is*
unsealed debra busted=6 debra_trap.debra_test_snapshot*
own_slots debra busted=7 debra_trap.debra_test_hazards*
coalesced debra busted=8 debra_trap.debra_test_old_answers*
no_hazards debra busted=9 debra_trap.debra_test_hazards*
no_check kcas busted=1 kcas_trap.kcas_test_status*
by_value kcas busted=2 kcas_trap.kcas_test_compares*
undecided kcas busted=3 kcas_trap.kcas_test_no_write_skew
no_clean_grace kcas busted=4 kcas_trap.kcas_test_raw_values*
no_reuse_grace kcas busted=5 kcas_trap.kcas_test_references*
raw_single kcas busted=6 kcas_trap.kcas_test_raw_values*
retire_early kcas busted=7 kcas_trap.kcas_test_retired_words*
no_help kcas busted=8 kcas_trap.kcas_test_nobody_waits
tx_torn kcas busted=9 kcas_tx_semantics.kcas_tx_test_torn*
tx_pieces kcas busted=10 kcas_tx_smp.kcas_tx_smp_write_skew
tx_asleep kcas busted=11 kcas_tx_wait.kcas_tx_wait_changed_before
tx_deaf kcas busted=12 kcas_tx_neutral.kcas_tx_test_stalled*"
# Histories of kcas that are recorded, and for how long; the broken variant has pause points.
HISTORY="rounds=2000 seconds=8"
KUNIT_APPEND="kunit.enable=1 panic_on_warn=0"

# How many suites are in a module: it has a section of pointers to them.
count_suites() {
	size -A -d "$1" | awk '$1 ~ /^\.kunit(_init)?_test_suites$/ { n += $2 / 8 } END { print n + 0 }'
}

# sort_modules OUT: fills BASE (what is loaded first), TESTS, LAST (tests that turn lockdep off)
# and SUITES, HISTORIAN.
sort_modules() {
	local ko count
	HISTORIAN=$1/tools/history/kcas_history.ko
	# In the order in which they need each other.
	BASE=("${MAIN_MODULES[@]/#/$1/}")
	TESTS=()
	LAST=()
	SUITES=()
	for ko in "${BASE[@]}" "$HISTORIAN"; do
		[[ -f $ko ]] || die "$(basename "$ko") was not built (see $1/build.log)"
	done
	while read -r ko; do
		count=$(count_suites "$ko")
		if ((count == 0)); then
			BASE+=("$ko")
			continue
		fi
		if [[ $ko != */kcas_lockdep_kunit.ko ]]; then
			TESTS+=("$ko")
		elif [[ -z $FILTER ]]; then
			LAST+=("$ko")
		else
			continue
		fi
		SUITES+=("$(basename "$ko" .ko)=$count")
	done < <(list_modules "$1/kunit")
}

# The example is built as its reader would: by its own Makefile, with what it
# needs of debra (headers, Module.symvers) from the place of the build.
build_example() {
	local dir=$1/tools/example log=$1/example.log
	EXAMPLE=()
	CHECKS=example
	if [[ ! -f $dir/Makefile ]]; then
		say "There is no tools/example"
		return
	fi
	step "Building the example module"
	with_progress "building the example" "$log" - make -C "$dir" KDIR="$TREE" DEBRA="$1" ||
		{ tail -n 20 "$log" >&2; say "the example does not build"; return; }
	mapfile -t EXAMPLE < <(list_modules "$dir")
	((${#EXAMPLE[@]})) || return 0
	CHECKS=$(basename -s .ko "${EXAMPLE[@]}" | sed 's/^/example-/' | paste -sd ' ')
}

# boot LOG APPEND [BUSTED]: a guest with the modules of BASE, TESTS and EXAMPLE.
boot() {
	local log=$1 append=$2 root=$TMP/root
	rm -rf "$root"
	start_initramfs "$root" "$REPO/scripts/guest/test-init.sh"
	add_modules "$root" base "${BASE[@]}"
	add_modules "$root" kunit "${TESTS[@]}"
	add_modules "$root" example "${EXAMPLE[@]}"
	add_modules "$root" last "${LAST[@]}"
	if [[ -z $FILTER ]]; then
		add_modules "$root" history "$HISTORIAN"
		echo "$HISTORY" >"$root/modules/history-parameters"
	fi
	[[ -z ${3:-} ]] || echo "$3" >"$root/modules/busted"
	pack_initramfs "$root" "$TMP/initrd"
	# What came of it is on the console.
	VM_DATA=${log%-console.log}-history
	vm_run "$TREE/arch/x86/boot/bzImage" "$TMP/initrd" "$log" "$TIMEOUT" \
		show_results "$KUNIT_APPEND $append" || true
}

# Of the console, the results as they come; kunit.py shows them again, in order.
show_results() {
	stdbuf -oL sed -nE 's/^(\[ *[0-9.]+\](\[ *[TC][0-9]+\])? )?( *(not )?ok [0-9]+ .*|kcas: .*)/    \3/p'
}

# judged ARGUMENTS: runs the judge and adds up what it counts.
judged() {
	local line
	"$REPO/scripts/judge.sh" --log "$1" --parser "$PARSER" --cpus "$CPUS" \
		--suites "${SUITES[*]}" "${@:2}" >"$TMP/verdict" || RC=1
	line=$(tail -n 1 "$TMP/verdict")
	sed '$d' "$TMP/verdict"
	add_up "$line" || { RC=1; FAILED=$((FAILED + 1)); }
}

add_up() {
	[[ $1 =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]] || return 1
	PASSED=$((PASSED + BASH_REMATCH[1]))
	FAILED=$((FAILED + BASH_REMATCH[2]))
	SKIPPED=$((SKIPPED + ${BASH_REMATCH[4]:-0}))
}

# judge_history LOG: of what was recorded in the guest with this console.
judge_history() {
	local line rc=0
	check_history "${1%-console.log}-history" 1 >"$TMP/history" || rc=$?
	line=$(tail -n 1 "$TMP/history")
	if ((rc == 0)); then
		echo "[PASSED] histories: $line"
		PASSED=$((PASSED + 1))
		return
	fi
	sed '$d' "$TMP/history"
	echo "FAILED: histories: $line"
	FAILED=$((FAILED + 1)) RC=1
}

test_suites() {
	local out=$BUILD/${TREE##*/}
	step "Building modules in ${out#"$REPO"/}"
	build_modules "$TREE" "$out"
	sort_modules "$out"
	((${#TESTS[@]})) || say "There are no KUnit modules"
	build_example "$out"
	boot "$BUILD/test-$FLAVOUR-console.log" ""
	judged "$BUILD/test-$FLAVOUR-console.log" --checks "$CHECKS"
	judge_history "$BUILD/test-$FLAVOUR-console.log"
}

test_broken_variant() {
	local out=$BUILD/${TREE##*/}-busted
	step "Building the deliberately broken variant in ${out#"$REPO"/}"
	build_modules "$TREE" "$out" DEBRA_BUSTED=1
	sort_modules "$out"
	EXAMPLE=()
	LAST=()
	boot "$BUILD/test-$FLAVOUR-busted-console.log" "" "$BUSTED"
	judged "$BUILD/test-$FLAVOUR-busted-console.log" --caught "$(cut -d ' ' -f 1 <<<"$BUSTED")"
	judge_history "$BUILD/test-$FLAVOUR-busted-console.log"
}

# The suites whose names match, alone.
test_filtered() {
	local out=$BUILD/${TREE##*/}
	step "Building modules in ${out#"$REPO"/}"
	build_modules "$TREE" "$out"
	sort_modules "$out"
	EXAMPLE=()
	boot "$BUILD/test-$FLAVOUR-console.log" "kunit.filter_glob=$FILTER"
	judged "$BUILD/test-$FLAVOUR-console.log" --filtered yes
}

summary() {
	((RC == 0)) || say "The consoles are in $BUILD/test-$FLAVOUR-*console.log"
	printf '%d passed, %d failed' "$PASSED" "$FAILED"
	((SKIPPED == 0)) || printf ', %d skipped' "$SKIPPED"
	echo
	((RC == 0 && FAILED == 0 && PASSED > 0)) || exit 1
}

FLAVOUR=${DEBUG:-plain}
FILTER=${FILTER:-}
need_number CPUS "${CPUS:=4}" 1 16
# The debug kernels take three times as long.
[[ $FLAVOUR == plain ]] || : "${TIMEOUT:=2400}"
need_number TIMEOUT "${TIMEOUT:=900}" 1 100000
CPUS=$((10#$CPUS))
check_paths
TREE=$(KSRC=${KSRC:-} "$REPO/scripts/kunit-kernel.sh" build "$FLAVOUR") || exit 1
SOURCE=$(KSRC=${KSRC:-} "$REPO/scripts/kunit-kernel.sh" source) || exit 1
PARSER=$SOURCE/tools/testing/kunit/kunit.py
ensure_tools "$TOOLS_MODULES" "$TOOLS_VM" "python3:python3"

VM_CPUS=$CPUS
[[ $FLAVOUR == plain ]] || VM_MEM=2G
PASSED=0 FAILED=0 SKIPPED=0 RC=0
make_tmp TMP
lock_command test
if [[ -n $FILTER ]]; then
	test_filtered
else
	test_suites
	test_broken_variant
fi
summary
