#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The guest of `make run`: loads debra and its workload, then kcas and its own, one without
# and one with transactions. Shows debugfs while they run, then their summaries. Then all
# at once, with a screen of kcasstat and some trace events; and unloads all.

# shellcheck source=scripts/guest/common.sh
. /common.sh

DEBRA=/sys/kernel/debug/debra
WORKLOAD=/sys/kernel/debug/debra_workload/summary
KCAS=/sys/kernel/debug/kcas
TOKENS=/sys/kernel/debug/kcas_tokens/summary
BANK=/sys/kernel/debug/kcas_bank/summary

# show FILE LINES: no more than that, whatever the file has.
show() {
	[ -r "$1" ] || return
	head -n "$2" "$1" | while IFS= read -r line; do
		say "  $line"
	done
}

show_domains() {
	for dir in "$DEBRA"/*/; do
		[ -d "$dir" ] || continue
		# Nobody uses it here.
		[ "${dir%debra_default/}" = "$dir" ] || continue
		say "--- ${dir#/sys/kernel/debug/}stats, cpus, guards, bags, retired (first lines)"
		show "${dir}stats" 50
		show "${dir}cpus" 20
		show "${dir}guards" 20
		show "${dir}bags" 20
		show "${dir}retired" 10
	done
	say "--- ipis"
	show "$DEBRA/ipis" 20
}

show_tokens() {
	grep -E '^(elapsed_ms|moves_|audits|list_audits)' "$TOKENS" >/tmp/tokens
	show /tmp/tokens 20
	say "--- kcas/stats"
	show "$KCAS/stats" 50
}

show_bank() {
	grep -E '^(elapsed_ms|transfers|audits|collections|wakeups)' "$BANK" >/tmp/bank
	show /tmp/bank 20
	say "--- kcas/transactions"
	show "$KCAS/transactions" 50
}

# value NAME SUMMARY
value() { sed -n "s/^$1: //p" "$2" 2>/dev/null; }

# wait_for_result SUMMARY SHOW: the host limits how long that may take.
wait_for_result() {
	ticks=0
	while [ "$(value result "$1")" = RUNNING ]; do
		sleep 1
		ticks=$((ticks + 1))
		# Soon after the beginning, for a fast machine is done in seconds.
		[ $((ticks % 4)) = 1 ] || continue
		say "=== after $ticks s"
		"$2"
	done
}

# run_to_end SUMMARY SHOW: waits, and shows the state at the end.
run_to_end() {
	[ -r "$1" ] || { say "$1 is missing"; return 1; }
	wait_for_result "$1" "$2"
	say "=== at the end"
	"$2"
}

# Writers wait while there is more garbage than that.
LIMIT=32768
STALLED=2

NO_VERDICT="FAILURE a module that cannot be loaded, or unloaded"

# What they retire before they look again, and the hazards of the stalled readers.
bound() { echo $((LIMIT + $(nproc) * 16 + STALLED * 6)); }

run_debra() {
	# shellcheck disable=SC2046 # one word for each parameter
	load debra_workload.ko stalled=$STALLED bound="$(bound)" $(cat /modules/params) || return
	say "debra and debra_workload are loaded; the workload runs"
	run_to_end "$WORKLOAD" show_domains || return
	say "=== what debra said of the readers that stalled"
	dmesg | sed -n 's/.*\(debra: stall: .*\)/\1/p' >/stalls
	show /stalls 10
	say "=== summary"
	show "$WORKLOAD" 100
	verdict=$(value result "$WORKLOAD")
	unload debra_workload.ko && [ "$verdict" = SUCCESS ]
}

# count_or_none NUMBER
count_or_none() { [ "$1" = 0 ] && echo none || echo "$1"; }

say_tokens() {
	say "tokens: $(value found "$TOKENS") of $(value tokens "$TOKENS")," \
		"$(count_or_none "$(value lost "$TOKENS")") lost," \
		"$(count_or_none "$(value doubled "$TOKENS")") doubled"
}

run_tokens() {
	verdict=$NO_VERDICT
	# shellcheck disable=SC2046 # one word for each parameter
	load kcas_tokens.ko $(cat /modules/tokens-params) || return
	say "kcas and kcas_tokens are loaded; tokens move between lists"
	run_to_end "$TOKENS" show_tokens || return
	say "=== summary"
	show "$TOKENS" 100
	say_tokens
	verdict=$(value result "$TOKENS")
	unload kcas_tokens.ko && [ "$verdict" = SUCCESS ]
}

run_bank() {
	verdict=$NO_VERDICT
	# shellcheck disable=SC2046 # one word for each parameter
	load kcas_bank.ko $(cat /modules/bank-params) || return
	say "kcas_bank is loaded; money moves between accounts, in transactions"
	run_to_end "$BANK" show_bank || return
	say "=== summary"
	show "$BANK" 100
	say "bank: $(value audits "$BANK") audits, the last one found $(value found "$BANK")" \
		"of $(value money "$BANK"); $(value wakeups "$BANK") wakeups"
	verdict=$(value result "$BANK")
	unload kcas_bank.ko && [ "$verdict" = SUCCESS ]
}

# kcasstat: what it shows is shown, and goes to the host, with the same as JSON.
watch_workloads() {
	if ! kcasstat -1 2 >/tmp/screen 2>&1 || ! kcasstat -1 --json 1 >/tmp/json; then
		say "kcasstat failed: $(cat /tmp/screen)"
		return 1
	fi
	show /tmp/screen 50
	open_data_port && cat /tmp/screen /tmp/json >$DATA_PORT
}

# One of each event of kcas that this load has: they are of very different frequency.
trace_workloads() {
	mount_tracing || return
	for event in kcas_op kcas_help kcas_clean kcas_tx kcas_tx_wake; do
		trace 0.2 "kcas/$event" >/tmp/trace || return
		[ -s /tmp/trace ] || trace 10 "kcas/$event" >/tmp/trace
		[ -s /tmp/trace ] || { say "no $event"; return 1; }
		show /tmp/trace 1
	done
}

run_together() {
	verdict=$NO_VERDICT
	go_first
	load_workloads $STALLED || return
	sleep 2
	say "=== all at once; kcasstat -1 2"
	verdict="FAILURE kcasstat failed"
	watch_workloads || return
	say "=== one of each tracepoint of kcas"
	verdict="FAILURE trace events are missing"
	trace_workloads || return
	verdict=$NO_VERDICT
	unload_workloads && verdict=SUCCESS
}

run_kcas() {
	load kcas.ko || return
	run_tokens && run_bank && run_together || return
	unload kcas.ko
}

run() {
	load debra.ko limit=$LIMIT || return
	run_debra && run_kcas || return
	verdict=$NO_VERDICT
	unload debra.ko || return
	[ -z "$(lsmod | tail -n +2)" ] || { say "modules are left"; return 1; }
	say "all modules are unloaded"
}

setup_guest
say "Linux $(uname -r), $(nproc) CPUs"
verdict=$NO_VERDICT
if run; then
	say "final ok"
else
	# Then it was the unloading.
	[ "$verdict" != SUCCESS ] || verdict=$NO_VERDICT
	say "final FAIL ${verdict#FAILURE }"
fi
end_guest
