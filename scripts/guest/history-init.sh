#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The guest of `make history`: records histories, with kcas broken on purpose if the
# settings say so, and sends them to the host.

# shellcheck source=scripts/guest/common.sh
. /common.sh

run() {
	load debra.ko && load kcas.ko || return
	[ -z "$bust" ] || printf '%s' "$bust" >/sys/module/kcas/parameters/busted || return
	# shellcheck disable=SC2086 # one word for each parameter
	record_history $parameters || return
	unload kcas.ko && unload debra.ko
}

bust='' parameters=''
# shellcheck disable=SC1091 # made by the script that boots us
. /modules/settings
setup_guest
verdict=FAIL
run && verdict=ok
say "final $verdict"
end_guest
