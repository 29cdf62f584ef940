#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make help

cat <<'END'
The two commands to begin with (as root on Debian 12 they install what they need):

  make run              boot Debian's stock kernel in a virtual machine, load debra
                        and put it under load: a list set and a stack on every CPU;
                        then kcas: tokens that are moved between lists, and
                        a bank whose transfers are transactions
        KVER=6.12|6.1|6.12-rt  which stock kernel                        (default 6.12)
        CPUS=N            virtual CPUs                              (default 4)
        WORKLOAD_ARGS=".."  module parameters for debra_workload
        TOKENS_ARGS=".."  ... and for kcas_tokens (fault=1: lose one)
        INTERACTIVE=1     a shell in the machine instead, with all of it running
        BANK_ARGS=".."    ... and for kcas_bank (fault=1: split a transfer)
  make test             build a KUnit kernel once, run all KUnit suites in it; the
                        last line is "N passed, N failed"
        DEBUG=kasan       with KASAN, lockdep and DEBUG_OBJECTS; kcsan: data races;
                          rt: PREEMPT_RT with lockdep
        FILTER=GLOB       only the suites with such names, and nothing else
        KSRC=DIR          with the kernel source in DIR instead of linux-source-6.12
        CPUS=N            virtual CPUs                              (default 4)

For developers:

  make torture          readers that stall, CPUs that go: debratorture
        TORTURE=kcas      operations in all contexts on top of each other: kcastorture
        TORTURE=tx        the same of transactions, with waits and neutralization: txtorture
        SLOW=1            ... with hardly any memory, and fallback at once
        SECONDS=N         for how long                              (default 60)
        DEBUG=kasan|kcsan or KVER=6.12|6.1|6.12-rt, CPUS=N: on which machine
        FAULTS=1          with allocations that fail, IPIs that are lost or late,
                          and transactions that are made to fail
        BUST=N            with debra broken on purpose: it must be noticed
  make history          what concurrent kcas operations were told: was that possible?
        ROUNDS=N          so many histories                         (default 5000)
        HISTORY_ARGS=".." module parameters for kcas_history
        DEBUG=kasan|kcsan, CPUS=N; BUST=N: with kcas broken on purpose
  make explore          debra and kcas in userspace: all orders in which small scenarios
                        can go on, by a scheduler; then threads with ASan and TSan
        SECONDS=N         of CPU time for each scenario, at most    (default 8)
        SCENARIO=".."     only these, see build/explore/explore -l
        REPLAY=".."       run a schedule again that has failed
  make check            checkpatch, sparse, W=1, kernel-doc, shellcheck, self-tests
  make bench            times and instruction counts beside those of RCU, SRCU and locks;
                        build/bench/results.tsv and index.html
        FULL=1            longer, and all numbers of words
        ENVIRONMENTS=".." some of uml, uml-cpu, icount, qemu-overcommit  (all)
        UML_SUITE=NAME    Debian's suite with a kernel source for UML  (unstable)
  make bench-compare A=FILE B=FILE   what changed from one results.tsv to another
  make locked           count the locked instructions of each operation of kcas
  make litmus           memory-model tests of every pair of barriers, with herd7
  make models           Promela models of the protocols, and their broken twins, with spin
  make mutants          change the code a line at a time: something has to notice
        MUTANT=PATTERN    only those with such names
        FULL=1            also those that need virtual machines
  make trace            the examples of tools/bpftrace, and perf, on a stock kernel under load
        KVER=, CPUS=N     as for make run
  make modules          build the modules for the running kernel, into build/
        KDIR=DIR          for the kernel with this build directory
        DEBRA_DEBUG=1|0   with or without extra checks     (default: as the kernel)
        DEBRA_BUSTED=1    the deliberately broken variant that tests must catch
  make modules_install  ... and install them (INSTALL_MOD_PATH=DIR: below DIR)
  make link-in-tree KSRC_TREE=DIR    link this tree into a kernel source tree, as
                        lib/kcas; make unlink-in-tree takes it out again
  make clean            remove build/

  TIMEOUT=SECONDS       how long a virtual machine may run
  KCAS_ACCEL=tcg|kvm    how it runs (default: kvm where it works, else tcg)
  KCAS_CACHE=DIR        where downloaded and built kernels are kept, about 3 GB
                        (default ~/.cache/kcas; may be deleted at any time)
END
