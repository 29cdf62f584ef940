// SPDX-License-Identifier: GPL-2.0-only
/*
 * explore: the command line. Each scenario, and each twin, is explored by a process of its
 * own, which loads the modules first.
 */
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "explore.h"
#include "search.h"
#include "twins.h"

const struct scenario *sh_scenario;
bool sh_verbose;
unsigned long sh_max_steps = 20000;

static struct search_limits limits = {
	.seconds = 20, .bound = 3, .random = 3000,
};

static bool bound_given;

void sh_printk(const char *fmt, ...)
{
	va_list args;

	if (!sh_verbose)
		return;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
}

/*
 * With as few blocks as possible: all of them are copied before each schedule. And with as many
 * IPIs as anybody wants: time hardly passes.
 */
static void modules_init(void)
{
	int err;

	debra_bust = 0;
	kcas_max_blocks = 1;
	debra_ipi_rate = 0;
	err = sh_init_debra_init() ?: sh_init_kcas_module_init();
	if (err) {
		fprintf(stderr, "explore: the modules do not load: %d\n", err);
		exit(2);
	}
	kcas_max_blocks = 4096;
	if (sh_scenario->patience)
		kcas_patience = max(sh_scenario->patience, 0);
}

static const struct scenario *find_in(const struct scenario *const *list, const char *name,
				      size_t len)
{
	for (; *list; list++)
		if (strlen((*list)->name) == len && !strncmp((*list)->name, name, len))
			return *list;
	return NULL;
}

static const struct scenario *find_scenario(const char *name, size_t len)
{
	const struct scenario *found = find_in(kcas_scenarios, name, len);

	return found ?: find_in(debra_scenarios, name, len);
}

static const struct twin *find_twin(const char *name, size_t len)
{
	const struct twin *twin;

	for (twin = twins; twin->name; twin++)
		if (strlen(twin->name) == len && !strncmp(twin->name, name, len))
			return twin;
	return NULL;
}

static void load(const struct scenario *scenario, const struct twin *twin)
{
	sh_scenario = scenario;
	sh_cpus.bits = (1UL << scenario->cpus) - 1;
	nr_cpu_ids = scenario->cpus;
	modules_init();
	if (twin)
		*(twin->kcas ? &kcas_bust : &debra_bust) = twin->number;
}

static void print_result(const char *name, const struct search_result *r)
{
	if (r->bound >= 0)
		printf("%s: all schedules up to %d preemption%s, %lu run; %lu random", name,
		       r->bound, r->bound == 1 ? "" : "s", r->exhaustive, r->random);
	else
		printf("%s: %lu schedules, %lu random", name, r->exhaustive, r->random);
	printf("; %lu shared words, at most %lu steps, %.1f s\n", r->shared, r->longest,
	       r->seconds);
}

/* In a process of its own. Return: its exit status. */
static int explore(const struct scenario *scenario, const struct twin *twin)
{
	struct search_result result;
	struct search_limits l = limits;
	char name[96];

	snprintf(name, sizeof(name), "%s%s%s", scenario->name, twin ? "+" : "",
		 twin ? twin->name : "");
	if (!bound_given)
		l.bound = scenario->bound;
	load(scenario, twin);
	search(&l, &result);
	if (result.failed == !!twin) {
		printf("ok    ");
		print_result(name, &result);
		if (twin && sh_verbose)
			search_report(name);
		else if (twin)
			printf("      found: %.100s\n", search_message());
		return 0;
	}
	printf("FAIL  ");
	print_result(name, &result);
	if (result.failed)
		search_report(name);
	else
		printf("      the twin is broken, and no schedule failed\n");
	return 1;
}

static int in_process(const struct scenario *scenario, const struct twin *twin)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		status = explore(scenario, twin);
		fflush(stdout);
		_exit(status);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 2;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	printf("FAIL  %s: signal %d\n", scenario->name, WTERMSIG(status));
	return 2;
}

static int replay(char *text)
{
	char *choices = strchr(text, '/');
	size_t len = strcspn(text, "+/");
	const struct scenario *scenario = find_scenario(text, len);
	const struct twin *twin = NULL;
	bool failed;

	if (text[len] == '+')
		twin = find_twin(text + len + 1, strcspn(text + len + 1, "/"));
	if (!scenario || !choices || (text[len] == '+' && !twin)) {
		fprintf(stderr, "explore: %s: no such scenario or twin\n", text);
		return 2;
	}
	load(scenario, twin);
	failed = search_replay(choices + 1);
	printf("      %s\n", failed ? search_message() : "the schedule does not fail");
	return failed;
}

static void list(void)
{
	const struct scenario *const *lists[] = { kcas_scenarios, debra_scenarios };
	const struct twin *twin;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(lists); i++)
		for (j = 0; lists[i][j]; j++)
			printf("%-24s %s\n", lists[i][j]->name, lists[i][j]->what);
	for (twin = twins; twin->name; twin++)
		printf("%s+%s\n", twin->scenario, twin->name);
}

static void usage(void)
{
	fprintf(stderr,
		"explore [OPTION]... [SCENARIO | SCENARIO+TWIN]...\n"
		"  -l          list scenarios and twins\n"
		"  -s SECONDS  for each at most (20)\n"
		"  -b BOUND    preemptions (as the scenario says; -1: random schedules only)\n"
		"  -n NUMBER   random schedules (3000)\n"
		"  -S SEED     number of the first of them (0)\n"
		"  -m STEPS    of a schedule, more are no progress (20000)\n"
		"  -r REPLAY   run a schedule again, as it was printed\n"
		"  -v          what the modules say, and how twins fail\n"
		"Without a name: all scenarios, then all twins.\n");
	exit(2);
}

static unsigned int passed, failed;

static void count(int status)
{
	if (status)
		failed++;
	else
		passed++;
}

static void explore_named(const char *name)
{
	size_t len = strcspn(name, "+");
	const struct scenario *scenario = find_scenario(name, len);
	const struct twin *twin = NULL;

	if (scenario && name[len])
		twin = find_twin(name + len + 1, strlen(name + len + 1));
	if (!scenario || (name[len] && !twin)) {
		fprintf(stderr, "explore: %s: no such scenario or twin\n", name);
		exit(2);
	}
	count(in_process(scenario, twin));
}

static void explore_all(void)
{
	const struct scenario *const *list;
	const struct twin *twin;
	const struct scenario *scenario;

	for (list = kcas_scenarios; *list; list++)
		count(in_process(*list, NULL));
	for (list = debra_scenarios; *list; list++)
		count(in_process(*list, NULL));
	for (twin = twins; twin->name; twin++) {
		scenario = find_scenario(twin->scenario, strlen(twin->scenario));
		if (!scenario)
			exit(2);
		count(in_process(scenario, twin));
	}
}

/* A bad pointer ends the schedule, on the stack of the fiber. */
static void on_signal(int sig, siginfo_t *info, void *context)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sh_fail("signal %d, address %p", sig, info->si_addr);
	_exit(2);
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGFPE, &action, NULL);
}

int main(int argc, char **argv)
{
	int opt;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sh_memory_init();
	fiber_init();
	search_init();
	catch_signals();
	while ((opt = getopt(argc, argv, "ls:b:n:S:m:r:v")) != -1) {
		switch (opt) {
		case 'l':
			list();
			return 0;
		case 's':
			limits.seconds = atof(optarg);
			break;
		case 'b':
			limits.bound = atoi(optarg);
			bound_given = true;
			break;
		case 'n':
			limits.random = strtoul(optarg, NULL, 0);
			break;
		case 'S':
			limits.seed = strtoul(optarg, NULL, 0);
			break;
		case 'm':
			sh_max_steps = strtoul(optarg, NULL, 0);
			break;
		case 'r':
			return replay(optarg);
		case 'v':
			sh_verbose = true;
			break;
		default:
			usage();
		}
	}
	if (optind == argc)
		explore_all();
	for (; optind < argc; optind++)
		explore_named(argv[optind]);
	printf("%u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}
