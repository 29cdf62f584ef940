#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Is the code that a document quotes really there?
#
# Usage: quotes.sh DOCUMENT FILE...
# Each block of C in DOCUMENT, from ```c to ```, has to stand in one of the files, line for
# line. Those that do not are shown, and the status is 1; also if there is no block at all.

. "$(dirname "$0")/lib.sh"

# stands_in BLOCK FILE...: whole lines, as they are.
stands_in() {
	local block=$1 file
	shift
	for file in "$@"; do
		[[ $'\n'$(<"$file")$'\n' != *$'\n'"$block"* ]] || return 0
	done
	return 1
}

(($# >= 2)) || { sed -n '5,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
document=$1
shift
block='' inside=0 count=0 rc=0
while IFS= read -r line; do
	if [[ $line == '```c' ]]; then
		inside=1
		block=''
	elif ((inside)) && [[ $line == '```' ]]; then
		inside=0
		count=$((count + 1))
		stands_in "$block" "$@" || { printf 'quoted, but not there:\n%s' "$block"; rc=1; }
	elif ((inside)); then
		block+=$line$'\n'
	fi
done <"$document"
((inside == 0)) || { echo "$document: the last quotation does not end"; rc=1; }
((count > 0)) || { echo "$document quotes nothing"; rc=1; }
exit $rc
