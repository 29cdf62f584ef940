#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The guest of `make test`. /modules holds the modules and lists of them: base (ours, in
# the order of loading), kunit (the tests; each prints its results while it is loaded),
# example (a user's module) and last (tests after which lockdep is off). With a list of ways
# to be broken, busted, the tests are loaded once for each, with those that must see it. In
# both cases histories of kcas are recorded, with nothing broken.

# shellcheck source=scripts/guest/common.sh
. /common.sh

run_kunit() {
	say "module-begin ${1%.ko}"
	rc=0
	load "$1" || rc=1
	say "module-end ${1%.ko} rc=$rc"
	[ $rc = 0 ] && unload "$1"
}

# No newline: it would become part of the parameter.
set_parameter() {
	printf '%s' "$2" >"/sys/module/$1"
}

# Built to be broken, debra is so from the beginning.
repair() {
	set_parameter debra/parameters/busted 0 && set_parameter kcas/parameters/busted 0 &&
		set_parameter kcas/parameters/tx_inject 0
}

# run_busted NAME MODULE PARAMETER=NUMBER TESTS
run_busted() {
	repair && set_parameter "$2/parameters/${3%=*}" "${3#*=}" &&
		set_parameter kunit/parameters/filter_glob "$4" || return 1
	say "busted-begin $1"
	rc=0
	while read -r ko; do
		load "$ko" && unload "$ko" || rc=1
	done </modules/kunit
	say "busted-end $1"
	repair || rc=1
	return $rc
}

record_histories() {
	[ ! -f /modules/busted ] || repair || return
	# shellcheck disable=SC2046 # one word for each parameter
	record_history $(cat /modules/history-parameters)
}

# A check of ours that counts like a test.
check() {
	name=$1
	shift
	if "$@"; then say "check $name ok"; else say "check $name FAIL"; fi
}

load_and_unload() {
	load "$1" && unload "$1"
}

nothing_left() {
	[ -z "$(lsmod | tail -n +2)" ] && return
	say "still loaded: $(lsmod | tail -n +2 | tr -s ' \n' ' ;')"
	return 1
}

setup_guest
touch /modules/base /modules/kunit /modules/example /modules/history /modules/last
say "cpus $(nproc)"
# KUnit gives a case five minutes, and who loaded it waits for as long.
echo 280 >/proc/sys/kernel/hung_task_timeout_secs
verdict=ok
while read -r ko; do
	load "$ko" || verdict="FAIL loading $ko"
done </modules/base
# Tests hold pins for longer than a user should; those of the reports set this themselves.
set_parameter debra/parameters/stall_ms 60000
if [ -f /modules/busted ]; then
	while read -r name module number tests; do
		run_busted "$name" "$module" "$number" "$tests" || verdict="FAIL with $name"
	done </modules/busted
else
	while read -r ko; do
		run_kunit "$ko" || verdict="FAIL with $ko"
	done </modules/kunit
fi
while read -r ko; do
	check "example-${ko%.ko}" load_and_unload "$ko"
done </modules/example
if [ -s /modules/history ]; then
	record_histories || verdict="FAIL recording histories"
fi
while read -r ko; do
	run_kunit "$ko" || verdict="FAIL with $ko"
done </modules/last
unload_all base || verdict="FAIL unloading"
nothing_left || verdict="FAIL unloading"
# What a module left running after it went shows itself a moment later.
sleep 1
say "final $verdict"
end_guest
