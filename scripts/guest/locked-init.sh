#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The guest of locked.sh: says where the functions are whose instructions are to be
# counted, then calls them.

# shellcheck source=scripts/guest/common.sh
. /common.sh

setup_guest
verdict=FAIL
if load debra.ko && load kcas.ko && load kcas_locked.ko; then
	sed -n 's/^\([0-9a-f]*\) . \(kcas_locked_[a-z0-9_]*\)\t\[kcas_locked\]$/\1 \2/p' \
		/proc/kallsyms >/tmp/symbols
	while read -r address name; do say "symbol $address $name"; done </tmp/symbols
	echo 1 >/sys/module/kcas_locked/parameters/run && say "done"
	sleep 1
	unload kcas_locked.ko && unload kcas.ko && unload debra.ko && verdict=ok
fi
say "final $verdict"
end_guest
