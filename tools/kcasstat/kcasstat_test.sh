#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests of kcasstat without a kernel of ours: on what debugfs and sysfs have shown in a run
# under load, on what goes and comes back meanwhile, and on what is wrong or missing. With
# the machine's own shell and awk, and with those of busybox.
#
# Each file of samples/ is one sample, as "grep -H ''" writes it.

. "$(dirname "$0")/../../scripts/lib.sh"

HERE=$REPO/tools/kcasstat
SAMPLES=(debra idle load-1 load-2 domain-gone domain-again kcas-gone)
# With the files that are read only if they are asked for.
TABLES=(tables-1 tables-2)

# What is tried here is meant to fail, often.
set +e
trap - ERR

# stat OPTION...: kcasstat, with the shell and the tools that are to be tried.
stat() { "${SHELL_TO_TRY[@]}" "$HERE/kcasstat" "$@"; }

# unpack NAME: the tree of a sample.
unpack() {
	local path text
	while IFS= read -r text; do
		path=$TMP/$1/${text%%:*}
		mkdir -p "${path%/*}"
		printf '%s\n' "${text#*:}" >>"$path"
	done <"$HERE/samples/$1"
}

# copy FROM TO: a tree, to change something in it.
copy() { cp -r "$TMP/$1" "$TMP/$2"; }

trees() {
	local name roots=
	for name in "$@"; do
		roots=$roots:$TMP/$name
	done
	echo "${roots#:}"
}

# status OPTION...: the exit code, and what was said about it.
status() {
	local rc=0
	stat "$@" >"$TMP/out" 2>"$TMP/err" </dev/null || rc=$?
	echo "$rc $(head -n 1 "$TMP/err" | cut -c 1-80)"
}

# json EXPRESSION OPTION...: of the last screen, as Python sees it (j).
json() {
	local expression=$1
	shift
	stat --json "$@" | python3 -c '
import json, sys
screens = [json.loads(line) for line in sys.stdin]
j = screens[-1]
print(eval(sys.argv[1]))' "$expression"
}

# row NAME OPTION...: the first row that begins so, without superfluous blanks.
row() {
	local name=$1
	shift
	stat "$@" | grep "^ *$name " | head -n 1 | tr -s ' ' | sed 's/^ //'
}

# names OPTION...: the last column of a table, of rows that begin with blanks.
names() { stat "$@" | sed -n '/^ /s/.* //p' | paste -sd ' '; }

domains() { stat "$@" | sed -n '/^DEBRA/,/^$/p' | sed '1d; /^$/d; s/ .*//' | paste -sd ' '; }

show_load() {
	report "the screen" "" "$(stat -r "$(trees load-1 load-2)" | diff - "$HERE/samples/load.screen")"
	report "80 columns" "" "$(stat -r "$(trees "${SAMPLES[@]}")" | awk 'length > 80')"
	report "no nonsense" "" "$(stat -r "$(trees "${SAMPLES[@]}")" | grep -iE -- '-[0-9]|nan|inf|e\+')"
	report "as many screens as wanted" 3 "$(stat -r "$(trees "${SAMPLES[@]}")" 1 3 | grep -c ^kcasstat)"
	report "all of them" 6 "$(stat -r "$(trees "${SAMPLES[@]}")" | grep -c ^kcasstat)"
	report "once" 1 "$(stat -1 -r "$(trees "${SAMPLES[@]}")" | grep -c ^kcasstat)"
	report "at once, without rates" "/s - - - - - - -" "$(row /s -1 -r "$TMP/load-2" -l kcas 0)"
	report "and it says so" "kcasstat: up 0:00:20, without rates, pins: ipi, by garbage" \
		"$(stat -1 -r "$TMP/load-2" 0 | head -n 1)"
	report "no interval in JSON" 0.0 "$(json 'j["interval"]' -1 -r "$TMP/load-2" 0)"
	report "nothing but totals then" "total 1.6M 41136 50 5182 0 0 53599 636 136" \
		"$(row total -1 -r "$TMP/load-2" -l kcas 0)"
}

choose() {
	local two
	two=$(trees load-1 load-2)
	report "by garbage" "debra_workload kcas_domain debra_default" "$(domains -r "$two")"
	report "by name" "debra_default debra_workload kcas_domain" "$(domains -r "$two" -s name)"
	report "by age" "debra_default debra_workload kcas_domain" "$(domains -r "$two" -s age)"
	report "by epochs a second" "kcas_domain debra_workload debra_default" \
		"$(domains -r "$two" -s advances)"
	report "by retired a second" "debra_workload kcas_domain debra_default" \
		"$(domains -r "$two" --sort=retired)"
	report "one domain" "kcas_domain" "$(domains -r "$two" -d kcas_domain)"
	report "a pattern" "debra_default debra_workload" "$(domains -r "$two" -s name -d 'debra_*')"
	report "one layer" "TX" "$(stat -r "$two" -l tx | grep -oE '^(DEBRA|KCAS|TX)\b' | paste -sd ' ')"
	report "two layers" "DEBRA KCAS" \
		"$(stat -r "$two" --layer kcas,debra | grep -oE '^(DEBRA|KCAS|TX)\b' | paste -sd ' ')"
}

# What is shown only if it is asked for.
show_tables() {
	local two all=callers,sizes,hot
	two=$(trees "${TABLES[@]}")
	report "tables: the screen" "" \
		"$(stat -r "$two" -l $all | diff - "$HERE/samples/tables.screen")"
	report "tables: 80 columns" "" "$(stat -r "$two" -l $all | awk 'length > 80')"
	report "tables: not if nobody asks" "False False False" "$(json \
		'"%s %s %s" % ("callers" in j, "sizes" in j, "hot" in j)' -r "$two")"
	report "tables: alone" "CALLERS HOT" \
		"$(stat -r "$two" -l callers,hot | grep -oE '^[A-Z]+\b' | paste -sd ' ')"
	report "tables: beside the others" "DEBRA KCAS SIZES" \
		"$(stat -r "$two" -l sizes,debra,kcas | grep -oE '^[A-Z]+\b' | paste -sd ' ')"
	report "tables: one domain" "kcas_domain" \
		"$(stat -r "$two" -l callers -d kcas_domain | grep -oE '^[a-z_]+$')"
	report "tables: nothing was done before" "5 - - - 1.3M" \
		"$(row 5 -1 -r "$TMP/tables-2" -l sizes 0 | cut -d ' ' -f 1-5)"
	report "tables: JSON has all columns" \
		"['by', 'bytes', 'name', 'objects', 'oldest_ms', 'size'] 15 ['action', 'site']" "$(json \
		'"%s %d %s" % (sorted(j["callers"]["debra_workload"][0]), len(j["sizes"]),
			sorted({g["by"] for g in j["callers"]["kcas_domain"]}))' -r "$two" -l $all)"
	report "tables: and of words" "['age_ms', 'conflicts', 'memory', 'symbol', 'word']" \
		"$(json 'sorted(j["hot"][0])' -r "$two" -l hot)"
}

# write_table FILE ROW...
write_table() {
	local file=$1
	shift
	printf '%s\n' "$@" >"$TMP/made/sys/kernel/debug/$file"
}

make_tables() {
	copy load-2 made
	write_table debra/debra_workload/callers "by objects bytes oldest_ms size name" \
		"action 10 400 50 40 second" "action 9 900 10 100 first:[m]" "action 8 0 99 0 third" \
		"site 27 1300 99 0 $(printf 'long%.0s' {1..30})+0x1/0x2"
	write_table kcas/sizes "words succeeded failed conflicts" "1 0 0 0" "2 5 50 500" "3 50 500 5" \
		"more 500 5 50"
	write_table kcas/hot "conflicts age_ms word memory symbol" "80 5 ffff888000000010 slab -" \
		"8 900 ffff888000000020 static b+0x8/0x10" "16 70 ffff888000000030 static a:[m]"
}

sort_tables() {
	local made
	made=$TMP/made
	make_tables
	report "tables: by objects" "second first:[m] third" \
		"$(names -1 -r "$made" -l callers 0 | cut -d ' ' -f 1-3)"
	report "tables: by bytes" "first:[m] second third" \
		"$(names -1 -r "$made" -l callers -s bytes 0 | cut -d ' ' -f 1-3)"
	report "tables: by age" "third second first:[m]" \
		"$(names -1 -r "$made" -l callers -s age 0 | cut -d ' ' -f 1-3)"
	report "tables: by size" "first:[m] second third" \
		"$(names -1 -r "$made" -l callers -s size 0 | cut -d ' ' -f 1-3)"
	report "tables: by name" "first:[m] second third" \
		"$(names -1 -r "$made" -l callers -s name 0 | cut -d ' ' -f 1-3)"
	report "tables: by words" "500 5 50" "$(names -1 -r "$made" -l sizes 0)"
	report "tables: by failed" "5 500 50" "$(names -1 -r "$made" -l sizes -s failed 0)"
	report "tables: by succeeded" "50 5 500" "$(names -1 -r "$made" -l sizes -s succeeded 0)"
	report "tables: by conflicts" "- a:[m] b+0x8/0x10" \
		"$(names -1 -r "$made" -l hot -s conflicts 0)"
	report "tables: by the age of conflicts" "b+0x8/0x10 a:[m] -" \
		"$(names -1 -r "$made" -l hot -s age 0)"
	report "tables: by symbol" "a:[m] b+0x8/0x10 -" "$(names -1 -r "$made" -l hot -s name 0)"
	report "tables: domains stay as they are" "debra_workload kcas_domain debra_default" \
		"$(domains -1 -r "$made" -l debra,hot -s conflicts 0)"
	wrong "a key of another table" "sort key 'words': expected one of conflicts age name" \
		-r "$made" -l hot -s words
	wrong "nothing to sort" "sort key 'name': these layers are not sorted" -r "$made" -l tx -s name
}

# What is long, empty, or of another version.
strain_tables() {
	local made=$TMP/made
	report "tables: a long name is cut" "" \
		"$(stat -1 -r "$made" -l callers,sizes,hot 0 | awk 'length > 79')"
	report "tables: what is not known" "action 8 - 99ms - third" \
		"$(row 'action *8' -1 -r "$made" -l callers 0)"
	write_table kcas/hot "conflicts age_ms word symbol" \
		"$(seq -f '%g 5 ffff888000000010 -' 30)"
	report "tables: no column memory" "30 5ms ffff888000000010 - -" \
		"$(row 30 -1 -r "$made" -l hot 0)"
	report "tables: many" "and 20 more, see debugfs" \
		"$(stat -1 -r "$made" -l hot 0 | sed -n 's/^ *and/and/p')"
	write_table kcas/hot "conflicts age_ms word symbol"
	write_table kcas/sizes "words succeeded failed conflicts" "1 0 0 0"
	write_table debra/debra_workload/callers "by objects bytes oldest_ms size name"
	report "tables: nothing there" "nothing is retired no operation on several words no conflict" \
		"$(stat -1 -r "$made" -l callers,sizes,hot 0 | sed -n 's/^ *\(no.*\)/\1/p' | paste -sd ' ')"
	report "tables: kcas went" "not loaded not loaded" \
		"$(stat -r "$(trees made kcas-gone)" -l sizes,hot | sed -n 's/^ *\(not.*\)/\1/p' | paste -sd ' ')"
	make_tables
}

# refused FILE: kcasstat, when it is not to be read, or not there.
refused() {
	local file=$TMP/made/sys/kernel/debug/$1 layer=${1##*/}
	chmod 000 "$file"
	report "tables: $layer is not to be read" "5 kcasstat: no permission to read $file: not root," \
		"$(stat_without_root -1 -l "$layer" -r "$TMP/made" 0 >"$TMP/o" 2>&1
		echo "$? $(cut -d ' ' -f 1-8 "$TMP/o")")"
	report "tables: which only matters to who asks" 0 \
		"$(stat_without_root -1 -r "$TMP/made" 0 >"$TMP/o" 2>&1; echo $?)"
	rm -f "$file"
	report "tables: no $layer" "4 kcasstat: there is no ${file/debra_workload/'*'}: the module is older than kcasstat" \
		"$(stat -1 -l "$layer" -r "$TMP/made" 0 >"$TMP/o" 2>&1; echo "$? $(cat "$TMP/o")")"
}

refuse_tables() {
	refused debra/debra_workload/callers
	refused kcas/sizes
	refused kcas/hot
	report "tables: kcas is not loaded" "4 kcasstat: the module kcas is not loaded (modprobe kcas)" \
		"$(status -1 -r "$TMP/kcas-gone" -l hot 0)"
}

# What goes, comes back, or begins anew.
change() {
	report "a new domain has no rates" "debra_workload 155 4ms 1606 62.7K - - - 2" \
		"$(row debra_workload -r "$(trees idle load-1)")"
	report "one that went is not shown" "kcas_domain debra_default" \
		"$(domains -r "$(trees load-2 domain-gone)")"
	report "one that came back has no rates" "debra_workload 33 64ms 5392 211K - - - 0" \
		"$(row debra_workload -r "$(trees load-2 domain-again)")"
	report "nor in JSON" "{None}" "$(json 'set(j["debra"]["domains"]["debra_workload"]["rates"].values())' \
		-r "$(trees load-2 domain-again)")"
	report "kcas went" "not loaded" "$(row not -r "$(trees load-2 kcas-gone)")"
	copy load-2 reset
	sed -i 's/^\([a-z_]*\): .*/\1: 7/' "$TMP/reset/sys/kernel/debug/kcas/stats"
	report "counters that were reset" "/s - - - - - - -" "$(row /s -l kcas -r "$(trees load-2 reset)")"
	report "others were not" "/s 0 0 0 0 0 0 0 0" \
		"$(sed -i 's/.*/99.0 1.0/' "$TMP/reset/proc/uptime"; row /s -l tx -r "$(trees load-2 reset)")"
	report "no time has passed" "/s - - - - - - -" "$(row /s -l kcas -r "$(trees load-2 load-2)")"
	copy load-2 behind
	sed -i 's/^freed: .*/freed: 342000/' "$TMP/behind/sys/kernel/debug/debra/debra_workload/stats"
	sed -i 's/.*/99.0 1.0/' "$TMP/behind/proc/uptime"
	report "a sum that fell behind itself" "debra_workload 284 28ms 2660 104K 0 0 0 2" \
		"$(row debra_workload -r "$(trees load-2 behind)")"
}

# Names and files of another version.
tolerate() {
	copy load-1 other-1
	copy load-2 other-2
	sed -i '/^conflicts:/d; $a later: 5000' "$TMP/other-1/sys/kernel/debug/kcas/stats"
	sed -i '/^conflicts:/d; $a later: 6000\nnot a line of ours' "$TMP/other-2/sys/kernel/debug/kcas/stats"
	rm "$TMP"/other-[12]/sys/kernel/debug/debra/kcas_domain/{cpus,guards}
	rm "$TMP"/other-[12]/sys/kernel/debug/kcas/transactions
	report "a name is missing" "/s 138k 3855 - 501 0 0 4436" \
		"$(row /s -l kcas -r "$(trees other-1 other-2)")"
	report "a name is new" "(6000, 186.92)" \
		"$(json '(j["kcas"]["stats"]["later"], j["kcas"]["rates"]["later"])' -r "$(trees other-1 other-2)")"
	report "a file is missing" "[] {}" "$(json \
		'"%s %s" % (j["debra"]["domains"]["kcas_domain"]["cpus"], j["transactions"]["stats"])' \
		-r "$(trees other-1 other-2)")"
}

find_stalled() {
	local cpus
	report "guards" "debra_workload - guard aborted 3 13s 198 -" \
		"$(row 'debra_workload *- guard aborted *3' -l debra -r "$(trees load-1 load-2)")"
	copy load-2 pinned
	cpus=$TMP/pinned/sys/kernel/debug/debra/debra_workload/cpus
	sed -i 's/^  1 .*/  1        283    1     1741        0   45     183431     181690     7607/
		s/^  2 .*/  2        284    1     1741        0   45     183431     181690     7607/' "$cpus"
	report "a pin of the epoch before is nothing special" 0 \
		"$(stat -1 -r "$TMP/pinned" 0 | grep -c ' pin ')"
	sed -i 's/^epoch_age_ms: .*/epoch_age_ms: 1500/' "${cpus%cpus}stats"
	report "if that is old it is" "debra_workload 1 pin 283 - - -" \
		"$(row 'debra_workload *1 pin' -r "$TMP/pinned" -1 0)"
	report "but not one of the epoch itself" 1 "$(stat -1 -r "$TMP/pinned" 0 | grep -c ' pin ')"
	sed -i '2,$d' "$TMP/pinned/sys/kernel/debug/debra/debra_workload/guards"
	seq 40 | sed 's/.*/  - aborted           4    12724        0     2 &/' \
		>>"$TMP/pinned/sys/kernel/debug/debra/debra_workload/guards"
	report "many" "and 31 more," "$(stat -1 -r "$TMP/pinned" 0 | grep -o 'and .* more,')"
}

# The file stalled, which says more.
name_stalled() {
	copy load-2 named
	{
		printf 'cpu kind  state         epoch   lag_ms     pid task comm\n'
		printf '  1 pin   active          283     1012     231 R    sh\n\thog_write+0x1/0x2\n\tvfs_write+0x3/0x4\n'
		printf '  2 pin   active          283        0     232 R    cat\n\tread+0x1/0x2\n'
		printf '  - guard aborted           3    13044     198 S    a name "with" blanks\n\tschedule+0x5/0x6\n'
	} >"$TMP/named/sys/kernel/debug/debra/debra_workload/stalled"
	report "a pin with its task" "debra_workload 1 pin 283 1012ms 231 sh" \
		"$(row 'debra_workload *1 pin' -r "$TMP/named" -1 0)"
	report "a guard with its task" "debra_workload - guard aborted 3 13s 198 a name "'"with" b' \
		"$(row 'debra_workload *- guard' -r "$TMP/named" -1 0)"
	report "nobody else" 2 "$(stat -1 -r "$TMP/named" 0 | grep -cE ' (pin|guard) ')"
	report "stacks" "['hog_write+0x1/0x2', 'vfs_write+0x3/0x4']" "$(json \
		'j["debra"]["domains"]["debra_workload"]["stalled"][0]["stack"]' -1 -r "$TMP/named" 0)"
	report "names" 'a name "with" blanks' "$(json \
		'j["debra"]["domains"]["debra_workload"]["stalled"][2]["comm"]' -1 -r "$TMP/named" 0)"
}

write_json() {
	local two
	two=$(trees load-1 load-2)
	report "each line" 6 "$(json 'len(screens)' -r "$(trees "${SAMPLES[@]}")")"
	report "values" "(284, 'ipi', 5.35)" "$(json '(j["debra"]["domains"]["debra_workload"]["stats"]["epoch"],
		j["debra"]["domains"]["debra_workload"]["stats"]["pin_mode"], j["interval"])' -r "$two")"
	report "rates" "137514.77" "$(json 'j["kcas"]["rates"]["ops"]' -r "$two")"
	report "no rates of what is no counter" False \
		"$(json '"garbage" in j["debra"]["domains"]["debra_workload"]["rates"]' -r "$two")"
	report "guards" "['aborted', 'aborted']" \
		"$(json '[g["state"] for g in j["debra"]["domains"]["debra_workload"]["guards"]]' -r "$two")"
	report "CPUs" "[0, 1, 2, 3] 4" "$(json '"%s %d" % ([c["cpu"] for c in
		j["debra"]["domains"]["kcas_domain"]["cpus"]], len(j["debra"]["ipis"]))' -r "$two")"
	report "parameters" "(1000, 4096)" \
		"$(json '(j["debra"]["parameters"]["stall_ms"], j["kcas"]["parameters"]["max_blocks"])' -r "$two")"
	report "a layer" "['interval', 'kcas', 'uptime']" "$(json 'sorted(j)' -l kcas -r "$two")"
	report "kcas is gone" "(False, True, {})" "$(json \
		'(j["kcas"]["loaded"], j["debra"]["loaded"], j["kcas"]["stats"])' -r "$(trees load-2 kcas-gone)")"
}

# in_terminal COMMAND...: in one of its own, 24 by 80.
in_terminal() {
	python3 -c '
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
try:
    while data := os.read(fd, 4096):
        sys.stdout.buffer.write(data)
except OSError:
    pass
os.waitpid(pid, 0)' "$@"
}

escapes() { grep -o $'\033\\[[0-9]*[a-zA-Z]' | sort -u | tr -d '\033' | paste -sd ' '; }

use_terminal() {
	local screen=("${SHELL_TO_TRY[@]}" "$HERE/kcasstat" -r "$(trees load-1 load-2)")
	report "no colour in a pipe" "" "$("${screen[@]}" | escapes)"
	report "colour on a terminal" "[1m [31m [H [J [K [m" \
		"$(TERM=vt100 NO_COLOR='' in_terminal "${screen[@]}" | escapes)"
	report "not with NO_COLOR" "[H [J [K" "$(TERM=vt100 NO_COLOR=1 in_terminal "${screen[@]}" | escapes)"
	report "not on a dumb one" "" "$(TERM=dumb in_terminal "${screen[@]}" | escapes)"
	report "nothing is cleared by --batch" "[1m [31m [m" \
		"$(TERM=vt100 NO_COLOR='' in_terminal "${screen[@]}" -b | escapes)"
	report "nor by --once" "[1m [31m [m" \
		"$(TERM=vt100 NO_COLOR='' in_terminal "${screen[@]}" -1 | escapes)"
	report "JSON has none" "" "$(TERM=vt100 in_terminal "${screen[@]}" -j | escapes)"
	report "no more lines than it has" yes \
		"$(TERM=vt100 in_terminal "${screen[@]}" | (($(wc -l) < 24)) && echo yes)"
}

# stat_without_root OPTION...: as somebody who may not read everything. A copy is run, for he may
# not be able to look into the checkout either.
stat_without_root() {
	[[ -f $TMP/kcasstat ]] || install -m 755 "$HERE/kcasstat" "$TMP/kcasstat"
	if [[ $(id -u) == 0 ]]; then
		(cd / && setpriv --reuid=65534 --regid=65534 --clear-groups "$TMP/kcasstat" "$@")
	else
		"$TMP/kcasstat" "$@"
	fi
}

miss() {
	mkdir -p "$TMP/empty" "$TMP/unmounted/proc" "$TMP/unmounted/sys/module/debra" \
		"$TMP/elsewhere/proc"
	report "no sysfs" "3 kcasstat: sysfs is not mounted (mount -t sysfs sysfs /sys)" \
		"$(status -r "$TMP/empty")"
	mkdir -p "$TMP/empty/sys/module"
	report "no module" "4 kcasstat: the module debra is not loaded (modprobe debra)" \
		"$(status -r "$TMP/empty")"
	echo "proc /proc proc rw 0 0" >"$TMP/unmounted/proc/mounts"
	report "no debugfs" "3 kcasstat: debugfs is not mounted (mount -t debugfs debugfs /sys/kernel/debug)" \
		"$(status -r "$TMP/unmounted")"
	rm "$TMP/unmounted/proc/mounts"
	report "nor a copy of it" "3 kcasstat: debugfs is not mounted (mount -t debugfs debugfs /sys/kernel/debug)" \
		"$(status -r "$TMP/unmounted")"
	mkdir -p "$TMP/unmounted/sys/kernel/debug"
	report "it is off" "3 kcasstat: debra is loaded, but" \
		"$(status -r "$TMP/unmounted" | cut -d ' ' -f 1-6)"
	report "no kcas, and nobody asked" 0 "$(status -1 -r "$TMP/kcas-gone" 0 | cut -d ' ' -f 1)"
	report "no kcas, and somebody did" "4 kcasstat: the module kcas is not loaded (modprobe kcas)" \
		"$(status -1 -r "$TMP/kcas-gone" -l tx 0)"
	report "no such domain" "6 kcasstat: no domain is called 'x*'; there are: debra_default debra_workload kcas" \
		"$(status -r "$TMP/load-1" -d 'x*')"
	cp -r "$TMP/load-1/." "$TMP/elsewhere"
	mkdir "$TMP/elsewhere/d"
	mv "$TMP/elsewhere/sys/kernel/debug" "$TMP/elsewhere/d/bug"
	echo "none /d/bug debugfs rw 0 0" >"$TMP/elsewhere/proc/mounts"
	report "it is somewhere else" "total 838k 20512 26 2502 0 0 29864 638 448" \
		"$(row total -1 -r "$TMP/elsewhere" -l kcas 0)"
}

be_refused() {
	copy load-1 secret
	chmod 700 "$TMP/secret/sys/kernel/debug"
	[[ $(id -u) == 0 ]] || chmod 000 "$TMP/secret/sys/kernel/debug"
	report "debugfs is for root" "5 kcasstat: no permission to read" \
		"$(stat_without_root -r "$TMP/secret" >"$TMP/o" 2>&1; echo "$? $(cut -d ' ' -f 1-5 "$TMP/o")")"
	chmod 755 "$TMP/secret/sys/kernel/debug"
	chmod 000 "$TMP/secret/sys/kernel/debug/kcas/stats"
	report "the files are not to be read" "5 locked down" \
		"$(stat_without_root -r "$TMP/secret" >"$TMP/o" 2>&1; echo "$? $(grep -o 'locked down' "$TMP/o")")"
}

# wrong NAME TEXT OPTION...: a wrong use, and what is said about it.
wrong() {
	local name=$1 text=$2 got
	shift 2
	got=$(status "$@")
	[[ $got != "2 kcasstat: "*"$text"* ]] || got=ok
	report "wrong: $name" ok "$got"
}

use_badly() {
	wrong "an option" "no option '-x'" -x
	wrong "a long one" "no option '--foo'" --foo
	wrong "no value" "-d needs a value" -d
	wrong "a layer" "layer 'rcu'" -l rcu
	wrong "an empty layer" "layer ''" -l debra,,tx
	wrong "a sort key" "sort key 'weight'" -s weight
	wrong "two sort keys" "sort key 'name age'" --sort='name age'
	wrong "an interval" "interval 'abc'" abc
	wrong "an interval of nothing" "interval '0'" 0
	wrong "a negative one" "no option '-5'" -5
	wrong "two points" "interval '1.2.3'" 1.2.3
	wrong "a count" "count '1.5'" 1 1.5
	wrong "no count" "count '0'" 1 0
	wrong "too many" "'3': one argument too many" 1 2 3
	wrong "a domain with a path" "domain '../x'" -d ../x
	wrong "a domain with a blank" "domain 'a b'" -d 'a b'
	wrong "a command in a domain" "domain '\$(id)'" -d "\$(id)"
	wrong "a root" "root '/nonexistent'" -r /nonexistent
	wrong "an empty root" "root ''" -r "$TMP/load-1:"
	report "two options in one" 1 "$(stat -1jb -r "$TMP/load-2" 0 | grep -c '^{"uptime"')"
	wrong "a bad one of two" "no option '-x'" -1x
	report "help" "0" "$(status --help | cut -d ' ' -f 1)"
	report "version" "kcasstat" "$(stat --version | cut -d ' ' -f 1)"
}

# What is there changes between two looks at it.
live() {
	local pid rc=0
	mkdir -p "$TMP/empty/proc"
	cp "$TMP/load-1/proc/uptime" "$TMP/empty/proc"
	ln -sfn load-1 "$TMP/live"
	stat -b -r "$TMP/live" 0.3 8 >"$TMP/live.out" 2>"$TMP/live.err" &
	pid=$!
	for name in load-2 domain-gone empty kcas-gone domain-again; do
		sleep 0.4
		ln -sfn "$name" "$TMP/live"
	done
	wait $pid || rc=$?
	report "it goes on whatever happens" 0 $rc
	report "and says nothing else" "" "$(cat "$TMP/live.err")"
	report "with as many screens" 8 "$(grep -c ^kcasstat "$TMP/live.out")"
	report "debra went meanwhile" yes "$(grep -q 'not loaded' "$TMP/live.out" && echo yes)"
	report "it ends when nobody listens" yes "$(timeout 20 "${SHELL_TO_TRY[@]}" "$HERE/kcasstat" -b \
		-r "$TMP/load-1" 0.1 2>/dev/null | head -n 1 >/dev/null
		((PIPESTATUS[0] != 124)) && echo yes)"
	report "it can be stopped" 130 "$(timeout --preserve-status -s INT 1 "${SHELL_TO_TRY[@]}" "$HERE/kcasstat" -b \
		-r "$TMP/load-1" 0.2 >/dev/null 2>&1; echo $?)"
}

# judged EXPRESSION: what the judge of `make run` says of the screen of a run, changed by sed.
judged() {
	sed "$1" "$TMP/screen" >"$TMP/changed"
	"$HERE/check_screen.py" "$TMP/changed" >"$TMP/out"
	echo "$? $(grep -oE "$2" "$TMP/out")"
}

# shellcheck disable=SC2016 # the $ are for sed
judge_screens() {
	local two
	two=$(trees load-1 load-2)
	{ stat -1 -r "$two" && stat -1 -j -r "$two"; } >"$TMP/screen"
	report "judge: a good screen" "0 what they should" "$(judged '' 'what they should')"
	report "judge: a domain is missing" "1 domains" "$(judged '/^kcas_domain/d' '\bdomains\b')"
	report "judge: a row that is broken" "1 cannot be read" \
		"$(judged '/^kcas_domain/s/[0-9]*$/x/' 'cannot be read')"
	report "judge: a table is missing" "1 no table TX" "$(judged '/^TX/d' 'no table TX')"
	report "judge: nothing is done" "1 nothing was done" \
		"$(judged '/^KCAS/,$s|/s   *[^ ]*|/s 0|' 'nothing was done')"
	report "judge: no rates" "1 KCAS" "$(judged '/^KCAS/,$s|/s   *[^ ]*|/s -|' 'KCAS')"
	report "judge: too wide" "1 80 columns" "$(judged "1s/\$/$(printf '%80s' '')/" '80 columns')"
	report "judge: no stalled reader" "1 0 stalled" "$(judged 's/guard aborted/guard active/' '0 stalled')"
	report "judge: no JSON" "1 no JSON" "$(judged '$d' 'no JSON')"
	report "judge: JSON that is broken" "1 JSONDecodeError" "$(judged '$s/}$//' 'JSONDecodeError')"
	report "judge: no rates in it" "1 committed None" \
		"$(judged 's/"committed": [0-9]*\.[0-9]*/"committed": null/' 'committed None')"
}

# try SHELL...: everything, with this shell.
try() {
	SHELL_TO_TRY=("$@")
	show_load
	choose
	show_tables
	sort_tables
	strain_tables
	refuse_tables
	change
	tolerate
	find_stalled
	name_stalled
	write_json
	use_terminal
	miss
	be_refused
	use_badly
	judge_screens
	live
	rm -rf "$TMP"/{made,named,reset,behind,other-1,other-2,pinned,empty,unmounted,elsewhere,secret,live}
}

# No tool but those of busybox, wherever kcasstat uses one.
busybox_only() {
	mkdir "$TMP/bin"
	for tool in awk cut grep head sleep stty cat; do
		ln -s /bin/busybox "$TMP/bin/$tool"
	done
}

make_tmp TMP
# Also for who is not root.
umask 022
chmod 755 "$TMP"
for name in "${SAMPLES[@]}" "${TABLES[@]}"; do
	unpack "$name"
done
try sh
busybox_only
try env PATH="$TMP/bin" /bin/busybox sh
finish_reports "kcasstat"
