// SPDX-License-Identifier: GPL-2.0-only
/*
 * explore: what must be so when an epoch ends, whatever comes of it.
 *
 *  - The next epoch begins, and none is left out.
 *  - Each CPU has passed a full barrier since the epoch began.
 *  - And since a guard of its was aborted, if the section is not over.
 *
 * What is wrong here need not free anything too early in the same scenario: the third epoch
 * makes up for much. This looks on at each switch point, so an advance is seen before anything
 * else happens.
 */
#include "../../kernel/debra/internal.h"
#include "explore.h"

static unsigned long clock, began;
static struct {
	const struct debra_guard_rec *rec;
	unsigned long word;
	unsigned long step;
} marked[32];

void watch_reset(void)
{
	clock = debra_default.clock;
	began = 0;
	memset(marked, 0, sizeof(marked));
}

#ifdef EXPLORE_THREADS
void watch_epochs(void) { }
#else
static void watch_guard(const struct debra_guard_rec *rec, int cpu, bool ends)
{
	unsigned long word = rec->word.counter;
	unsigned int i;

	if (!(word & DEBRA_GUARD_ACTIVE) || !(word & DEBRA_GUARD_ABORTED))
		return;
	for (i = 0; i < ARRAY_SIZE(marked) - 1; i++)
		if (!marked[i].rec || marked[i].rec == rec)
			break;
	if (marked[i].rec != rec || marked[i].word != word) {
		marked[i].rec = rec;
		marked[i].word = word;
		marked[i].step = fiber_steps;
	}
	/* Asleep, it passes one before it goes on. */
	if (!rec->task->on_rq)
		return;
	if (ends && fiber_last_fence(cpu) < marked[i].step)
		sh_fail("an epoch ends, and CPU %d has passed no barrier since a guard was aborted",
			cpu);
}

static void watch_guards(bool ends)
{
	struct debra_guard_cpu *gc;
	unsigned int cpu, i;

	for_each_possible_cpu(cpu) {
		gc = per_cpu_ptr(debra_default.guards, cpu);
		for (i = 0; i < gc->high; i++)
			watch_guard(&gc->rec[i], cpu, ends);
		for (i = 0; gc->tasks_used && i < DEBRA_GUARD_TASKS; i++)
			watch_guard(&gc->task[i], cpu, ends);
	}
}

static void watch_end(void)
{
	unsigned int cpu;

	if (debra_default.clock >> DEBRA_DEPTH_BITS != (clock >> DEBRA_DEPTH_BITS) + 1)
		sh_fail("epoch %lu comes after %lu", debra_default.clock >> DEBRA_DEPTH_BITS,
			clock >> DEBRA_DEPTH_BITS);
	clock = debra_default.clock;
	for_each_possible_cpu(cpu)
		if (fiber_last_fence(cpu) < began)
			sh_fail("an epoch ends, and CPU %u has passed no barrier since it began",
				cpu);
	began = fiber_steps;
}

void watch_epochs(void)
{
	bool ends = clock != debra_default.clock;

	if (debra_default.sup->aborted)
		watch_guards(ends);
	if (ends)
		watch_end();
}
#endif
