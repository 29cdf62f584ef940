#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make bench-compare A= B=: what changed from one file of results to another.

. "$(dirname "$0")/lib.sh"

[[ -n ${1:-} && -n ${2:-} ]] || die "usage: make bench-compare A=FILE B=FILE, each a results.tsv"
[[ -f $1 ]] || die "A=$1: no such file"
[[ -f $2 ]] || die "B=$2: no such file"
ensure_tools "python3:python3"
exec python3 "$REPO/tools/bench/compare.py" "$1" "$2"
