// SPDX-License-Identifier: GPL-2.0-only
/*
 * explore: which schedule comes next.
 *
 * A schedule is the list of the decisions in it. The first choice of each is what happens
 * by itself: whoever runs goes on. Others cost, most of them one; a schedule may cost as
 * much as the bound says. All schedules of cost 0 come first, then those up to 1, and so
 * on: depth first, by running the scenario again with the decisions of the last time up to
 * the last one for which there is another choice.
 *
 * Only what more than one fiber touches, and one of them writes, is worth a decision. What
 * these are is learnt in random schedules before, and if more turns up later the search
 * begins anew with the same bound.
 *
 * Replay: the choices that were not the first, each with the number of the step.
 */
#include <stdarg.h>
#include <sys/mman.h>
#include <time.h>

#include "explore.h"
#include "search.h"

#define TRAIL		65536
#define TOUCHED		65536	/* addresses; a power of 2 */
#define IDENTITIES	64
#define FORCED		4096

struct decision {
	unsigned long at;
	unsigned int nr;
	unsigned int chosen;
	unsigned int cost;	/* of those before */
	struct sh_candidate cand[SH_CANDIDATES];
};

struct touched {
	const volatile void *p;
	u64 readers, writers;
	bool shared;
};

struct forced {
	unsigned long at;
	int id;
};

enum mode {
	EXHAUSTIVE,
	RANDOM,
	REPLAY,
};

/* All of it outlives schedules, so it is not in the program's data. */
struct search {
	enum mode mode;
	unsigned int bound;
	unsigned int odds;
	u64 random;
	struct decision trail[TRAIL];
	unsigned int nr_trail, pos;
	struct touched touched[TOUCHED];
	unsigned long nr_touched, nr_shared;
	bool grew;
	const void *identity[IDENTITIES];
	struct forced forced[FORCED];
	unsigned int nr_forced, missed;
	bool failed, tracing;
	char message[1024];
	unsigned long schedules, steps, longest;
};

static struct search *s;

static u64 rnd(void)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random;
}

/* ---------------------------------------------------------------- decisions */

static unsigned int choose_random(const struct decision *d)
{
	/* Who could go on mostly does. */
	if (d->cand[1].costs && rnd() % s->odds)
		return 0;
	return rnd() % d->nr;
}

static unsigned int choose_forced(const struct decision *d)
{
	unsigned int i, j;

	for (i = 0; i < s->nr_forced; i++) {
		if (s->forced[i].at != d->at)
			continue;
		for (j = 0; j < d->nr; j++)
			if (d->cand[j].id == s->forced[i].id)
				return j;
	}
	return 0;
}

static bool same_candidates(const struct decision *d, const struct sh_candidate *cand,
			    unsigned int nr, unsigned long at)
{
	unsigned int i;

	if (d->nr != nr || d->at != at)
		return false;
	for (i = 0; i < nr; i++)
		if (d->cand[i].id != cand[i].id)
			return false;
	return true;
}

static unsigned int cost_after(const struct decision *d)
{
	return d->cost + d->cand[d->chosen].costs;
}

static unsigned int decide_new(struct decision *d)
{
	switch (s->mode) {
	case RANDOM:
		return choose_random(d);
	case REPLAY:
		return choose_forced(d);
	default:
		return 0;
	}
}

unsigned int search_decide(unsigned long at, const struct sh_candidate *cand, unsigned int nr)
{
	struct decision *d = &s->trail[s->pos];

	if (s->pos == TRAIL)
		sh_fail("explore: too many decisions");
	if (s->pos < s->nr_trail) {
		if (!same_candidates(d, cand, nr, at)) {
			fprintf(stderr, "explore: decision %u is not what it was\n", s->pos);
			exit(2);
		}
	} else {
		d->at = at;
		d->nr = nr;
		memcpy(d->cand, cand, nr * sizeof(*cand));
		d->cost = s->pos ? cost_after(d - 1) : 0;
		d->chosen = decide_new(d);
		s->nr_trail++;
	}
	s->pos++;
	return d->chosen;
}

/* Go on to the next choice of the last decision that has one within the bound. */
static bool next_schedule(void)
{
	struct decision *d;

	while (s->nr_trail) {
		d = &s->trail[s->nr_trail - 1];
		while (++d->chosen < d->nr)
			if (cost_after(d) <= s->bound)
				return true;
		s->nr_trail--;
	}
	return false;
}

/* ---------------------------------------------------------------- what is shared */

unsigned int search_identity(const void *what)
{
	unsigned int i;

	for (i = 0; i < IDENTITIES - 1 && s->identity[i]; i++)
		if (s->identity[i] == what)
			return i;
	s->identity[i] = what;
	return i;
}

static struct touched *find_touched(const volatile void *p)
{
	size_t i = ((unsigned long)p >> 2) * 0x9e3779b97f4a7c15UL >> 48;

	while (s->touched[i % TOUCHED].p && s->touched[i % TOUCHED].p != p)
		i++;
	return &s->touched[i % TOUCHED];
}

static bool more_than_one(u64 bits)
{
	return bits & (bits - 1);
}

bool search_shared(const volatile void *p, unsigned int who, bool write)
{
	struct touched *t = find_touched(p);

	if (!t->p) {
		if (s->nr_touched > TOUCHED / 2)
			return true;
		t->p = p;
		s->nr_touched++;
	}
	*(write ? &t->writers : &t->readers) |= 1UL << who;
	if (!t->shared && t->writers && more_than_one(t->readers | t->writers)) {
		t->shared = true;
		s->nr_shared++;
		s->grew = true;
	}
	return t->shared;
}

/* Who frees memory writes all of it. */
void search_freed(const void *p, size_t size, unsigned int who)
{
	const char *at;

	for (at = p; at < (const char *)p + size; at += 4)
		if (find_touched(at)->p)
			search_shared(at, who, true);
}

/* ---------------------------------------------------------------- running */

static bool run(void)
{
	sh_restore();
	s->pos = 0;
	s->failed = false;
	if (sh_scenario->setup)
		sh_scenario->setup();
	fiber_run();
	s->schedules++;
	s->steps += fiber_steps;
	s->longest = max(s->longest, fiber_steps);
	return !s->failed;
}

void search_failed(const char *message)
{
	s->failed = true;
	snprintf(s->message, sizeof(s->message), "%s", message);
}

bool search_tracing(void)
{
	return s && s->tracing;
}

void search_trace(const char *fmt, ...)
{
	va_list args;

	if (!search_tracing())
		return;
	va_start(args, fmt);
	printf("      ");
	vprintf(fmt, args);
	printf("\n");
	va_end(args);
}

void search_init(void)
{
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s == MAP_FAILED)
		abort();
}

static double now(void)
{
	struct timespec ts;

	/* Not the time on the clock: others may be busy. */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void seed(unsigned long nr)
{
	s->random = (nr + 1) * 0x9e3779b97f4a7c15UL;
	s->odds = 2UL << (nr % 7);
	rnd();
}

static bool run_random(unsigned long nr)
{
	s->mode = RANDOM;
	s->nr_trail = 0;
	seed(nr);
	return run();
}

/* ---------------------------------------------------------------- failures */

static void force_trail(void)
{
	unsigned int i;

	s->nr_forced = 0;
	for (i = 0; i < s->nr_trail && s->nr_forced < FORCED; i++)
		if (s->trail[i].chosen)
			s->forced[s->nr_forced++] = (struct forced){
				s->trail[i].at, s->trail[i].cand[s->trail[i].chosen].id };
}

static bool run_forced(void)
{
	s->mode = REPLAY;
	s->nr_trail = 0;
	return run();
}

/* Leave out what is not needed for a failure. What is here must not be static: see run(). */
static void shorten(void)
{
	struct forced without;
	unsigned int i;

	for (i = s->nr_forced; i--;) {
		without = s->forced[i];
		memmove(&s->forced[i], &s->forced[i + 1],
			(s->nr_forced - i - 1) * sizeof(without));
		s->nr_forced--;
		if (!run_forced())
			continue;
		memmove(&s->forced[i + 1], &s->forced[i], (s->nr_forced - i) * sizeof(without));
		s->forced[i] = without;
		s->nr_forced++;
	}
}

static void print_forced(const char *name)
{
	unsigned int i;

	printf("      replay: %s/", name);
	for (i = 0; i < s->nr_forced; i++)
		printf("%s%lu:%d", i ? "," : "", s->forced[i].at, s->forced[i].id);
	printf("\n");
}

const char *search_message(void)
{
	return s->message;
}

static bool run_traced(void)
{
	bool ok;

	s->tracing = true;
	ok = run_forced();
	s->tracing = false;
	return ok;
}

void search_report(const char *name)
{
	force_trail();
	if (run_forced()) {
		printf("      (the schedule cannot be repeated)\n");
		return;
	}
	shorten();
	if (run_traced())
		printf("      (the schedule cannot be repeated)\n");
	printf("      %s\n", s->message);
	print_forced(name);
}

bool search_replay(const char *choices)
{
	char *end;

	sh_snapshot();
	s->nr_forced = 0;
	while (*choices && s->nr_forced < FORCED) {
		struct forced *f = &s->forced[s->nr_forced++];

		f->at = strtoul(choices, &end, 10);
		if (*end != ':')
			break;
		f->id = strtol(end + 1, &end, 10);
		choices = *end == ',' ? end + 1 : end;
	}
	return !run_traced();
}

/* ---------------------------------------------------------------- all of it */

#define WARM_UP		300

/* Return: false if there was no time, or a failure. */
static bool search_bound(unsigned int bound, double until)
{
	s->mode = EXHAUSTIVE;
	s->bound = bound;
	s->nr_trail = 0;
	s->grew = false;
	do {
		if (!run() || now() > until)
			return false;
		if (s->grew) {
			s->grew = false;
			s->nr_trail = 0;
			continue;
		}
		if (!next_schedule())
			return true;
	} while (true);
}

static void search_random(unsigned long first, unsigned long nr, double until)
{
	unsigned long i;

	for (i = 0; i < nr && now() < until; i++)
		if (!run_random(first + i))
			return;
}

void search(const struct search_limits *limits, struct search_result *result)
{
	double begin = now();
	int bound;

	sh_snapshot();
	*result = (struct search_result){ .bound = -1 };
	search_random(limits->seed, min_t(unsigned long, limits->random, WARM_UP),
		      begin + limits->seconds);
	result->random = s->schedules;
	for (bound = 0; !s->failed && bound <= limits->bound; bound++) {
		if (!search_bound(bound, begin + limits->seconds))
			break;
		result->bound = bound;
	}
	result->exhaustive = s->schedules - result->random;
	if (!s->failed && limits->random > WARM_UP)
		search_random(limits->seed + WARM_UP, limits->random - WARM_UP,
			      begin + limits->seconds);
	result->random = s->schedules - result->exhaustive;
	result->failed = s->failed;
	result->shared = s->nr_shared;
	result->longest = s->longest;
	result->seconds = now() - begin;
}
