#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The guest of `make run INTERACTIVE=1`: all modules and workloads, and a shell on the
# console. When that ends, all is unloaded.

# shellcheck source=scripts/guest/common.sh
. /common.sh

# The kernel's console is kept quiet.
# shellcheck disable=SC2317 # common.sh calls it
say() { echo "kcas: $*" >/dev/console; }

# The terminal of the host, and what else a shell needs.
prepare_shell() {
	TERM=vt100 rows=0 columns=0
	# shellcheck disable=SC1091 # written for this run
	. /modules/terminal
	export TERM
	[ "$rows" = 0 ] || stty rows "$rows" cols "$columns" </dev/console
	mkdir -p /etc
	cat >/etc/profile <<-'END'
		echo $$ >/tmp/shell
		PS1='kcas# '
		cd /sys/kernel/debug
	END
	cat >/bin/end-shell <<-'END'
		#!/bin/sh
		kill -HUP "$(cat /tmp/shell)"
	END
	chmod 755 /bin/end-shell
	for name in poweroff halt reboot; do ln -sf end-shell "/bin/$name"; done
}

welcome() {
	cat <<-END

		Linux $(uname -r), $(nproc) CPUs. debra, kcas and three workloads are loaded.

		  kcasstat                             what they do, live; Ctrl-C ends it
		  kcasstat -l callers,sizes,hot        what is retired, and what is fought over
		  cat debra/debra_workload/guards      two readers have been asleep in one for long
		  dmesg | grep 'debra: stall'          what debra said about them
		  taskset 8 sh -c 'echo 5000 >debra_workload/hog' &
		                                       a pin on CPU 3 that does not end for 5 s
		  echo 1 >tracing/events/kcas/enable   then cat tracing/trace_pipe
		  exit                                 unloads everything, and ends the machine

	END
}

run() {
	go_first
	load debra.ko && load kcas.ko && load_workloads 2 || return
	welcome >/dev/console
	setsid cttyhack sh -l </dev/console >/dev/console 2>&1
	unload_workloads && unload kcas.ko && unload debra.ko
}

setup_guest
mount_tracing
prepare_shell
verdict=FAIL
run && verdict=ok
say "final $verdict"
end_guest
