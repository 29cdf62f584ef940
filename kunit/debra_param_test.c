// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra tests: module parameters, as a user writes them.
 */
#include <kunit/resource.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "debra_test_util.h"

#define DEBRA_TEST_PARAMETERS	"sysfs/module/debra/parameters/"

/**
 * struct debra_test_setting - one write to a parameter
 * @name: the parameter
 * @text: what to write
 * @err: what comes of it
 * @value: what the parameter is then, if @err is 0
 */
struct debra_test_setting {
	const char *name;
	const char *text;
	int err;
	unsigned int value;
};

static const struct debra_test_setting debra_test_settings[] = {
	{ "batch", "64", 0, 64 },
	{ "batch", "1000", 0, 1000 },
	{ "batch", "1048576", 0, 1048576 },
	{ "batch", "0x100", 0, 256 },
	{ "batch", "63", -EINVAL },
	{ "batch", "0", -EINVAL },
	{ "batch", "1048577", -EINVAL },
	{ "batch", "4294967296", -EINVAL },
	{ "interval_ms", "1", 0, 1 },
	{ "interval_ms", "10000", 0, 10000 },
	{ "interval_ms", "0", -EINVAL },
	{ "interval_ms", "10001", -EINVAL },
	{ "interval_ms", "4294967296", -EINVAL },
	{ "limit", "0", 0, 0 },
	{ "limit", "1", 0, 1 },
	{ "limit", "4294967295", 0, 4294967295U },
	{ "throttle_ms", "1", 0, 1 },
	{ "throttle_ms", "60000", 0, 60000 },
	{ "throttle_ms", "0", -EINVAL },
	{ "throttle_ms", "60001", -EINVAL },
	{ "throttle_ms", "4294967296", -EINVAL },
	{ "guard_ms", "0", 0, 0 },
	{ "guard_ms", "60000", 0, 60000 },
	{ "guard_ms", "60001", -EINVAL },
	{ "guard_ms", "4294967296", -EINVAL },
	{ "age_ms", "0", 0, 0 },
	{ "age_ms", "60000", 0, 60000 },
	{ "age_ms", "60001", -EINVAL },
	{ "age_ms", "4294967296", -EINVAL },
	{ "stall_ms", "10", 0, 10 },
	{ "stall_ms", "600000", 0, 600000 },
	{ "stall_ms", "9", -EINVAL },
	{ "stall_ms", "0", -EINVAL },
	{ "stall_ms", "600001", -EINVAL },
	{ "stall_ms", "4294967296", -EINVAL },
	{ "ipi_rate", "0", 0, 0 },
	{ "ipi_rate", "1", 0, 1 },
	{ "ipi_rate", "4294967295", 0, 4294967295U },
	{ "ipi_rate", "4294967296", -EINVAL },
};

static void debra_test_setting_desc(const struct debra_test_setting *setting, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s=%s%s", setting->name, setting->text,
		 setting->err ? " refused" : "");
}

KUNIT_ARRAY_PARAM(debra_test_setting, debra_test_settings, debra_test_setting_desc);

static ssize_t debra_test_param_try(struct debra_test_files *files, const char *name,
				    const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), DEBRA_TEST_PARAMETERS "%s", name);
	return debra_test_write(files, path, text);
}

static void debra_test_param_write(struct kunit *test)
{
	const struct debra_test_setting *setting = test->param_value;
	struct debra_test_files *files = debra_test_files(test);
	ssize_t written;

	/* So that it is restored, and to be something else than what is written. */
	debra_test_set_param(test, files, setting->name, 777);
	written = debra_test_param_try(files, setting->name, setting->text);
	if (setting->err) {
		KUNIT_EXPECT_EQ(test, written, setting->err);
		KUNIT_EXPECT_EQ(test, debra_test_param(files, setting->name), 777);
	} else {
		KUNIT_EXPECT_EQ(test, written, strlen(setting->text));
		KUNIT_EXPECT_EQ(test, debra_test_param(files, setting->name), setting->value);
	}
}

static const char * const debra_test_params[] = {
	"batch", "interval_ms", "limit", "throttle_ms", "guard_ms", "age_ms", "stall_ms",
	"ipi_rate",
};

static void debra_test_params_desc(const char * const *name, char *desc)
{
	strscpy(desc, *name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(debra_test_params, debra_test_params, debra_test_params_desc);

/* What is no number is refused by all of them. */
static void debra_test_param_rubbish(struct kunit *test)
{
	static const char * const rubbish[] = {
		"\n", " ", "-1", "-64", "abc", "100x", "1 000", "64,65", "0x", "1e3", "1.5", "Y",
	};
	const char *name = *(const char * const *)test->param_value;
	struct debra_test_files *files = debra_test_files(test);
	unsigned int i;

	debra_test_set_param(test, files, name, 777);
	for (i = 0; i < ARRAY_SIZE(rubbish); i++) {
		KUNIT_EXPECT_EQ_MSG(test, debra_test_param_try(files, name, rubbish[i]), -EINVAL,
				    "\"%s\"", rubbish[i]);
		KUNIT_EXPECT_EQ(test, debra_test_param(files, name), 777);
	}
}

/* The mode of pins is one of two, the same in each place, and cannot be changed. */
static void debra_test_param_pins(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	bool fence = static_key_enabled(&debra_fence_key.key);
	char before[16];

	KUNIT_EXPECT_EQ(test, debra_test_mode(files, DEBRA_TEST_PARAMETERS "pins"), 0444);
	KUNIT_ASSERT_GT(test, debra_test_read(files, DEBRA_TEST_PARAMETERS "pins"), 0);
	strscpy(before, debra_test_text(files), sizeof(before));
	KUNIT_EXPECT_TRUE(test, !strcmp(before, "auto\n") ||
			  !strcmp(before, fence ? "fence\n" : "ipi\n"));
	KUNIT_EXPECT_LT(test, debra_test_write(files, DEBRA_TEST_PARAMETERS "pins",
					       fence ? "ipi" : "fence"), 0);
	KUNIT_EXPECT_GT(test, debra_test_read(files, DEBRA_TEST_PARAMETERS "pins"), 0);
	KUNIT_EXPECT_STREQ(test, debra_test_text(files), before);
	KUNIT_EXPECT_GT(test, debra_test_domain_read(files, dom, "stats"), 0);
	KUNIT_EXPECT_NOT_NULL(test, strstr(debra_test_text(files),
					   fence ? "pin_mode: fence\n" : "pin_mode: ipi\n"));
	KUNIT_EXPECT_EQ(test, static_key_enabled(&debra_fence_key.key), fence);
}

static void debra_test_param_modes(struct kunit *test)
{
	struct debra_test_files *files = debra_test_files(test);

	KUNIT_EXPECT_EQ(test, debra_test_mode(files, DEBRA_TEST_PARAMETERS "batch"), 0644);
	KUNIT_EXPECT_EQ(test, debra_test_mode(files, DEBRA_TEST_PARAMETERS "interval_ms"), 0644);
	KUNIT_EXPECT_EQ(test, debra_test_mode(files, DEBRA_TEST_PARAMETERS "limit"), 0644);
	KUNIT_EXPECT_EQ(test, debra_test_mode(files, DEBRA_TEST_PARAMETERS "throttle_ms"), 0644);
}

/* On one CPU, or the epoch might end and the bag not get full. */
static void debra_test_retire_at_once(struct debra_test_mark *marks, unsigned int nr)
{
	preempt_disable();
	while (nr--)
		debra_test_mark_retire(marks++);
	preempt_enable();
}

/* A full bag makes the reclaimer hurry, one that is not full does not. */
static void debra_test_param_batch_hurries(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 600);
	struct debra_test_files *files = debra_test_files(test);
	long before;

	debra_test_set_param(test, files, "interval_ms", 10000);
	debra_test_set_param(test, files, "batch", 1048576);
	debra_test_retire_at_once(marks, 300);
	msleep(100);
	before = debra_test_stat(files, dom, "expedited");
	KUNIT_EXPECT_EQ(test, before, 0);
	debra_test_set_param(test, files, "batch", 64);
	debra_test_retire_at_once(marks + 300, 300);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(debra_test_stat(files, dom, "expedited") > before));
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 600);
}

/* Who is in no hurry leaves objects for as long as he was told to. */
static void debra_test_param_interval_paces(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 2);
	struct debra_test_files *files = debra_test_files(test);
	unsigned long epoch;

	debra_test_set_param(test, files, "interval_ms", 10000);
	epoch = debra_epoch(dom);
	debra_test_mark_retire(&marks[0]);
	msleep(300);
	KUNIT_EXPECT_EQ(test, debra_epoch(dom), epoch);
	KUNIT_EXPECT_EQ(test, debra_test_calls(marks, 1), 0);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_EQ(test, debra_test_calls(marks, 1), 1);
	/* In another domain, since the pace of this one is set for the next pass. */
	dom = debra_test_domain(test);
	marks[1].dom = dom;
	debra_test_set_param(test, files, "interval_ms", 1);
	debra_test_mark_retire(&marks[1]);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(debra_test_calls(marks, 2) == 2));
}

/* ---------------------------------------------------------------- of one domain */

static void debra_test_own_path(char path[96], struct debra_domain *dom, const char *name)
{
	snprintf(path, 96, "sysfs/kernel/debra/%s/%s", dom->name, name);
}

static long debra_test_own(struct debra_test_files *files, struct debra_domain *dom,
			   const char *name)
{
	char path[96];
	long value;

	debra_test_own_path(path, dom, name);
	if (debra_test_read(files, path) <= 0)
		return -ENOENT;
	return sscanf(debra_test_text(files), "%ld\n", &value) == 1 ? value : -EINVAL;
}

static ssize_t debra_test_set_own(struct debra_test_files *files, struct debra_domain *dom,
				  const char *name, const char *text)
{
	char path[96];

	debra_test_own_path(path, dom, name);
	return debra_test_write(files, path, text);
}

/* As a parameter is written, with the same limits; and nothing else is changed by it. */
static void debra_test_own_write(struct kunit *test)
{
	const struct debra_test_setting *setting = test->param_value;
	struct debra_test_files *files = debra_test_files(test);
	struct debra_domain *dom = debra_test_domain(test), *other = debra_test_domain(test);
	const char *name = setting->name;
	long value = setting->value;
	ssize_t written;

	if (!strcmp(name, "ipi_rate")) {
		/* There is one for all. */
		KUNIT_EXPECT_EQ(test, debra_test_own(files, dom, name), -ENOENT);
		return;
	}
	debra_test_set_param(test, files, name, 777);
	KUNIT_EXPECT_EQ(test, debra_test_own(files, dom, name), 777);
	written = debra_test_set_own(files, dom, name, setting->text);
	KUNIT_EXPECT_EQ(test, written, setting->err ?: strlen(setting->text));
	if (setting->err)
		value = 777;
	KUNIT_EXPECT_EQ(test, debra_test_own(files, dom, name), value);
	KUNIT_EXPECT_EQ(test, debra_test_param(files, name), 777);
	KUNIT_EXPECT_EQ(test, debra_test_own(files, other, name), 777);
	debra_test_set_param(test, files, name, 888);
	KUNIT_EXPECT_EQ(test, debra_test_own(files, dom, name), setting->err ? 888 : value);
	KUNIT_EXPECT_EQ(test, debra_test_own(files, other, name), 888);
	KUNIT_EXPECT_EQ(test, debra_test_set_own(files, dom, name, "default\n"), 8);
	KUNIT_EXPECT_EQ(test, debra_test_own(files, dom, name), 888);
}

static void debra_test_own_rubbish(struct kunit *test)
{
	static const char * const rubbish[] = {
		"\n", " ", "-1", "abc", "100x", "1 000", "0x", "1.5", "Default", "defaults",
	};
	const char *name = *(const char * const *)test->param_value;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	unsigned int i;
	char path[96];

	if (!strcmp(name, "ipi_rate"))
		return;
	debra_test_own_path(path, dom, name);
	KUNIT_EXPECT_EQ(test, debra_test_mode(files, path), 0644);
	KUNIT_EXPECT_EQ(test, debra_test_set_own(files, dom, name, "999\n"), 4);
	for (i = 0; i < ARRAY_SIZE(rubbish); i++) {
		KUNIT_EXPECT_EQ_MSG(test, debra_test_set_own(files, dom, name, rubbish[i]),
				    -EINVAL, "\"%s\"", rubbish[i]);
		KUNIT_EXPECT_EQ(test, debra_test_own(files, dom, name), 999);
	}
}

/* One domain is at its limit, another is not; the first has given itself some more then. */
static void debra_test_own_limit(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test), *other = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 20);
	struct debra_test_mark *others = debra_test_marks(test, other, 20);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_holder *holder;
	int own, theirs, more;
	unsigned int i;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	KUNIT_ASSERT_EQ(test, debra_test_set_own(files, dom, "limit", "10"), 2);
	KUNIT_ASSERT_EQ(test, debra_test_set_own(files, dom, "throttle_ms", "20"), 2);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	for (i = 0; i < 20; i++) {
		debra_test_mark_retire(&marks[i]);
		debra_test_mark_retire(&others[i]);
	}
	own = debra_throttle(dom);
	theirs = debra_throttle(other);
	debra_test_set_own(files, dom, "limit", "20");
	more = debra_throttle(dom);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	KUNIT_EXPECT_EQ(test, own, -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, theirs, 0);
	KUNIT_EXPECT_EQ(test, more, 0);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_EQ(test, debra_barrier(other), 0);
}

/* What its user has set in code is the same thing, and has a domain hurry. */
static void debra_test_own_batch(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 300);
	struct debra_test_files *files = debra_test_files(test);

	debra_test_set_param(test, files, "batch", 777);
	KUNIT_EXPECT_EQ(test, debra_domain_set_batch(dom, 7), 0);
	KUNIT_EXPECT_EQ(test, debra_test_own(files, dom, "batch"), 7);
	KUNIT_EXPECT_EQ(test, debra_domain_set_batch(dom, DEBRA_BATCH_MAX + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, debra_test_own(files, dom, "batch"), 7);
	KUNIT_EXPECT_EQ(test, debra_domain_set_batch(dom, 0), 0);
	KUNIT_EXPECT_EQ(test, debra_test_own(files, dom, "batch"), 777);
	debra_test_set_param(test, files, "interval_ms", 10000);
	debra_test_set_param(test, files, "batch", 1048576);
	KUNIT_EXPECT_EQ(test, debra_domain_set_batch(dom, 64), 0);
	debra_test_retire_at_once(marks, 300);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(debra_test_stat(files, dom, "expedited") > 0));
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 300);
}

/* Where RCU is held up, an epoch that has become old has IPIs, though nobody is in a hurry. */
static void debra_test_age_matters(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *mark = debra_test_marks(test, dom, 1);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_holder *holder;
	bool called;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	debra_test_set_param(test, files, "age_ms", 100);
	holder = debra_test_holder(test, debra_test_domain(test), debra_test_cpu(1),
				   DEBRA_TEST_TASK);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	debra_test_mark_retire(mark);
	debra_test_wait(debra_test_calls(mark, 1) || !READ_ONCE(holder->held));
	called = debra_test_calls(mark, 1);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	KUNIT_EXPECT_TRUE(test, called);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, mark, 1);
}

static struct kunit_case debra_param_cases[] = {
	KUNIT_CASE_PARAM(debra_test_param_write, debra_test_setting_gen_params),
	KUNIT_CASE_PARAM(debra_test_param_rubbish, debra_test_params_gen_params),
	KUNIT_CASE(debra_test_param_pins),
	KUNIT_CASE(debra_test_param_modes),
	KUNIT_CASE(debra_test_param_batch_hurries),
	KUNIT_CASE(debra_test_param_interval_paces),
	KUNIT_CASE_PARAM(debra_test_own_write, debra_test_setting_gen_params),
	KUNIT_CASE_PARAM(debra_test_own_rubbish, debra_test_params_gen_params),
	KUNIT_CASE(debra_test_own_limit),
	KUNIT_CASE(debra_test_own_batch),
	KUNIT_CASE(debra_test_age_matters),
	{}
};

static struct kunit_suite debra_param_suite = {
	.name = "debra_param",
	.test_cases = debra_param_cases,
};

kunit_test_suite(debra_param_suite);
