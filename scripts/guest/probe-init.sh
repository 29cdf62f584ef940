#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Does a guest come up at all, and do its timers work?

# shellcheck source=scripts/guest/common.sh
. /common.sh
setup_guest
sleep 1
say "probe ok"
end_guest
