#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests of the scripts themselves, without a guest: consoles, good and bad, and
# the verdict that the judge must give on each; and bad input.

. "$(dirname "$0")/lib.sh"

# A console of two suites in one module, as a guest gives it: with carriage
# returns, timestamps, and lines of the kernel in between.
good_log() {
	cat <<'END'
[    0.000000] Linux version 6.12.0
[    0.100000] KTAP version 1
[    0.100001] 1..0
[    1.000000] kcas: cpus 4
[    1.100000] debra: loading out-of-tree module taints kernel.
[    1.200000] kcas: module-begin debra_test
[    1.210000] KTAP version 1
[    1.210001] 1..2
[    1.210002]     KTAP version 1
[    1.210003]     # Subtest: debra_pin
[    1.210004]     1..2
[    1.220000]     ok 1 nest
[    1.230000] debra: something in between
[    1.240000]     ok 2 irq
[    1.240001] # debra_pin: pass:2 fail:0 skip:0 total:2
[    1.240002] # Totals: pass:2 fail:0 skip:0 total:2
[    1.240003] ok 1 debra_pin
[   10.240004]     KTAP version 1
[   10.240005]     # Subtest: debra_safety
[   10.240006]     1..1
[   10.250000]     ok 1 pipe
[   10.260000] ok 2 debra_safety
[   10.270000] kcas: module-end debra_test rc=0
[   10.280000] kcas: check example-ex ok
[   10.290000] kcas: final ok
END
}

# judge_log: the verdict on the console on stdin, with the status.
judge_log() {
	local status=0
	sed 's/$/\r/' >"$TMP/log"
	"$REPO/scripts/judge.sh" --log "$TMP/log" --parser "$PARSER" --cpus 4 \
		--suites "debra_test=2" --checks "example-ex" "$@" >"$TMP/out" 2>&1 || status=$?
	echo "$(tail -n 1 "$TMP/out"); status $status"
}

# expect NAME VERDICT [OPTION...]: the console on stdin gets this verdict.
expect() {
	local name=$1 verdict=$2
	shift 2
	report "$name" "$verdict" "$(judge_log "$@")"
}

after() { sed "/$1/a $2"; }
before() { sed "/$1/i $2"; }

judge_good_and_bad() {
	good_log | expect "a good console" "4 passed, 0 failed; status 0"
	good_log | sed 's/^\[ *[0-9.]*\] //' |
		expect "one without timestamps" "4 passed, 0 failed; status 0"
	good_log | sed 's/ok 2 irq/ok 2 irq # SKIP no irq/' |
		expect "a skipped case" "3 passed, 0 failed, 1 skipped; status 0"
	good_log | sed 's/ok 1 pipe/not ok 1 pipe/; s/ok 2 debra_s/not ok 2 debra_s/' |
		expect "a failed case" "3 passed, 1 failed; status 1"
	good_log | sed '/final ok/d' |
		expect "no final line" "4 passed, 1 failed; status 1"
	good_log | sed 's/final ok/final FAIL unloading/' |
		expect "a guest that failed" "4 passed, 1 failed; status 1"
	good_log | sed 's/cpus 4/cpus 1/' |
		expect "too few CPUs" "4 passed, 1 failed; status 1"
	good_log | sed '/module-begin/,/module-end/d' |
		expect "a module that was not loaded" "1 passed, 1 failed; status 1"
	good_log | sed '/check example/d' |
		expect "a check that was not run" "3 passed, 1 failed; status 1"
	good_log | sed 's/check example-ex ok/check example-ex FAIL/' |
		expect "a check that failed" "3 passed, 1 failed; status 1"
	good_log | sed -E '/KTAP|Subtest|1\.\.|ok [12] |example|debra_pin/d' |
		expect "a module without any results" "0 passed, 2 failed; status 1" --checks ""
	good_log | sed '/ok 2 debra_safety/d; /Subtest: debra_safety/,/ok 1 pipe/d' |
		judge_log >"$TMP/missing"
	report "a suite without a result" "status 1" "$(sed 's/.*; //' "$TMP/missing")"
	good_log | sed '/ok 2 irq/,$d' | judge_log >"$TMP/crash"
	report "a console that breaks off" "status 1" "$(sed 's/.*; //' "$TMP/crash")"
}

judge_nothing() {
	printf '[    1.0] kcas: cpus 4\n[    2.0] kcas: final ok\n' |
		expect "no modules, no tests" "0 passed, 1 failed; status 1" --suites "" --checks ""
	: | expect "an empty console" "0 passed, 4 failed; status 1"
}

judge_splats() {
	local splat
	while IFS= read -r splat; do
		good_log | after 'ok 1 nest' "[    1.225000] $splat" |
			expect "splat: $splat" "4 passed, 1 failed; status 1"
	done <<'END'
WARNING: CPU: 1 PID: 7 at kernel/debra/core.c:1 debra_unpin+0x10/0x20 [debra]
BUG: KASAN: slab-use-after-free in debra_test+0x1/0x2
BUG: kernel NULL pointer dereference, address: 0000000000000000
BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 31s!
Oops: 0000 [#1] PREEMPT SMP
WARNING: possible recursive locking detected
WARNING: suspicious RCU usage
INFO: task reclaimer:9 blocked for more than 60 seconds.
rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
rcu: INFO: rcu_preempt self-detected stall on CPU
watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [kunit:1]
ODEBUG: activate active (active state 1) object: 0 object type: debra
list_del corruption. prev->next should be 1, but was 2
Kernel panic - not syncing: Fatal exception
unregister_netdevice: waiting for lo to become free. Usage count = 1
Call Trace:
END
}

BEGIN='[    1.2201] debra-test: expect-splat-begin'
END='[    1.2299] debra-test: expect-splat-end'
WARN='[    1.2250] WARNING: CPU: 1 PID: 7 at debra_retire+0x1\/0x2'

DEPS='[    1.2251] WARNING: possible circular locking dependency detected'

judge_expected_splats() {
	good_log | after 'ok 1 nest' "$BEGIN\n$WARN\n$END" |
		expect "an expected splat" "4 passed, 0 failed; status 0"
	good_log | after 'ok 1 nest' "$BEGIN\n$END\n$WARN" |
		expect "a splat after the expected one" "4 passed, 1 failed; status 1"
	good_log | after 'ok 1 nest' "$WARN\n$BEGIN\n$END" |
		expect "a splat before the expected one" "4 passed, 1 failed; status 1"
	good_log | after 'ok 1 nest' "$BEGIN\n$WARN" |
		expect "an expectation without an end" "4 passed, 1 failed; status 1"
	good_log | after 'ok 1 nest' "$WARN\n$END" |
		expect "an end without a beginning" "4 passed, 1 failed; status 1"
	good_log | after 'ok 1 nest' "$BEGIN\n$DEPS\n$END" |
		expect "another one than was expected" "4 passed, 1 failed; status 1"
	good_log | after 'ok 1 nest' "$BEGIN circular locking\n$DEPS\n$WARN\n$END" |
		expect "one that was named" "4 passed, 0 failed; status 0"
	good_log | after 'ok 1 nest' "$BEGIN recursive locking\n$DEPS\n$END" |
		expect "another one than was named" "4 passed, 1 failed; status 1"
	good_log | after 'ok 1 nest' "$BEGIN\n$END\n$BEGIN\n$WARN\n$END" |
		expect "two expectations" "4 passed, 0 failed; status 0"
}

# A console of broken variants: one called late_mark, and before it none.
busted_log() {
	good_log | sed 's/module-begin debra_test/busted-begin none/; /ok 2 irq/,/Subtest: debra_safety/d
		s/\] *1\.\.1/] kcas: busted-end none/; s/module-end debra_test rc=0/busted-end late_mark/' |
		after 'busted-end none' '[   10.245] kcas: busted-begin late_mark'
}

judge_broken_variant() {
	busted_log | expect "a broken variant that is not caught" "1 passed, 1 failed; status 1" \
		--caught "none late_mark"
	busted_log | sed 's/ ok 1 pipe/ not ok 1 pipe/' |
		expect "one caught by a case" "2 passed, 0 failed; status 0" --caught "none late_mark"
	busted_log | sed 's/ ok 1 pipe/ BUG: KASAN: slab-use-after-free/; /final/d' |
		expect "one caught by KASAN" "2 passed, 0 failed; status 0" --caught "none late_mark"
	busted_log | sed '/ok 1 pipe/,$d' |
		expect "one that hangs" "1 passed, 1 failed; status 1" --caught "none late_mark"
	busted_log | sed '/busted-begin late_mark/,$d' |
		expect "one that was not tried" "1 passed, 1 failed; status 1" --caught "none late_mark"
	busted_log | sed 's/ ok 1 nest/ WARNING: CPU: 0 &/; s/ ok 1 pipe/ not ok 1 pipe/' |
		expect "a warning with nothing broken" "1 passed, 1 failed; status 1" \
			--caught "none late_mark"
	busted_log | sed 's/ ok 1 nest/ not ok 1 nest/; s/ ok 1 pipe/ not ok 1 pipe/' |
		expect "a failure with nothing broken" "1 passed, 1 failed; status 1" \
			--caught "none late_mark"
}

# bad_input NAME TEXT COMMAND...: it fails, and the text is in what it says.
bad_input() {
	local name=$1 text=$2 status=0 got
	shift 2
	got=$(env "$@" 2>&1 </dev/null) || status=$?
	[[ $status == 0 || $got != *"$text"* ]] || got="clear message"
	report "bad input: $name" "clear message" "$got"
}

reject_bad_input() {
	local scripts=$REPO/scripts
	bad_input CPUS=abc "CPUS=abc: expected a number" CPUS=abc "$scripts/test.sh"
	bad_input CPUS=0 "CPUS=0: expected a number" CPUS=0 "$scripts/run.sh"
	bad_input TIMEOUT=-1 "TIMEOUT=-1: expected a number" TIMEOUT=-1 "$scripts/run.sh"
	bad_input "no terminal" "INTERACTIVE=1 is for a terminal" INTERACTIVE=1 "$scripts/run.sh"
	bad_input INTERACTIVE=x "INTERACTIVE=x: expected 0 or 1" INTERACTIVE=x "$scripts/run.sh"
	bad_input DEBUG=foo "DEBUG=foo: there is no such" DEBUG=foo "$scripts/test.sh"
	bad_input DEBUG=../x "DEBUG=../x: there is no such" DEBUG=../x "$scripts/test.sh"
	bad_input KVER=abc "KVER=abc: expected a version" KVER=abc "$scripts/run.sh"
	bad_input KVER=9.9 "KVER=9.9: no such stock kernel" KVER=9.9 "$scripts/run.sh"
	bad_input KDIR=/nonexistent "no such directory" KDIR=/nonexistent "$scripts/modules.sh" build
	bad_input "KDIR of nothing" "no kernel build directory" KDIR="$TMP" "$scripts/modules.sh" build
	bad_input DEBRA_DEBUG=x "DEBRA_DEBUG=x: expected 0 or 1" DEBRA_DEBUG=x "$scripts/modules.sh" build
	bad_input KSRC=/nonexistent "no such directory" KSRC=/nonexistent "$scripts/test.sh"
	bad_input "a relative cache" "absolute path" KCAS_CACHE=x "$scripts/test.sh"
	bad_input "no tree to link into" "usage" "$scripts/link-into-kernel.sh"
	bad_input "a tree that is none" "no kernel source tree" "$scripts/link-into-kernel.sh" "$TMP"
}

# quoted TEXT: does a document with that text quote the file "code" well?
quoted() {
	local status=0
	printf '%b' "$1" >"$TMP/document"
	"$REPO/scripts/quotes.sh" "$TMP/document" "$TMP/other" "$TMP/code" >"$TMP/out" 2>&1 || status=$?
	echo "$status"
}

# shellcheck disable=SC2016 # the marks of a document, nothing to expand
find_quotes() {
	printf 'int a;\n\tint b;\n\nint c;\n' >"$TMP/code"
	echo 'int d;' >"$TMP/other"
	report "quotes: as it is" 0 "$(quoted '```c\n\tint b;\n\nint c;\n```\n')"
	report "quotes: from two files" 0 "$(quoted '```c\nint d;\n```\nx\n```c\nint a;\n```\n')"
	report "quotes: something else" 1 "$(quoted '```c\nint a;\n```\n```c\nint e;\n```\n')"
	report "quotes: half a line" 1 "$(quoted '```c\nint\n```\n')"
	report "quotes: the end of a line" 1 "$(quoted '```c\nint b;\n```\n')"
	report "quotes: a line left out" 1 "$(quoted '```c\nint a;\nint c;\n```\n')"
	report "quotes: without an end" 1 "$(quoted '```c\nint a;\n')"
	report "quotes: none" 1 "$(quoted 'text\n')"
}

link_and_unlink() {
	local tree=$TMP/linux
	mkdir -p "$tree/lib/kunit"
	printf 'menu "Library routines"\n\nendmenu\n' >"$tree/lib/Kconfig"
	printf 'obj-y += x.o\n' >"$tree/lib/Makefile"
	touch "$tree/Kbuild" "$tree/MAINTAINERS"
	cp -r "$tree" "$tree.orig"
	"$REPO/scripts/link-into-kernel.sh" "$tree" >/dev/null 2>&1
	"$REPO/scripts/link-into-kernel.sh" "$tree" >/dev/null 2>&1
	report "link: once in Kconfig" 1 "$(grep -c 'source "lib/kcas/Kconfig"' "$tree/lib/Kconfig")"
	report "link: once in Makefile" 1 "$(grep -c 'kcas/' "$tree/lib/Makefile")"
	report "link: this tree" yes "$([[ $tree/lib/kcas/Kconfig -ef $REPO/Kconfig ]] && echo yes)"
	"$REPO/scripts/link-into-kernel.sh" --undo "$tree" >/dev/null 2>&1
	report "unlink: nothing left" "" "$(diff -r "$tree.orig" "$tree")"
}

# A model whose counter must not go beyond 2, with a twin in which it does, and its head.
small_model() {
	cat <<'END'
/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model: counts safety
 * Twin: BEYOND safety, counts too far
 */
byte n;
active proctype count()
{
	do
	:: n < 2 -> n++
#ifdef TWIN_BEYOND
	:: n == 2 -> n++
#endif
	:: n >= 2 -> break
	od;
	assert(n <= 2)
}
END
}

# expect_models NAME VERDICT [VARIABLE=VALUE...]: of the model on stdin
expect_models() {
	local name=$1 verdict=$2 status=0
	shift 2
	rm -rf "$TMP/models"
	mkdir "$TMP/models"
	cat >"$TMP/models/small.pml"
	env "$@" "$REPO/scripts/models.sh" --dir "$TMP/models" >"$TMP/out" 2>/dev/null || status=$?
	report "models: $name" "$verdict" "$(tail -n 1 "$TMP/out"); status $status"
}

judge_models() {
	small_model | expect_models "a good one" "2 passed, 0 failed; status 0"
	small_model | sed 's/n <= 2/n < 2/' | expect_models "a broken one" "1 passed, 1 failed; status 1"
	small_model | sed 's/n == 2 -> n++/n == 2 -> break/' |
		expect_models "a twin that is not caught" "1 passed, 1 failed; status 1"
	small_model | sed 's/n == 2 -> n++/n == 2 -> false/' |
		expect_models "a twin with another error" "1 passed, 1 failed; status 1"
	small_model | expect_models "a search that is cut off" "0 passed, 2 failed; status 1" \
		MODELS_DEPTH=3
	small_model | sed 's/byte n/byte m/' |
		expect_models "one that does not build" "0 passed, 2 failed; status 1"
	small_model | sed '/Twin:/d' | expect_models "one without a twin" "0 passed, 1 failed; status 1"
	small_model | sed 's/ifdef TWIN_BEYOND/ifdef TWIN_OTHER/' |
		expect_models "a twin without a name" "0 passed, 1 failed; status 1"
}

# A mutant of the order of cleaned words and their count, which a litmus test is about.
small_mutant() {
	cat <<'END'
# A comment.
mutant: small
file: kernel/kcas/pool.c
at: KMM(reap:B): acquire, pairs with
old: atomic_long_read_acquire(
new: atomic_long_read(
kill: litmus kcas-clean-count+relaxed
why: it is weaker
END
}

# expect_mutants NAME TEXT STATUS [VARIABLE=VALUE...]: the list on stdin; the text is said
expect_mutants() {
	local name=$1 text=$2 want=$3 status=0
	shift 3
	rm -rf "$TMP/mutants"
	mkdir "$TMP/mutants"
	cat >"$TMP/mutants/small.list"
	env MUTANT='*' "$@" "$REPO/scripts/mutants.sh" --dir "$TMP/mutants" >"$TMP/out" 2>/dev/null || status=$?
	grep -qF "$text" "$TMP/out" && text="it is said"
	report "mutants: $name" "it is said; status $want" "$text; status $status"
}

judge_mutants() {
	small_mutant | expect_mutants "one that is killed" "1 killed, 0 survived" 0
	small_mutant | sed 's/+relaxed//' | expect_mutants "one that survives" "0 killed, 1 survived" 1
	small_mutant | sed 's/litmus .*/kunit kcas_x*/' |
		expect_mutants "one that is left to a guest" "1 left to virtual machines; 0 wrong" 0
	small_mutant | sed '/^kill/d; s/^why.*/exempt: it is good\n&/' |
		expect_mutants "one that is exempt" "exempt    small" 0
	small_mutant | sed 's/^at: .*/at: nowhere/' | expect_mutants "a stale place" "stale: " 1
	small_mutant | sed 's/^old: .*/old: nothing/' | expect_mutants "a stale line" "stale: " 1
	small_mutant | sed 's/^at: .*/at: kcas/' | expect_mutants "a place that is not one" "stale: " 1
	small_mutant | sed "s/^new: .*/new: broken(/" | expect_mutants "one that does not build" "does not build" 1
	small_mutant | sed 's/kcas-clean-count/debra-drain/' | expect_mutants "a test of something else" "no test of" 1
	small_mutant | sed '/^kill/d' | expect_mutants "one without a killer" "neither who kills it" 1
	small_mutant | expect_mutants "tags without mutants" "places with a tag and without a mutant" 1 MUTANT=
}

make_tmp TMP
SOURCE=$(KSRC=${KSRC:-} "$REPO/scripts/kunit-kernel.sh" source) || exit 1
PARSER=$SOURCE/tools/testing/kunit/kunit.py
judge_good_and_bad
judge_nothing
judge_splats
judge_expected_splats
judge_broken_variant
judge_models
judge_mutants
reject_bad_input
find_quotes
link_and_unlink
finish_reports "self-test"
