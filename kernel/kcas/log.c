// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas: the log of a transaction, and how it sees one moment.
 *
 * An entry for each word: the value and the content that stood for it when it was read, and
 * what is to be written. Up to KCAS_LOG_FEW entries are searched from the front; more are
 * found by a hash of their words. Entries never move, for the reclaimer reads them: the
 * values of an aborted transaction are what is kept for it. The first few stand in the
 * slots of its guard instead, which is cheaper than to attach a log.
 *
 * Opacity
 *
 * There is a moment T in the section at which all words of the log had the values that
 * are logged. That is so with an empty log; each read keeps it true. There are three cases.
 *
 * A raw value: it got there by cleaning, a grace period after the operation that wrote it
 * was decided, or by initialization before anybody found the word, through a word that
 * is younger than that; kcas_tx_protect() makes up for other ways. The section holds grace
 * periods up that begin during it. So the operation was decided before the section began,
 * and the word has had this value all the time since, at T as well.
 *
 * A reference of a decided operation that is known to be older than T. References do not
 * come back within a section, so the word had that value at T.
 *
 * Any other reference: all entries, this one with them, are compared with what is in their
 * words now. Content that is the same has been there all the time, so the moment before
 * the first comparison is the new T.
 *
 * What is older than T is known by the stamps of operations. Those of an arena come one after
 * the other, so when a later one has begun it is decided. With each validation the stamp
 * that the arena in question has reached before is kept, for a few arenas. A word that was
 * written long ago but not cleaned yet costs one validation for all that its arena did
 * until then.
 *
 * There is no clock that all have to write. Whoever reads what nobody is just writing
 * validates nothing. Sections that are neutralized know nothing of the above; they
 * find out after the read, and before its value is used.
 */
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "../debra/compat.h"
#include "tx.h"

#define KCAS_RELAXED_PERIOD	256	/* reads between validations without opacity */

static struct kmem_cache *kcas_log_cache;

static void kcas_log_construct(void *mem)
{
	struct kcas_log *log = mem;

	memset(log, 0, sizeof(*log));
	log->hazards.entry = &log->entry[KCAS_TX_SLOTS].op.old;
	log->hazards.stride = sizeof(struct kcas_tx_entry);
}

/* Where it may wait for memory, or where it has to take what there is. */
static gfp_t kcas_tx_gfp(const struct kcas_tx *tx)
{
	return (tx->long_form ? tx->gfp : GFP_NOWAIT) | __GFP_NOWARN;
}

/**
 * kcas_tx_kmem - memory within an attempt, for whoever
 * @tx: the transaction
 * @size: how much
 *
 * Return: memory for kfree(), or NULL, and the transaction has failed.
 */
void *kcas_tx_kmem(struct kcas_tx *tx, size_t size)
{
	void *mem = NULL;

	if (kcas_may_alloc() && !kcas_tx_no_memory())
		mem = kmalloc(size, kcas_tx_gfp(tx));
	if (!mem)
		kcas_tx_need_memory(tx);
	return mem;
}

/**
 * kcas_tx_mem - memory within an attempt, for the log
 * @tx: the transaction
 * @size: how much
 *
 * Return: memory for kvfree(), or NULL, and the transaction has failed.
 */
void *kcas_tx_mem(struct kcas_tx *tx, size_t size)
{
	void *mem = NULL;

	if (!tx->long_form)
		return kcas_tx_kmem(tx, size);
	if (!kcas_tx_no_memory())
		mem = kvmalloc(size, kcas_tx_gfp(tx));
	if (!mem)
		kcas_tx_need_memory(tx);
	return mem;
}

/**
 * kcas_array_add - room for one more
 * @tx: the transaction
 * @array: of its log
 * @size: of an element
 *
 * Return: the element, or NULL, and the transaction has failed.
 */
void *kcas_array_add(struct kcas_tx *tx, struct kcas_array *array, size_t size)
{
	unsigned int room = array->room ? 2 * array->room : KCAS_ARRAY_LEAST;
	void *mem;

	if (unlikely(array->nr == array->room)) {
		mem = kcas_tx_mem(tx, array_size(room, size));
		if (!mem)
			return NULL;
		if (array->nr)
			memcpy(mem, array->mem, array->nr * size);
		kvfree(array->mem);
		array->mem = mem;
		array->room = room;
	}
	return array->mem + array->nr++ * size;
}

static void kcas_array_free(struct kcas_array *array, unsigned int keep)
{
	array->nr = 0;
	if (array->room <= keep)
		return;
	kvfree(array->mem);
	array->mem = NULL;
	array->room = 0;
}

#define KCAS_LOG_ROOM	16	/* actions, and writes to undo, where there is no memory */

static bool kcas_array_start(struct kcas_array *array, size_t size, gfp_t gfp)
{
	if (array->room)
		return true;
	array->mem = kmalloc_array(KCAS_LOG_ROOM, size, gfp);
	if (array->mem)
		array->room = KCAS_LOG_ROOM;
	return array->mem;
}

/* For actions, and for writes to undo. Return: false if there is no memory. */
static bool kcas_log_stock(struct kcas_log *log, gfp_t gfp)
{
	return kcas_array_start(&log->records, sizeof(struct kcas_tx_record), gfp) &&
	       kcas_array_start(&log->undo, sizeof(struct kcas_tx_undo), gfp);
}

/*
 * With PREEMPT_RT it is too late once preemption is off. If there is no memory here either, the
 * attempt will find out.
 */
static void kcas_log_prepare(struct kcas_tx *tx, gfp_t gfp)
{
	if (kcas_tx_no_memory())
		return;
	if (kcas_log_stock(tx->log, gfp) && kcas_tx_may_wait(tx))
		kcas_array_start(&tx->log->nodes, sizeof(struct kcas_node), gfp);
}

/**
 * __kcas_log_get - see to it that a transaction has a log
 * @tx: the transaction, before its first attempt, with the log that the arena had or none
 *
 * Return: 0 or -ENOMEM.
 */
int __kcas_log_get(struct kcas_tx *tx)
{
	gfp_t gfp = (kcas_tx_may_wait(tx) ? tx->gfp : GFP_NOWAIT) | __GFP_NOWARN;

	if (!tx->log && kcas_may_alloc() && !kcas_tx_no_memory())
		tx->log = kmem_cache_alloc(kcas_log_cache, gfp);
	if (!tx->log)
		return -ENOMEM;
	if (kcas_log_of_task())
		kcas_log_prepare(tx, gfp);
	return 0;
}

/* What the reclaimer sees before the chunk. */
static struct debra_log_chunk *kcas_log_hazards_before(struct kcas_log *log, unsigned int chunk)
{
	return chunk == 1 ? &log->hazards : &log->chunk[chunk - 1]->hazards;
}

static void kcas_log_chunk_free(struct rcu_head *rcu)
{
	kvfree(container_of(rcu, struct kcas_log_chunk, rcu));
}

/*
 * Somebody may still be reading what it names. Not kvfree_rcu(), which keeps what it has for up
 * to five seconds before it begins with a grace period: so many large transactions may be more
 * than there is memory.
 */
static void kcas_log_free_chunks(struct kcas_log *log, unsigned int kept)
{
	unsigned int i = kept + 1;

	if (log->chunk[i])
		/*
		 * The next section attaches the log before it empties it, so what stays must
		 * not lead to what goes. DMM(hop:A): release, as where the section has given
		 * up its log: who does not find these entries any more comes after their use.
		 * Pairs with DMM(log:B). Litmus: debra-log-clear.
		 */
		smp_store_release(&kcas_log_hazards_before(log, i)->next, NULL);
	for (; i < KCAS_LOG_CHUNKS && log->chunk[i]; i++) {
		debra_call_rcu(&log->chunk[i]->rcu, kcas_log_chunk_free);
		log->chunk[i] = NULL;
	}
}

static void kcas_log_shrink(struct kcas_log *log, unsigned int chunk, unsigned int hash,
			    unsigned int keep)
{
	kcas_log_free_chunks(log, chunk);
	if (log->hash_size > hash) {
		kvfree(log->hash);
		log->hash = NULL;
		log->hash_size = 0;
	}
	kcas_array_free(&log->records, keep);
	kcas_array_free(&log->undo, keep);
	kcas_array_free(&log->nodes, keep);
}

/* What a log keeps from one transaction to the next. */
static __always_inline bool kcas_log_is_small(const struct kcas_log *log)
{
	return !log->chunk[KCAS_KEPT_CHUNK + 1] && log->hash_size <= KCAS_KEPT_HASH &&
	       log->records.room <= KCAS_KEPT_ARRAY && log->undo.room <= KCAS_KEPT_ARRAY &&
	       log->nodes.room <= KCAS_KEPT_ARRAY;
}

/* Leave it for the next one here. Preemption off. Return: false if there are others. */
static __always_inline bool kcas_log_leave(struct kcas_arena *arena, struct kcas_log *log)
{
	struct kcas_log **place = &arena->log;

	if (IS_ENABLED(CONFIG_PREEMPT_RT) && *place)
		place = &arena->task_log;
	if (*place)
		return false;
	*place = log;
	return true;
}

/**
 * kcas_log_keep - the transaction is about to be over, and its log is small
 * @tx: the transaction, in a section in short form; nobody takes the log before its end
 *
 * If it is not small, kcas_log_put() is left to be called.
 */
void kcas_log_keep(struct kcas_tx *tx)
{
	if (likely(kcas_log_is_small(tx->log)) && kcas_log_leave(tx->arena, tx->log))
		tx->log = NULL;
}

static void kcas_log_free(struct kcas_log *log)
{
	kcas_log_shrink(log, 0, 0, 0);
	/* The next one finds it as the constructor has left it. */
	/* DMM(hop:A): as in kcas_log_free_chunks(). */
	smp_store_release(&log->hazards.nr, 0);
	kmem_cache_free(kcas_log_cache, log);
}

/**
 * __kcas_log_put - as kcas_log_put(), with a log
 * @tx: the transaction, outside of a section
 */
void __kcas_log_put(struct kcas_tx *tx)
{
	struct kcas_log *log = tx->log;
	bool left;

	tx->log = NULL;
	if (unlikely(!kcas_log_is_small(log)))
		kcas_log_shrink(log, KCAS_KEPT_CHUNK, KCAS_KEPT_HASH, KCAS_KEPT_ARRAY);
	preempt_disable();
	left = kcas_log_leave(kcas_arena_here(), log);
	preempt_enable();
	if (!left)
		kcas_log_free(log);
}

/**
 * kcas_log_empty - an attempt begins
 * @tx: the transaction
 */
void kcas_log_empty(struct kcas_tx *tx)
{
	struct kcas_log *log = tx->log;

	if (unlikely(tx->nr > KCAS_LOG_FEW))
		memset(log->hash, 0, log->hash_size * sizeof(*log->hash));
	tx->nr = 0;
	log->records.nr = 0;
	log->undo.nr = 0;
	tx->known_set = 0;
}

static unsigned int kcas_log_hash(const struct kcas_log *log, const struct kcas_word *word)
{
	return hash_ptr(word, 32) & (log->hash_size - 1);
}

static void kcas_log_hash_add(struct kcas_log *log, const struct kcas_word *word, unsigned int i)
{
	unsigned int at = kcas_log_hash(log, word);

	while (log->hash[at])
		at = (at + 1) & (log->hash_size - 1);
	log->hash[at] = i + 1;
}

static struct kcas_tx_entry *kcas_log_hash_find(const struct kcas_tx *tx,
						const struct kcas_word *word)
{
	unsigned int at = kcas_log_hash(tx->log, word);
	struct kcas_tx_entry *e;

	for (; tx->log->hash[at]; at = (at + 1) & (tx->log->hash_size - 1)) {
		e = kcas_tx_entry(tx, tx->log->hash[at] - 1);
		if (e->op.word == word)
			return e;
	}
	return NULL;
}

static __always_inline struct kcas_tx_entry *kcas_tx_find(const struct kcas_tx *tx,
							  const struct kcas_word *word)
{
	struct kcas_tx_entry *e = tx->log->entry, *end = e + tx->nr;

	if (unlikely(tx->nr > KCAS_LOG_FEW))
		return kcas_log_hash_find(tx, word);
	for (; e < end; e++)
		if (e->op.word == word)
			return e;
	return NULL;
}

/* A table of twice the size, with all that is logged. */
static bool kcas_log_rehash(struct kcas_tx *tx, unsigned int size)
{
	struct kcas_log *log = tx->log;
	struct kcas_tx_entry *e;
	unsigned int i;
	u32 *hash;

	if (size > log->hash_size) {
		hash = kcas_tx_mem(tx, size * sizeof(*hash));
		if (!hash)
			return false;
		kvfree(log->hash);
		log->hash = hash;
		log->hash_size = size;
	}
	memset(log->hash, 0, log->hash_size * sizeof(*log->hash));
	kcas_tx_for_each_entry(tx, i, e)
		kcas_log_hash_add(log, e->op.word, i);
	return true;
}

static bool kcas_log_new_chunk(struct kcas_tx *tx, unsigned int i)
{
	size_t nr = kcas_log_before(i);
	struct kcas_log_chunk *chunk;

	if (tx->log->chunk[i])
		return true;
	chunk = kcas_tx_mem(tx, struct_size(chunk, entry, nr));
	if (!chunk)
		return false;
	chunk->hazards.entry = &chunk->entry[0].op.old;
	chunk->hazards.stride = sizeof(struct kcas_tx_entry);
	chunk->hazards.nr = 0;
	chunk->hazards.next = NULL;
	tx->log->chunk[i] = chunk;
	return true;
}

/* Room for the next entry, when the first few are used up. */
static bool kcas_log_grow(struct kcas_tx *tx)
{
	unsigned int size = tx->log->hash_size;

	if (tx->nr >= KCAS_MAX_WORDS) {
		kcas_tx_fail(tx, KCAS_TX_USER, -E2BIG);
		return false;
	}
	if (tx->nr >= KCAS_TX_SHORT && kcas_tx_may_grow(tx)) {
		kcas_tx_need_memory(tx);
		return false;
	}
	if (!kcas_log_new_chunk(tx, kcas_log_chunk_of(tx->nr)))
		return false;
	if (tx->nr == KCAS_LOG_FEW)
		return kcas_log_rehash(tx, max(size, 4U * KCAS_LOG_FEW));
	return 2 * tx->nr < size || kcas_log_rehash(tx, 2 * size);
}

/*
 * Before the first entry that does not stand in a slot: what earlier sections have left here
 * is over for the reclaimer, and then written over.
 */
static noinline void kcas_log_attach(struct kcas_tx *tx)
{
	struct debra_log_chunk *hazards = &tx->log->hazards;

	if (tx->flags & KCAS_TX_PINNED) {
		/* DMM(log:C): as debra_guard_attach_log(), which there is no guard for. */
		smp_mb();
		return;
	}
	debra_guard_attach_log(&tx->guard, hazards);
	WRITE_ONCE(hazards->next, NULL);
	WRITE_ONCE(hazards->nr, 0);
}

/*
 * The chunk for entry @i as the reclaimer sees it. When it is new, what an earlier
 * attempt has left in it is dropped, after it has become part of this section's log.
 */
static struct debra_log_chunk *kcas_log_hazards(struct kcas_tx *tx, unsigned int i)
{
	struct kcas_log *log = tx->log;
	struct debra_log_chunk *chunk;
	unsigned int at;

	if (i < KCAS_LOG_FEW)
		return &log->hazards;
	at = kcas_log_chunk_of(i);
	chunk = &log->chunk[at]->hazards;
	if (i == kcas_log_before(at)) {
		WRITE_ONCE(chunk->next, NULL);
		WRITE_ONCE(chunk->nr, 0);
		/* DMM(log:A): the chunk before its address, see debra_log_publish(). */
		smp_store_release(&kcas_log_hazards_before(log, at)->next, chunk);
	}
	return chunk;
}

/*
 * What the value points to is kept from here on. Return: false if the section was aborted
 * before.
 */
static __always_inline bool kcas_tx_keep(struct kcas_tx *tx, unsigned int i, unsigned long value)
{
	if (tx->flags & KCAS_TX_PINNED)
		return true;
	if (likely(i < KCAS_TX_SLOTS))
		return debra_guard_protect(&tx->guard, i, (void *)value) || kcas_busted(TX_DEAF);
	return debra_log_publish(&tx->guard, kcas_log_hazards(tx, i)) || kcas_busted(TX_DEAF);
}

static bool kcas_entry_unchanged(const struct kcas_tx_entry *e)
{
	return kcas_still(READ_ONCE(e->op.word->content), e->seen, e->op.old);
}

/**
 * kcas_tx_unchanged - validate all that has been read
 * @tx: the transaction, in a section that has not been aborted by the time this is over
 *
 * Ordering: after the last acquire of the caller.
 *
 * Return: true if all values were there at the moment of the call.
 */
bool kcas_tx_unchanged(struct kcas_tx *tx)
{
	struct kcas_tx_entry *e;
	unsigned int i;

	kcas_tx_count(tx, KCAS_C_TX_VALIDATIONS);
	kcas_tx_for_each_entry(tx, i, e) {
		if (unlikely(!kcas_entry_unchanged(e))) {
			tx->culprit = e->op.word;
			return false;
		}
	}
	return true;
}

/* Which place is the arena's. */
static unsigned int kcas_known_slot(unsigned long stamp)
{
	return (stamp & KCAS_STAMP_ARENA) / KCAS_NR_CONTEXTS % KCAS_TX_KNOWN;
}

/* Is the operation known to be older than the view? */
static bool kcas_tx_knows(const struct kcas_tx *tx, unsigned long stamp)
{
	unsigned int slot = kcas_known_slot(stamp);
	unsigned long known = tx->known_set & BIT(slot) ? tx->known[slot] : 0;

	return stamp && !((known ^ stamp) & KCAS_STAMP_ARENA) && stamp <= known;
}

/* The next view will be younger than it, and than all that its arena has done before. */
static void kcas_tx_get_to_know(struct kcas_tx *tx, unsigned long stamp)
{
	unsigned int id = stamp & KCAS_STAMP_ARENA, slot = kcas_known_slot(stamp);
	struct kcas_arena *arena;
	unsigned long now;

	if (!stamp)
		return;
	arena = &per_cpu_ptr(kcas_cpus, id / KCAS_NR_CONTEXTS)->arena[id % KCAS_NR_CONTEXTS];
	/*
	 * KMM(known:A): acquire, pairs with KMM(stamp:A): all operations before the one that
	 * has begun last are decided, and the validation that comes now sees what they have
	 * written. Litmus: kcas-stamp-known.
	 */
	now = smp_load_acquire(&arena->stamp) - KCAS_STAMP_ONE;
	tx->known[slot] = max(stamp, now);
	tx->known_set |= BIT(slot);
	BUILD_BUG_ON(KCAS_TX_KNOWN > 8 * sizeof(tx->known_set));
}

/* A reference was read. Return: does the view hold with it? */
static noinline bool kcas_tx_extend(struct kcas_tx *tx, unsigned long stamp)
{
	if (tx->flags & KCAS_TX_RELAXED)
		return tx->nr % KCAS_RELAXED_PERIOD || kcas_tx_unchanged(tx);
	if (kcas_tx_knows(tx, stamp) || kcas_busted(TX_TORN))
		return true;
	kcas_tx_get_to_know(tx, stamp);
	return kcas_tx_unchanged(tx);
}

/*
 * The value of a word whose content was a reference, the content that stands for it now, and the
 * stamp of the operation that has written it; 0 if that is not known.
 */
static __always_inline unsigned long kcas_tx_resolve(struct kcas_word *word,
						     unsigned long *content,
						     unsigned long *stamp)
{
	unsigned long value;
	struct kcas_entry *e;

	/* The section may have been aborted. */
	debra_pin(&kcas_domain);
	/* KMM(read:A): see kcas_read(). */
	*content = smp_load_acquire(&word->content);
	if (unlikely(!kcas_is_decided(*content)))
		*content = kcas_decided(word);
	value = *content;
	*stamp = KCAS_STAMP_RAW;
	if (likely(kcas_is_ref(value))) {
		e = kcas_entry_of(value);
		value = kcas_outcome(e, kcas_status(e->desc));
		*stamp = e->desc == &kcas_done ? e->old : e->desc->stamp;
	}
	debra_unpin(&kcas_domain);
	return value;
}

/* Room for an entry that has no slot of the guard. Return: false if there is none. */
static noinline bool kcas_log_extend(struct kcas_tx *tx)
{
	if (tx->nr >= KCAS_LOG_FEW)
		return kcas_log_grow(tx);
	if (tx->nr == KCAS_TX_SLOTS)
		kcas_log_attach(tx);
	return true;
}

/* Log a word for the first time. Return: NULL if the transaction has failed. */
static struct kcas_tx_entry *kcas_tx_read(struct kcas_tx *tx, struct kcas_word *word)
{
	unsigned long content, value, stamp = KCAS_STAMP_RAW;
	unsigned int i = tx->nr;
	struct kcas_tx_entry *e;

	if (unlikely(i >= KCAS_TX_SLOTS) && !kcas_log_extend(tx))
		return NULL;
	/* KMM(read:A): see kcas_read(). */
	content = smp_load_acquire(&word->content);
	value = content;
	if (kcas_is_ref(content))
		value = kcas_tx_resolve(word, &content, &stamp);
	e = kcas_tx_entry(tx, i);
	e->op.word = word;
	/* The reclaimer may be reading here, if this is what an earlier attempt has left. */
	WRITE_ONCE(e->op.old, value);
	e->op.new = value;
	e->seen = content;
	tx->nr = i + 1;
	if (unlikely(i >= KCAS_LOG_FEW))
		kcas_log_hash_add(tx->log, word, i);
	/* The first word holds together with itself, at the moment when it was read. */
	if (stamp != KCAS_STAMP_RAW && i && !kcas_tx_extend(tx, stamp)) {
		kcas_tx_fail(tx, KCAS_TX_CONFLICT_READ, -EAGAIN);
		return NULL;
	}
	kcas_pause(KCAS_PAUSE_TX_READ, word);
	/* Last: the above counts only if the section had not been aborted by then. */
	if (unlikely(!kcas_tx_keep(tx, i, value))) {
		kcas_tx_fail(tx, KCAS_TX_NEUTRALIZED, -EAGAIN);
		return NULL;
	}
	return e;
}

/**
 * kcas_tx_access - the entry of a word
 * @tx: the transaction
 * @word: the word
 *
 * Return: the entry; NULL if the transaction has failed.
 */
struct kcas_tx_entry *kcas_tx_access(struct kcas_tx *tx, struct kcas_word *word)
{
	struct kcas_tx_entry *e;

	if (unlikely(tx->err))
		return NULL;
	if (unlikely(kcas_bad_word(word))) {
		kcas_tx_fail(tx, KCAS_TX_USER, -EINVAL);
		return NULL;
	}
	e = kcas_tx_find(tx, word);
	if (e)
		return e;
	if (kcas_tx_injected(tx)) {
		kcas_tx_fail(tx, KCAS_TX_INJECTED, -EAGAIN);
		return NULL;
	}
	return kcas_tx_read(tx, word);
}

/**
 * kcas_tx_validate() - does what has been read hold together?
 * @tx: the transaction
 * @word: one of its words, or NULL for all of them
 *
 * For transactions with %KCAS_TX_RELAXED, which are only looked at now and then and at their
 * end: a body has to call this before it uses two values that have to agree. Without
 * that flag there is nothing that this could find.
 *
 * Context: that of the transaction.
 * Return: 0, or the error of the transaction.
 */
int kcas_tx_validate(struct kcas_tx *tx, struct kcas_word *word)
{
	struct kcas_tx_entry *e;
	bool good;

	if (tx->err)
		return tx->err;
	if (word) {
		e = kcas_tx_find(tx, word);
		good = !e || kcas_entry_unchanged(e);
	} else {
		good = kcas_tx_unchanged(tx);
	}
	if (!good)
		return kcas_tx_fail(tx, KCAS_TX_CONFLICT_READ, -EAGAIN);
	if (!(tx->flags & KCAS_TX_PINNED) && debra_guard_aborted(&tx->guard))
		return kcas_tx_fail(tx, KCAS_TX_NEUTRALIZED, -EAGAIN);
	return 0;
}
EXPORT_SYMBOL_GPL(kcas_tx_validate);

static void kcas_logs_free(void)
{
	struct kcas_arena *arena;
	unsigned int cpu, i;

	for_each_possible_cpu(cpu) {
		for (i = 0; i < KCAS_NR_CONTEXTS; i++) {
			arena = &per_cpu_ptr(kcas_cpus, cpu)->arena[i];
			if (arena->log)
				kcas_log_free(arena->log);
			if (arena->task_log)
				kcas_log_free(arena->task_log);
			arena->log = NULL;
			arena->task_log = NULL;
		}
	}
}

/*
 * Tasks find memory when they need it; NMIs never do, and with PREEMPT_RT nobody in a section of
 * short form.
 */
static struct kcas_log *kcas_log_new(enum kcas_context context)
{
	struct kcas_log *log = kmem_cache_alloc(kcas_log_cache, GFP_KERNEL);

	if (!log || (context == KCAS_TASK && !IS_ENABLED(CONFIG_PREEMPT_RT)) ||
	    kcas_log_stock(log, GFP_KERNEL))
		return log;
	kcas_log_free(log);
	return NULL;
}

/**
 * kcas_log_start - one for each context of each CPU: NMIs have no other way to one
 *
 * Return: 0 or -ENOMEM, with nothing left.
 */
int kcas_log_start(void)
{
	struct kcas_log *log;
	unsigned int cpu, i;

	kcas_log_cache = kmem_cache_create("kcas_log", sizeof(struct kcas_log), 0,
					   SLAB_TYPESAFE_BY_RCU | SLAB_HWCACHE_ALIGN,
					   kcas_log_construct);
	if (!kcas_log_cache)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		for (i = 0; i < KCAS_NR_CONTEXTS; i++) {
			log = kcas_log_new(i);
			if (!log) {
				kcas_log_stop();
				return -ENOMEM;
			}
			per_cpu_ptr(kcas_cpus, cpu)->arena[i].log = log;
		}
	}
	return 0;
}

/**
 * kcas_log_stop - no transaction is left
 */
void kcas_log_stop(void)
{
	kcas_logs_free();
	/* Chunks are on their way back. */
	rcu_barrier();
	kmem_cache_destroy(kcas_log_cache);
}
