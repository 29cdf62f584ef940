// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas: the operations.
 *
 * Structures
 *
 * A word holds its value, or a reference to an entry of a descriptor (bit 0 set). The
 * descriptor's status says what the reference stands for: the entry's old value as long
 * as the operation is undecided or when it has failed, the new one when it has
 * succeeded. So one CAS of the status changes all words at once. References of decided
 * operations stay where they are, until another operation displaces them or, a grace
 * period later, they are cleaned away (pool.c).
 *
 * An operation of k words is k + 1 CASes: one installs each reference, in the order of the
 * addresses, one decides. Words that are only compared are logged before and looked at
 * again in between. An operation that writes one word installs a reference that is decided
 * already: one CAS. One that only compares has none.
 *
 * States
 *
 *	undecided --all installed, compares unchanged--> succeeded
 *	          --a word has another value--> failed
 *	          --a compared word was touched--> conflict (the owner tries again)
 *
 * Helping
 *
 * Who finds an undecided reference in his way runs that operation to its decision. If
 * that meets a third, it goes on with that one, and then begins again with its own: no
 * recursion, so the stack does not grow with the length of a chain. Entries that are
 * installed already cost a load each. Since all install in the order of addresses, there
 * are no cycles, and each decision is progress for somebody.
 *
 * ABA
 *
 * A raw value gets into a word by cleaning only, and a reference is used again only
 * after another grace period. All of an operation is done within one pin. So content that
 * is read twice the same within a pin was not touched in between, and a late install cannot
 * succeed on a word that has gone back to an earlier value.
 *
 * Linearization: of an operation that only writes, the CAS of the status. With compares,
 * the moment after the last install at which verification begins: all logged contents
 * are still there then. Of a failure, the moment at which a word was seen with another
 * value while the operation was undecided.
 *
 * After some conflicts, see kcas_patience, compares are written as well, with the value that
 * they have: two operations that each compare what the other writes could make each other
 * fail for ever.
 *
 * Full barriers: who owns an operation that has written has passed one, though its last
 * steps may have been a helper's, and a cmpxchg that fails orders nothing. Nobody knows of
 * an operation before its owner has installed the first reference. That is a full
 * barrier between what the owner does before and after. And whoever decides has seen all
 * references installed and passes another before the status changes, which the owner
 * reads with acquire. So the words are written before what the owner does next.
 *
 * Barriers: X <- Y: X pairs with Y. tools/litmus has tests of each.
 *
 *	read:A     <- install:A, clean:A   acquire; full cmpxchg
 *	status:A   <- decide:A             acquire; full cmpxchg
 *	check:A    <- decide:A             content before status
 *	verify:A   <- install:A            all installs before the second look
 *	check:A    <- retire:A             a grace period between decision and cleaning
 *	read:A     <- clean:B              one between cleaning and reuse
 *	retire:A   <- reap:A               one more for words that are to be freed
 *	reap:B     <- clean:C              acquire; full count of what is not clean yet
 *	known:A    <- stamp:A              acquire; release (transactions, log.c)
 *	wake:A     <- wait:A               full barriers (transactions, wait.c)
 */
#include <linux/export.h>
#include <linux/sort.h>

#include "internal.h"
#include "trace.h"

#define KCAS_FEW	16	/* entries that are sorted by insertion */

struct kcas_desc kcas_done __ro_after_init = { .status = KCAS_SUCCEEDED };

/* It has succeeded: those who wait for a change of its words. */
static noinline void kcas_wake_all(const struct kcas_desc *d)
{
	unsigned int i;

	for (i = 0; i < d->nr_writes; i++)
		if (d->entry[i].old != d->entry[i].new)
			__kcas_wake(d->entry[i].word);
}

static __always_inline void kcas_wake_written(const struct kcas_desc *d)
{
	/* KMM(wake:A): see kcas_wake(). */
	if (unlikely(atomic_read(&kcas_nr_waiters)))
		kcas_wake_all(d);
}

static void kcas_decide(struct kcas_desc *d, enum kcas_status status)
{
	kcas_pause(KCAS_PAUSE_BEFORE_DECIDE, NULL);
	/*
	 * KMM(decide:A): full barrier, after all that was seen installed, by whomever;
	 * pairs with KMM(status:A) and KMM(check:A). None if another has decided: then
	 * that one's counts. Litmus: kcas-decide-after, kcas-status-helped.
	 */
	if (cmpxchg(&d->status, (unsigned long)KCAS_UNDECIDED, (unsigned long)status) ==
	    KCAS_UNDECIDED && status == KCAS_SUCCEEDED)
		kcas_wake_written(d);
	kcas_pause(KCAS_PAUSE_DECIDED, NULL);
}

/**
 * kcas_install - make a word refer to an entry of an undecided operation
 * @d: the operation
 * @e: its entry
 * @fresh: set to whether the last word was installed by us, which is a full barrier
 * @blocker: set to an undecided operation that is in the way, if there is one
 *
 * Return: true if the word refers to the entry; false if the operation is decided now, or
 * there is a blocker.
 */
static bool kcas_install(struct kcas_desc *d, struct kcas_entry *e, bool *fresh,
			 struct kcas_desc **blocker)
{
	unsigned long content, value;
	enum kcas_status status;

	for (;;) {
		/* KMM(read:A): the entry before what it refers to. */
		content = smp_load_acquire(&e->word->content);
		if (content == kcas_ref(e)) {
			*fresh = false;
			return true;
		}
		kcas_pause(KCAS_PAUSE_BEFORE_CHECK, e->word);
		/*
		 * KMM(check:A): the status after the content, by the acquire above: if it
		 * is undecided now, the content was no younger than the decision, and
		 * what we install is not too late. Litmus: kcas-check-late. If it was a
		 * raw value, KMM(retire:A) sees to that.
		 */
		if (kcas_status(d) != KCAS_UNDECIDED && !kcas_busted(NO_CHECK))
			return false;
		value = content;
		if (kcas_is_ref(content)) {
			status = kcas_status(kcas_entry_of(content)->desc);
			if (status == KCAS_UNDECIDED) {
				*blocker = kcas_entry_of(content)->desc;
				kcas_hot(e->word);
				return false;
			}
			value = kcas_outcome(kcas_entry_of(content), status);
		}
		if (value != e->old) {
			kcas_decide(d, KCAS_FAILED);
			return false;
		}
		kcas_pause(KCAS_PAUSE_BEFORE_INSTALL, e->word);
		/* KMM(install:A): full barrier; pairs with KMM(read:A), KMM(verify:A). */
		if (cmpxchg(&e->word->content, content, kcas_ref(e)) == content) {
			*fresh = true;
			kcas_pause(KCAS_PAUSE_INSTALLED, e->word);
			return true;
		}
		kcas_hot(e->word);
	}
}

#ifdef CONFIG_DEBRA_BUSTED
static bool kcas_unchanged_busted(const struct kcas_entry *e, unsigned long content)
{
	enum kcas_status status;

	if (!kcas_is_ref(content))
		return content == e->old;
	status = kcas_status(kcas_entry_of(content)->desc);
	if (status == KCAS_UNDECIDED && kcas_busted(BY_VALUE))
		return false;
	return kcas_outcome(kcas_entry_of(content), status) == e->old;
}
#endif

static bool kcas_unchanged(const struct kcas_entry *e)
{
	unsigned long content = READ_ONCE(e->word->content);

	kcas_pause(KCAS_PAUSE_IN_VERIFY, e->word);
#ifdef CONFIG_DEBRA_BUSTED
	if (kcas_busted(BY_VALUE) || kcas_busted(UNDECIDED))
		return kcas_unchanged_busted(e, content);
#endif
	return kcas_still(content, e->seen, e->old);
}

static bool kcas_verify(const struct kcas_desc *d)
{
	unsigned int i;

	for (i = d->nr_writes; i < d->nr; i++)
		if (!kcas_unchanged(&d->entry[i])) {
			kcas_hot(d->entry[i].word);
			return false;
		}
	return true;
}

/* Return: NULL if the operation is decided now; else who is in the way. */
static struct kcas_desc *kcas_step(struct kcas_desc *d)
{
	struct kcas_entry *e, *end = d->entry + d->nr_writes;
	struct kcas_desc *blocker = NULL;
	bool fresh = false;

	for (e = d->entry; e < end; e++)
		if (!kcas_install(d, e, &fresh, &blocker))
			return blocker;
	if (d->nr > d->nr_writes) {
		/*
		 * KMM(verify:A): all installs, by whomever, before the second look at the
		 * compared words; pairs with KMM(install:A). If the last is our own it is
		 * a barrier after all the others, which we have seen there before.
		 * Litmus: kcas-verify-helped, kcas-verify-fresh.
		 */
		if (!fresh)
			smp_mb(); /* see above */
		kcas_pause(KCAS_PAUSE_BEFORE_VERIFY, NULL);
		if (!kcas_verify(d)) {
			kcas_decide(d, KCAS_CONFLICT);
			return NULL;
		}
	}
	kcas_decide(d, KCAS_SUCCEEDED);
	return NULL;
}

/* Run an operation to its decision, and all that are in its way. Return: how it has ended. */
static noinline enum kcas_status kcas_run(struct kcas_arena *arena, struct kcas_desc *first)
{
	struct kcas_desc *d = first, *blocker;
	enum kcas_status status;
	unsigned long chain = 0;

	for (;;) {
		status = kcas_status(first);
		if (status != KCAS_UNDECIDED)
			return status;
		blocker = kcas_step(d);
		if (!blocker) {
			d = first;
			chain = 0;
			continue;
		}
		kcas_count(arena, KCAS_C_HELPS);
		if (++chain > arena->longest)
			WRITE_ONCE(arena->longest, chain);
		trace_kcas_help(blocker->entry[0].word, chain);
		if (!kcas_busted(NO_HELP))
			d = blocker;
	}
}

/* The value of a word and the content that stands for it, decided. Pinned. */
static __always_inline unsigned long kcas_resolve(struct kcas_arena *arena,
						  struct kcas_word *word, unsigned long *content)
{
	enum kcas_status status;
	struct kcas_entry *e;

	for (;;) {
		/* KMM(read:A): see kcas_read(). */
		*content = smp_load_acquire(&word->content);
		if (!kcas_is_ref(*content))
			return *content;
		e = kcas_entry_of(*content);
		status = kcas_status(e->desc);
		if (likely(status != KCAS_UNDECIDED))
			return kcas_outcome(e, status);
		kcas_count(arena, KCAS_C_HELPS);
		kcas_hot(word);
		if (!kcas_busted(NO_HELP))
			kcas_run(arena, e->desc);
	}
}

/* The slow half of kcas_read(). */
unsigned long __kcas_read(struct kcas_word *word)
{
	unsigned long value, content;
	struct kcas_arena *arena;

	debra_pin(&kcas_domain);
	arena = kcas_arena_here();
	kcas_count(arena, KCAS_C_READS_SLOW);
	value = kcas_resolve(arena, word, &content);
	debra_unpin(&kcas_domain);
	return value;
}
EXPORT_SYMBOL_GPL(__kcas_read);

/* Have whoever is at work on a word decided. Return: its content then. Pinned. */
noinline unsigned long kcas_decided(struct kcas_word *word)
{
	unsigned long content;

	kcas_resolve(kcas_arena_here(), word, &content);
	return content;
}

/*
 * The value of a word, without helping: who has not decided yet will look for those who wait
 * when he has.
 */
unsigned long kcas_peek(struct kcas_word *word)
{
	unsigned long content, value;
	struct kcas_entry *e;

	debra_pin(&kcas_domain);
	/* KMM(read:A): see kcas_read(). */
	content = smp_load_acquire(&word->content);
	value = content;
	if (kcas_is_ref(content)) {
		e = kcas_entry_of(content);
		value = kcas_outcome(e, kcas_status(e->desc));
	}
	debra_unpin(&kcas_domain);
	return value;
}

static int kcas_cmp_entries(const void *a, const void *b)
{
	const struct kcas_entry *x = a, *y = b;

	return x->word < y->word ? -1 : x->word > y->word;
}

/* Where the words of an operation are wrong, or for how many of them it is a write. */
static int kcas_count_writes(const struct kcas_source *src, unsigned int nr)
{
	const struct kcas_op *op;
	unsigned int i, writes = 0;
	bool bad = false;

	for (i = 0; i < nr; i++) {
		op = kcas_source_op(src, i);
		bad |= kcas_bad_word(op->word) || ((op->old | op->new) & KCAS_RESERVED);
		writes += op->old != op->new;
	}
	return bad ? -EINVAL : writes;
}

static __always_inline void kcas_set_entry(struct kcas_entry *e, struct kcas_desc *d,
					   const struct kcas_op *op)
{
	e->word = op->word;
	e->old = op->old;
	e->new = op->new;
	e->desc = d;
}

/* Add to entries that are sorted. Return: false if the word is there already. */
static __always_inline bool kcas_insert_entry(struct kcas_entry *e, unsigned int nr,
					      struct kcas_desc *d, const struct kcas_op *op)
{
	while (nr && e[nr - 1].word >= op->word) {
		if (e[nr - 1].word == op->word)
			return false;
		e[nr] = e[nr - 1];
		nr--;
	}
	kcas_set_entry(&e[nr], d, op);
	return true;
}

static bool kcas_is_write(const struct kcas_op *op, bool all)
{
	return all || op->old != op->new;
}

static bool kcas_fill_few(struct kcas_desc *d, const struct kcas_source *src, bool all)
{
	unsigned int i, writes = 0, compares = 0;
	const struct kcas_op *op;
	bool good = true;

	for (i = 0; i < d->nr && good; i++) {
		op = kcas_source_op(src, i);
		if (kcas_is_write(op, all))
			good = kcas_insert_entry(d->entry, writes++, d, op);
		else
			good = kcas_insert_entry(d->entry + d->nr_writes, compares++, d, op);
	}
	return good;
}

/* Are they in order, each word once? */
static bool kcas_sorted(const struct kcas_entry *e, unsigned int nr)
{
	unsigned int i;

	for (i = 1; i < nr; i++)
		if (e[i - 1].word >= e[i].word)
			return false;
	return true;
}

static bool kcas_sort(struct kcas_entry *e, unsigned int nr)
{
	if (kcas_sorted(e, nr))
		return true;
	sort(e, nr, sizeof(*e), kcas_cmp_entries, NULL);
	return kcas_sorted(e, nr);
}

static bool kcas_fill_many(struct kcas_desc *d, const struct kcas_source *src, bool all)
{
	unsigned int i, writes = 0, compares = d->nr_writes;
	const struct kcas_op *op;

	for (i = 0; i < d->nr; i++) {
		op = kcas_source_op(src, i);
		kcas_set_entry(&d->entry[kcas_is_write(op, all) ? writes++ : compares++], d, op);
	}
	return kcas_sort(d->entry, writes) && kcas_sort(d->entry + writes, d->nr - writes);
}

/* A word in both parts, which are sorted. */
static bool kcas_parts_overlap(const struct kcas_desc *d)
{
	unsigned int i = 0, j = d->nr_writes;

	while (i < d->nr_writes && j < d->nr) {
		if (d->entry[i].word == d->entry[j].word)
			return true;
		if (d->entry[i].word < d->entry[j].word)
			i++;
		else
			j++;
	}
	return false;
}

/*
 * What most callers give us: good words in the order of their addresses, all of them to be
 * written, or none. Return: false if it is something else.
 */
static __always_inline bool kcas_fill_in_order(struct kcas_desc *d,
					       const struct kcas_source *src, unsigned int nr)
{
	const struct kcas_op *op = src->first;
	bool write = op->old != op->new;
	unsigned long words = 0, values = 0;
	struct kcas_word *before = NULL;
	struct kcas_entry *e = d->entry;

	if (src->chunk && nr > KCAS_LOG_FEW)
		return false;
	d->nr_writes = write ? nr : 0;
	for (; e < d->entry + nr; op = kcas_next_op(src, op), e++) {
		const struct kcas_op o = *op;

		if (o.word <= before || kcas_is_write(&o, false) != write)
			return false;
		before = o.word;
		words |= (unsigned long)o.word;
		values |= o.old | o.new;
		kcas_set_entry(e, d, &o);
	}
	return !(words & (sizeof(*before) - 1)) && !(values & KCAS_RESERVED);
}

/* Writes first, each part in the order of addresses. */
static noinline int kcas_fill_any(struct kcas_desc *d, const struct kcas_source *src,
				  unsigned int nr, bool all)
{
	int writes = kcas_count_writes(src, nr);

	if (writes < 0)
		return writes;
	d->nr_writes = all ? nr : writes;
	if (!(nr <= KCAS_FEW ? kcas_fill_few(d, src, all) : kcas_fill_many(d, src, all)))
		return -EINVAL;
	return kcas_parts_overlap(d) ? -EINVAL : 0;
}

/* @all: compares are written as well. Return: 0, or -EINVAL. */
static __always_inline int kcas_fill(struct kcas_desc *d, const struct kcas_source *src,
				     unsigned int nr, bool all)
{
	d->status = KCAS_UNDECIDED;
	d->nr = nr;
	if (likely(kcas_fill_in_order(d, src, nr)) && likely(d->nr_writes || !all))
		return 0;
	return kcas_fill_any(d, src, nr, all);
}

/* Return: false if a compared word has another value. */
static bool kcas_log_compares(struct kcas_arena *arena, struct kcas_desc *d)
{
	unsigned int i;

	for (i = d->nr_writes; i < d->nr; i++)
		if (kcas_resolve(arena, d->entry[i].word, &d->entry[i].seen) != d->entry[i].old)
			return false;
	return true;
}

/* Some of its words are only compared. */
static noinline enum kcas_status kcas_attempt_compares(struct kcas_arena *arena,
						       struct kcas_desc *d, bool *published)
{
	if (!kcas_log_compares(arena, d))
		return KCAS_FAILED;
	if (!d->nr_writes)
		/*
		 * Each was logged with acquire: neither these loads nor what the caller
		 * does comes before. Litmus: kcas-read-collect.
		 */
		return kcas_verify(d) ? KCAS_SUCCEEDED : KCAS_CONFLICT;
	kcas_pause(KCAS_PAUSE_LOGGED, NULL);
	*published = true;
	return kcas_run(arena, d);
}

/* One attempt. Return: @published: somebody else has been able to see the descriptor. */
static __always_inline enum kcas_status kcas_attempt(struct kcas_arena *arena,
						     struct kcas_desc *d, bool *published)
{
	enum kcas_status status;

	if (likely(d->nr_writes == d->nr)) {
		kcas_pause(KCAS_PAUSE_LOGGED, NULL);
		*published = true;
		status = kcas_run(arena, d);
	} else {
		status = kcas_attempt_compares(arena, d, published);
	}
	kcas_count_op(arena, status, d->nr);
	trace_kcas_op(d->entry[0].word, d->nr, d->nr_writes, status);
	return status;
}

/*
 * One attempt with a descriptor of its own. Return: enum kcas_status, or an error. All of
 * it is in one pin, see "ABA".
 */
static __always_inline int kcas_try(const struct kcas_source *src, unsigned int nr, bool all)
{
	struct kcas_desc *d = NULL;
	struct kcas_arena *arena;
	bool published = false;
	unsigned long stamp;
	int ret = -ENOMEM;

	debra_pin(&kcas_domain);
	arena = kcas_arena_here();
	stamp = kcas_arena_begin(arena);
	if (likely(stamp))
		d = kcas_mem_get(arena, kcas_desc_size(nr));
	if (likely(d)) {
		d->stamp = stamp;
		ret = kcas_fill(d, src, nr, all);
		if (likely(!ret))
			ret = kcas_attempt(arena, d, &published);
		if (!published)
			kcas_mem_put(arena, d);
	}
	kcas_arena_end(arena, stamp);
	debra_unpin(&kcas_domain);
	/* A transaction does that when it begins. */
	if (!src->chunk)
		kcas_pace(arena);
	return ret;
}

/* Its operation is over. Return: the block, if it can be freed after the pin. */
static struct kcas_block *kcas_large_done(struct kcas_block *large, bool published)
{
	if (!published)
		return large;
	kcas_block_retire(large);
	return NULL;
}

/* Sorted before the pin, for that takes time. */
static noinline int kcas_try_large(const struct kcas_source *src, unsigned int nr, bool all)
{
	struct kcas_block *large = kcas_large_alloc(kcas_desc_size(nr));
	struct kcas_arena *arena;
	bool published = false;
	struct kcas_desc *d;
	int ret;

	if (!large)
		return -ENOMEM;
	d = kcas_block_take(large, kcas_desc_size(nr));
	ret = kcas_fill(d, src, nr, all);
	if (ret) {
		kcas_large_free(large);
		return ret;
	}
	debra_pin(&kcas_domain);
	arena = kcas_arena_here();
	d->stamp = kcas_arena_begin(arena);
	ret = kcas_attempt(arena, d, &published);
	kcas_arena_end(arena, d->stamp);
	large = kcas_large_done(large, published);
	debra_unpin(&kcas_domain);
	kcas_large_free(large);
	return ret;
}

static __always_inline int kcas_try_memory(const struct kcas_source *src, unsigned int nr,
					   bool all)
{
	int ret = -ENOMEM;

	if (likely(kcas_desc_size(nr) <= KCAS_BLOCK_DATA))
		ret = kcas_try(src, nr, all);
	if (unlikely(ret == -ENOMEM))
		ret = kcas_try_large(src, nr, all);
	return ret;
}

/* A compared word was touched: again, and in the end as a write, see above. */
static noinline int kcas_again(const struct kcas_source *src, unsigned int nr)
{
	unsigned int tries, patience = READ_ONCE(kcas_patience);
	int ret = KCAS_CONFLICT;

	for (tries = 1; ret == KCAS_CONFLICT && tries < patience; tries++)
		ret = kcas_try_memory(src, nr, false);
	if (ret != KCAS_CONFLICT)
		return ret;
	kcas_count_any(KCAS_C_FALLBACKS, 1);
	/* Nothing is compared that is not written, so there can be no conflict. */
	return kcas_try_memory(src, nr, true);
}

static __always_inline int kcas_commit_source(const struct kcas_source *src, unsigned int nr)
{
	int ret = kcas_try_memory(src, nr, !READ_ONCE(kcas_patience));

	if (unlikely(ret == KCAS_CONFLICT))
		ret = kcas_again(src, nr);
	if (unlikely(ret == -ENOMEM))
		kcas_count_any(KCAS_C_NO_MEMORY, 1);
	return ret < 0 ? ret : ret == KCAS_SUCCEEDED;
}

/* As kcas() with the words of a transaction. */
int kcas_commit_log(struct kcas_tx_entry *first, struct kcas_log_chunk **chunk, unsigned int nr)
{
	struct kcas_source src = { &first->op, sizeof(*first), chunk };

	return kcas_commit_source(&src, nr);
}

/**
 * kcas() - compare and swap several words at once
 * @ops: the words, in any order, each of them once
 * @nr: how many, 1 to %KCAS_MAX_WORDS
 *
 * If all words have their old values, they get the new ones, at one moment. Words whose new
 * value is the old one are compared and not written. Lock-free: whoever meets an
 * operation that is not finished finishes it, so an owner that is held up holds nobody up.
 *
 * Up to 250 words the descriptor comes from a pool of the CPU and the context; more, and if
 * the pool has nothing, it is allocated, with %GFP_KERNEL where the caller may sleep: in a task
 * that is preemptible(), runs, and is not under rcu_read_lock(). There it may also wait, a tenth
 * of a second at most, for some of very many descriptors to come back. With PREEMPT_RT nothing
 * is allocated anywhere else.
 *
 * Ordering: an operation that has written is a full barrier, whoever has finished it; all
 * agree on the order of those. One that has only compared, and one that fails, is an
 * acquire of what it has read, as kcas_read(). On machines that are not multi-copy atomic
 * (powerpc) two CPUs that only compare may disagree on the order of operations of others
 * on different words; not if each reads the words, then smp_mb(), then compares.
 *
 * Context: any, NMI included, also on top of an operation on the same words.
 * Return: 1 if it was done; 0 if a word had another value; -EINVAL for no words or too many,
 * a word twice, NULL or misaligned, or a value with bit 0; -ENOMEM.
 */
int kcas(const struct kcas_op *ops, unsigned int nr)
{
	struct kcas_source src = { ops, sizeof(*ops), NULL };

	if (unlikely(!ops || !nr || nr > KCAS_MAX_WORDS))
		return -EINVAL;
	if (nr == 1 && ops->old != ops->new)
		return kcas_cas(ops->word, ops->old, ops->new);
	return kcas_commit_source(&src, nr);
}
EXPORT_SYMBOL_GPL(kcas);

/* What a one-word operation makes of a value. */
enum kcas_kind {
	KCAS_DO_CAS,
	KCAS_DO_SET,
	KCAS_DO_ADD,
};

static __always_inline unsigned long kcas_new_value(enum kcas_kind kind, unsigned long value,
						    unsigned long arg)
{
	return kind == KCAS_DO_ADD ? value + kcas_int(arg) : arg;
}

/*
 * Installs a reference that is decided already, so that raw values stay the cleaner's. What
 * the value was before nobody will ask: the stamp is kept in its place.
 */
static __always_inline bool kcas_replace(struct kcas_entry *e, struct kcas_word *word,
					 unsigned long content, unsigned long stamp,
					 unsigned long new)
{
	e->word = word;
	e->old = stamp;
	e->new = new;
	e->desc = &kcas_done;
	kcas_pause(KCAS_PAUSE_BEFORE_REPLACE, word);
	if (kcas_busted(RAW_SINGLE))
		return cmpxchg(&word->content, content, new) == content;
	/* KMM(install:A): see kcas_install(). */
	return cmpxchg(&word->content, content, kcas_ref(e)) == content;
}

/**
 * struct kcas_single - a one-word operation
 * @word: the word
 * @kind: what to do with it
 * @old: the value that it must have, if that is a compare-and-swap
 * @arg: the value it gets, or what is added
 * @found: the value that it had
 */
struct kcas_single {
	struct kcas_word *word;
	enum kcas_kind kind;
	unsigned long old;
	unsigned long arg;
	unsigned long found;
};

/*
 * Return: 1 if it was done, 0 if the word had another value, -ENOMEM. @mem: an entry to use, or
 * NULL for the arena's; set to NULL once it has been published. Pinned.
 */
static __always_inline int kcas_single_run(struct kcas_arena *arena, struct kcas_single *op,
					   unsigned long stamp, struct kcas_entry **mem)
{
	struct kcas_entry *own = *mem, *e = own;
	unsigned long content, value, new;
	int ret;

	for (;;) {
		value = kcas_resolve(arena, op->word, &content);
		new = kcas_new_value(op->kind, value, op->arg);
		ret = op->kind != KCAS_DO_CAS || value == op->old;
		/*
		 * A compare. The others write whatever was there: to be a full barrier,
		 * and so that who exchanges comes after those whose value he got.
		 * Litmus: kcas-install-same.
		 */
		if (unlikely(!ret || (op->kind == KCAS_DO_CAS && new == value)))
			break;
		if (!e && likely(stamp))
			e = kcas_mem_get(arena, sizeof(*e));
		if (unlikely(!e)) {
			ret = -ENOMEM;
			break;
		}
		if (likely(kcas_replace(e, op->word, content, stamp, new))) {
			if (new != value)
				kcas_wake(op->word);
			*mem = NULL;
			e = NULL;
			break;
		}
		kcas_hot(op->word);
	}
	if (unlikely(e && !own))
		kcas_mem_put(arena, e);
	op->found = value;
	return ret;
}

/* @mem: as above */
static __always_inline int kcas_single_pinned(struct kcas_arena *arena, struct kcas_single *op,
					      struct kcas_entry **mem)
{
	unsigned long stamp = kcas_arena_begin(arena);
	int ret;

	kcas_count(arena, KCAS_C_SINGLES);
	ret = kcas_single_run(arena, op, stamp, mem);
	kcas_arena_end(arena, stamp);
	return ret;
}

/* The pool is empty, or somebody we have interrupted is using it. */
static noinline int kcas_single_large(struct kcas_single *op)
{
	struct kcas_block *large = kcas_large_alloc(sizeof(struct kcas_entry));
	struct kcas_entry *e;
	int ret;

	if (!large) {
		kcas_count_any(KCAS_C_NO_MEMORY, 1);
		return -ENOMEM;
	}
	e = kcas_block_take(large, sizeof(*e));
	debra_pin(&kcas_domain);
	ret = kcas_single_pinned(kcas_arena_here(), op, &e);
	large = kcas_large_done(large, !e);
	debra_unpin(&kcas_domain);
	kcas_large_free(large);
	return ret;
}

static __always_inline int kcas_one(struct kcas_single *op)
{
	struct kcas_entry *none = NULL;
	struct kcas_arena *arena;
	int ret;

	if (unlikely(kcas_bad_word(op->word)))
		return -EINVAL;
	debra_pin(&kcas_domain);
	arena = kcas_arena_here();
	ret = kcas_single_pinned(arena, op, &none);
	debra_unpin(&kcas_domain);
	kcas_pace(arena);
	if (unlikely(ret == -ENOMEM)) {
		/* A copy, so that the other one can be in registers. */
		struct kcas_single slow = *op;

		ret = kcas_single_large(&slow);
		op->found = slow.found;
	}
	return ret;
}

/**
 * kcas_cas() - compare and swap one word
 * @word: the word
 * @old: the value that it has to have
 * @new: the value to give it
 *
 * Fails only if the word has another value, never because of somebody who writes the
 * same. One locked instruction; none if @old is @new, which only compares.
 *
 * Ordering: as kcas().
 *
 * Context: any, NMI included.
 * Return: as kcas().
 */
int kcas_cas(struct kcas_word *word, unsigned long old, unsigned long new)
{
	struct kcas_single op = { word, KCAS_DO_CAS, old, new };

	if (unlikely((old | new) & KCAS_RESERVED))
		return -EINVAL;
	return kcas_one(&op);
}
EXPORT_SYMBOL_GPL(kcas_cas);

/**
 * kcas_xchg() - give a word a value and get the one that it had
 * @word: the word
 * @new: the value
 * @old: set to the value before, unless there is an error
 *
 * Ordering: a full barrier, also if the value stays the same.
 *
 * Context: any, NMI included.
 * Return: 0, or an error as kcas().
 */
int kcas_xchg(struct kcas_word *word, unsigned long new, unsigned long *old)
{
	struct kcas_single op = { word, KCAS_DO_SET, 0, new };
	int ret;

	if (unlikely(new & KCAS_RESERVED))
		return -EINVAL;
	ret = kcas_one(&op);
	if (ret < 0)
		return ret;
	*old = op.found;
	return 0;
}
EXPORT_SYMBOL_GPL(kcas_xchg);

/**
 * kcas_set() - give a word a value
 * @word: the word
 * @new: the value
 *
 * Ordering: a full barrier, also if the value stays the same.
 *
 * Context: any, NMI included.
 * Return: 0, or an error as kcas().
 */
int kcas_set(struct kcas_word *word, unsigned long new)
{
	unsigned long old;

	return kcas_xchg(word, new, &old);
}
EXPORT_SYMBOL_GPL(kcas_set);

/**
 * kcas_add() - add to a word that holds an integer
 * @word: the word, whose values are made with kcas_int()
 * @delta: what to add
 * @sum: set to the integer after it, unless there is an error; may be NULL
 *
 * Ordering: a full barrier, also if the value stays the same.
 *
 * Context: any, NMI included.
 * Return: 0, or an error as kcas().
 */
int kcas_add(struct kcas_word *word, long delta, long *sum)
{
	struct kcas_single op = { word, KCAS_DO_ADD, 0, delta };
	int ret;

	ret = kcas_one(&op);
	if (ret < 0)
		return ret;
	if (sum)
		*sum = kcas_to_int(op.found + kcas_int(delta));
	return 0;
}
EXPORT_SYMBOL_GPL(kcas_add);
