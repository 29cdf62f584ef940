#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Does `make run INTERACTIVE=1` give a shell that works?

Runs it in a terminal of its own (24 by 80), as somebody would who sits there: looks
around, watches kcasstat and interrupts it, looks for stalled readers, leaves. With
"hangup" it only waits for the prompt and takes the terminal away, with hang-ups ignored:
nothing may stay behind.

Usage: interactive_test.py [exit|poweroff|hangup]   how to leave (default exit)
Environment: KVER, CPUS as for make run
"""

import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
import time

PROMPT = b"kcas# "
REPO = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RUN = ["make", "-C", REPO, "run", "INTERACTIVE=1"]


class Terminal:
    """What somebody sees, and types."""

    def __init__(self, command, hangup=signal.SIG_DFL):
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGHUP, hangup)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            os.environ["TERM"] = "vt100"
            os.execvp(command[0], command)
        os.set_blocking(self.fd, False)

    def read(self):
        """What has come since, or nothing; None at the end."""
        try:
            return os.read(self.fd, 65536)
        except BlockingIOError:
            time.sleep(0.05)
            return b""
        except OSError:
            return None

    def expect(self, pattern, seconds):
        """Waits for it, and returns what came until then."""
        deadline = time.monotonic() + seconds
        while not (match := re.search(pattern, self.seen, re.S)):
            data = self.read()
            if data is None or time.monotonic() > deadline:
                sys.exit(f"FAIL  no {pattern!r} after {self.seen[-2000:].decode(errors='replace')}")
            self.seen += data
        before, self.seen = self.seen[:match.end()], self.seen[match.end():]
        return before.decode(errors="replace")

    def type(self, keys):
        """Types slowly enough for a serial port."""
        for key in keys:
            os.write(self.fd, bytes([key]))
            time.sleep(0.005)

    def run(self, command, seconds=60):
        """A command, and what it has said."""
        self.type(command.encode() + b"\r")
        return self.expect(re.escape(PROMPT), seconds)

    def status(self):
        """Reads on to the end."""
        while (data := self.read()) is not None:
            self.seen += data
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def take_away(self, seconds):
        """Closes it, and returns who is still there after that time."""
        os.close(self.fd)
        deadline = time.monotonic() + seconds
        while (left := session(self.pid)) and time.monotonic() < deadline:
            time.sleep(0.2)
        return left


def session(leader):
    """The processes of a session, but for those that only have to be waited for."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                name, fields = file.read().rsplit(")", 1)
        except OSError:
            continue
        fields = fields.split()
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(name + ")")
    return found


def report(name, good, what=""):
    """One line; the first failure is the end."""
    print(f"{'ok  ' if good else 'FAIL'}  {name}{'' if good else ': ' + what}", flush=True)
    if not good:
        sys.exit(1)


def look_around(terminal):
    """Commands, one after the other."""
    said = terminal.run("lsmod | wc -l")
    report("all modules", re.search(r"\n6\r", said), said)
    said = terminal.run("kcasstat -1")
    report("kcasstat", "debra_workload" in said and "not loaded" not in said, said)
    report("in colour", "\x1b[1m" in said, said)
    said = terminal.run("kcasstat -1 -l callers,sizes,hot 0")
    report("what is retired, and fought over", "stack_node_free:[debra_workload]" in said and
           re.search(r"\n  5 +- ", said) and re.search(r"[0-9a-f]{16} slab ", said), said)
    terminal.type(b"kcasstat 1\r")
    for _ in range(2):
        screen = terminal.expect(rb"\x1b\[Hkcasstat: .*?\x1b\[J", 60)
        report("live, within 24 lines", screen.count("\n") < 25, screen)
    terminal.type(b"\x03")
    terminal.expect(re.escape(PROMPT), 30)
    report("Ctrl-C ends that", "130" in terminal.run("echo status $?"))
    said = terminal.run("stty size")
    report("the size of the terminal", "24 80" in said, said)
    said = terminal.run("ls tracing/events/kcas")
    report("tracepoints", "kcas_tx_wake" in said, said)


def trace_by_hand(terminal):
    """Tracepoints with tracefs alone, as Documentation/inspection.md has it."""
    tx = "tracing/events/kcas/kcas_tx"
    terminal.run(f"echo 32 >tracing/buffer_size_kb; echo 'why == 1 || why == 2' >{tx}/filter")
    said = terminal.run(f"echo 1 >{tx}/enable; sleep 2; echo 0 >{tx}/enable; tail -n 2 tracing/trace")
    report("filtered events", re.search(r"kcas_tx: conflict_(read|commit) nr=\d", said), said)
    terminal.run(f"echo 0 >{tx}/filter; echo 'hist:keys=why' >{tx}/trigger; sleep 1")
    said = terminal.run(f"grep hitcount {tx}/hist; echo '!hist:keys=why' >{tx}/trigger")
    report("a histogram", re.search(r"why: +0 .*hitcount: +\d+", said), said)
    said = terminal.run(f"echo 'stacktrace if why == 7' >{tx}/trigger; sleep 3;"
                        f" echo '!stacktrace' >{tx}/trigger; grep -A 8 stack tracing/trace | tail -n 9")
    report("stacks", "kcas_tx" in said.split("\n", 1)[1], said)


def find_guard(terminal):
    """Those who are asleep in a guard, as Documentation/inspection.md finds them."""
    said = terminal.run("dmesg | grep -m 1 'stall: .*guard for'")
    report("a stalled guard is reported", "task debra_stalled/" in said, said)
    said = terminal.run("cat debra/debra_workload/guards | grep aborted")
    match = re.search(r"- aborted .* (\d+)\r", said)
    report("it is in the list", match, said)
    said = terminal.run(f"cat /proc/{match[1]}/comm /proc/{match[1]}/stack")
    report("its task and stack", "debra_stalled" in said and "stalled_fn" in said, said)


def find_pin(terminal):
    """A reader that does not end is reported, and named: if none has been stalled for longer."""
    terminal.run("rmmod debra_workload; insmod /modules/debra_workload.ko stalled=0"
                 " target=1000000000 seconds=86400; cd /sys/kernel/debug", 120)
    # On a CPU of its own, or nobody else might come to run meanwhile.
    terminal.run("taskset 8 sh -c 'echo 8000 >debra_workload/hog' &")
    said = terminal.run("for i in 1 2 3 4 5 6 7; do kcasstat -1 -l debra 0; sleep 1; done", 120)
    report("kcasstat shows a stalled pin", re.search(r"debra_workload +\d +pin", said), said)
    terminal.run("wait", 120)
    said = terminal.run("dmesg | grep -A 30 'stall: .*pin for' | head -n 40")
    report("it is reported", "debra: stall: debra_workload: CPU" in said.split("\n", 1)[1], said)
    report("with the task, and its stack", re.search(r"CPU \d runs sh/\d+", said) and
           "hog_write" in said, said)
    said = terminal.run("echo 11000 >debra_workload/hog")
    report("not for too long", "Invalid argument" in said, said)


def hang_up():
    """Boots, and is gone."""
    terminal = Terminal(RUN, signal.SIG_IGN)
    terminal.expect(re.escape(PROMPT), 900)
    left = session(terminal.pid)
    report("QEMU runs", any("(qemu" in name for name in left), str(left))
    left = terminal.take_away(20)
    report("nobody stays behind", not left, str(left))


def main():
    """Boots, looks, leaves."""
    leave = sys.argv[1] if len(sys.argv) > 1 else "exit"
    if leave == "hangup":
        hang_up()
        return
    terminal = Terminal(RUN)
    terminal.expect(re.escape(PROMPT), 900)
    report("a prompt", True)
    look_around(terminal)
    trace_by_hand(terminal)
    find_guard(terminal)
    find_pin(terminal)
    terminal.type(leave.encode() + b"\r")
    status = terminal.status()
    said = terminal.seen.decode(errors="replace")
    report(f"{leave} ends it", status == 0 and "RUN: SUCCESS" in said, f"{status} {said}")


if __name__ == "__main__":
    main()
